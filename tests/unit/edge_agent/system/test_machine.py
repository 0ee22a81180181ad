"""How the machine fares, and what is said where it does not tell."""

from pathlib import Path

import pytest

from edge_agent.system.machine import MachineHealth, machine_health


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_machine_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    """A container, another system: null, not zero."""
    health = machine_health(tmp_path / "none", tmp_path)
    assert health == MachineHealth(load_1m=health.load_1m)


def test_a_raspberry_pi_tells_all(tmp_path: Path) -> None:
    """The hottest zone, what throttles now and not what once did, memory in pages."""
    for zone, text in (("0", "48312\n"), ("1", "51540\n"), ("2", "999999\n"), ("3", "n/a")):
        write(tmp_path, f"sys/class/thermal/thermal_zone{zone}/temp", text)
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "d0005\n")
    write(tmp_path, "proc/self/statm", "50000 15360 3000 1 0 9000 0\n")
    health = machine_health(tmp_path, tmp_path)
    assert health.temperature_c == 51.54
    assert health.throttling == ("under-voltage", "throttled")
    assert health.rss_mb == 60.0
    assert health.disk_free_mb is not None
    assert health.disk_free_mb > 0


def test_a_cold_machine_is_cold(tmp_path: Path) -> None:
    """Below zero outside."""
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "-12000\n")
    assert machine_health(tmp_path, tmp_path).temperature_c == -12


@pytest.mark.parametrize(("text", "expected"), [("0", ()), ("50000", ()), ("junk", None)])
def test_nothing_throttles_now(tmp_path: Path, text: str, expected: tuple[str, ...] | None) -> None:
    """What happened once is over; what cannot be read is not known."""
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", text)
    assert machine_health(tmp_path, tmp_path).throttling == expected


@pytest.mark.parametrize(("alarm", "expected"), [("1", ("under-voltage",)), ("0", ())])
def test_a_newer_kernel_tells_of_the_voltage_alone(
    tmp_path: Path, alarm: str, expected: tuple[str, ...]
) -> None:
    """By its own driver's alarm; other sensors' are not meant."""
    write(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", f"{alarm}\n")
    assert machine_health(tmp_path, tmp_path).throttling == expected


def test_this_machine_tells_what_it_can() -> None:
    """Linux: at least the memory and the disk."""
    health = machine_health(Path("/"))
    assert health.rss_mb is None or 5 < health.rss_mb < 10_000
    assert health.disk_free_mb is not None
