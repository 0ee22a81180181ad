"""How the machine fares: temperature, throttling, memory, disk. What it does not tell is None."""

import os
import shutil
from pathlib import Path

import msgspec

# Raspberry Pi's firmware: what holds the processor back, by bit; the same 16 bits higher for
# what once did since the start.
# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
THROTTLED_FILE = "sys/devices/platform/soc/soc:firmware/get_throttled"
THROTTLED_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
THROTTLED_BEFORE = 16
# Sensors that are not there or broken give such readings.
PLAUSIBLE_C = (-55.0, 150.0)


class MachineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the machine and the process fare; what is not known is null.

    Args:
        temperature_c: of the hottest thermal zone, in degrees Celsius.
        throttling: what holds the processor back now, of a Raspberry Pi: `under-voltage`,
            `frequency capped`, `throttled`, `soft temperature limit`; empty if nothing does.
        rss_mb: the memory this process holds.
        disk_free_mb: where the outbox is.
        load_1m: the system's load, the last minute's average.
    """

    temperature_c: float | None = None
    throttling: tuple[str, ...] | None = None
    rss_mb: float | None = None
    disk_free_mb: float | None = None
    load_1m: float | None = None


def machine_health(folder: Path, root: Path = Path("/")) -> MachineHealth:
    """The readings now.

    Args:
        folder: on the disk in question.
        root: where the system's `sys` and `proc` are.
    """
    bits = throttled_bits(root)
    return MachineHealth(
        temperature_c=temperature_c(root),
        throttling=None if bits is None else throttling(bits),
        rss_mb=_rss_mb(root),
        disk_free_mb=_disk_free_mb(folder),
        load_1m=_load_1m(),
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def temperature_c(root: Path) -> float | None:
    """The hottest thermal zone's reading, in degrees Celsius; None if there is none."""
    found = []
    for path in (root / "sys/class/thermal").glob("thermal_zone*/temp"):
        text = _read(path)
        if text is not None and text.removeprefix("-").isdigit():
            found.append(int(text) / 1000)  # millidegrees
    low, high = PLAUSIBLE_C
    return max((c for c in found if low < c < high), default=None)


def throttled_bits(root: Path) -> int | None:
    """The firmware's bits; bit 0 of kernels that have the voltage's alarm alone; else None."""
    bits = hexadecimal(_read(root / THROTTLED_FILE))
    return _voltage_bit(root) if bits is None else bits


def hexadecimal(text: str | None) -> int | None:
    """The number in the firmware's `50000` or `throttled=0x50000`; None if there is none."""
    try:
        return int((text or "").rpartition("=")[2], 16)
    except ValueError:
        return None


def throttling(bits: int) -> tuple[str, ...]:
    """What the low bits of `bits` say holds the processor back."""
    return tuple(word for bit, word in enumerate(THROTTLED_BITS) if bits >> bit & 1)


def _voltage_bit(root: Path) -> int | None:
    for name in (root / "sys/class/hwmon").glob("hwmon*/name"):
        alarm = _read(name.with_name("in0_lcrit_alarm"))
        if _read(name) == "rpi_volt" and alarm is not None:
            return int(alarm == "1")
    return None


def _rss_mb(root: Path) -> float | None:
    # In pages: size, resident, shared, ...
    fields = (_read(root / "proc/self/statm") or "").split()
    if len(fields) < 2 or not fields[1].isdigit():
        return None
    return round(int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2, 1)


def _disk_free_mb(folder: Path) -> float | None:
    try:
        return round(shutil.disk_usage(folder).free / 1024**2, 1)
    except OSError:
        return None


def _load_1m() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None
