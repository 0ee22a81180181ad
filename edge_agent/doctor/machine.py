"""The machine under the agent: its clock, its disk, its power and its heat."""

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_agent import __version__
from edge_agent.common.errors import one_line
from edge_agent.doctor.host import Host
from edge_agent.doctor.report import Finding, fail, ok, skip, warn
from edge_agent.system.machine import (
    THROTTLED_BEFORE,
    THROTTLED_BITS,
    hexadecimal,
    temperature_c,
    throttled_bits,
    throttling,
)
from edge_agent.system.wall_clock import BORN

SPARE_BYTES = 50 * 1024**2
# Raspberry Pi's documentation: from 80 degrees the firmware slows the processor down bit by
# bit, from 85 also the rest of the chip.
WARM_C, HOT_C = 75.0, 85.0
# What the unit's StateDirectory= makes, and nothing else below /var/lib.
STATE = Path("/var/lib/edgeward")
# tmpfs and the like: what is written there is gone when the power is.
VOLATILE = ("tmpfs", "ramfs", "overlay")
UNDER_VOLTAGE = THROTTLED_BITS[0]
CLOCK_REMEDY = (
    "sudo timedatectl set-ntp true, and let UDP port 123 through; without a network a board "
    "needs a real-time clock"
)
POWER_REMEDY = (
    "use the power supply made for this board and a short cable; unplug what draws power by USB"
)
HEAT_REMEDY = "give it a heat sink, a fan, or shade; or let the streams answer less often"


@dataclass(frozen=True)
class StorageFolder:
    """A folder the agent writes to, and how much it may come to hold."""

    name: str
    folder: Path
    max_bytes: int


def clock(host: Host) -> list[Finding]:
    """Whether the time is right: results carry it, and certificates are held to it."""
    now = host.now()
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if now < BORN:
        return [fail("clock", f"{moment}: before version {__version__} was made", CLOCK_REMEDY)]
    synchronised = host.synchronised()
    if synchronised is None:
        synchronised = _said_by_timedatectl(host)
    if synchronised is None:
        return [skip("clock", f"{moment}; whether it is synchronised cannot be told here")]
    if not synchronised:
        return [warn("clock", f"{moment}, not synchronised", CLOCK_REMEDY)]
    return [ok("clock", f"{moment}, synchronised")]


def _said_by_timedatectl(host: Host) -> bool | None:
    said = host.run(["timedatectl", "show", "--property=NTPSynchronized", "--value"])
    return {"yes": True, "no": False}.get(said or "")


def disk(host: Host, store: StorageFolder) -> list[Finding]:
    """Whether `store` may be written to, has room, and survives a power cut."""
    check, folder = store.name, store.folder
    # Not by Path.is_dir(), which raises where a folder may not be looked into.
    if not os.path.isdir(folder):  # noqa: PTH112
        return [_missing(host, check, folder)]
    written = _write(folder)
    if written is not None:
        return [
            fail(
                check,
                f"{folder}: cannot be written: {written}",
                f"run the doctor as whom the agent runs as, or sudo chown that user {folder}; "
                "a read-only disk: mount it writable, and look at it with fsck",
            )
        ]
    return [_room(store), *_kept(host, store)]


def _missing(host: Host, check: str, folder: Path) -> Finding:
    """What to say of a folder that is not there, or not for us to see."""
    # After the first start the state's folder leads to one that only root looks into.
    if host.user != 0 and STATE in (folder, *folder.parents) and os.path.lexists(STATE):
        return fail(check, f"{folder}: not for this user to see", "sudo edgeward-agent doctor")
    if folder == STATE and not os.path.lexists(STATE):
        return warn(
            check,
            f"{folder}: no such folder yet: systemd makes it when the service first starts",
            "sudo systemctl start edgeward-agent, and ask again: its disk is looked at then",
        )
    who = "" if host.user == 0 else "sudo "
    return fail(
        check,
        f"{folder}: no such folder",
        f"{who}mkdir -p {folder}, owned by whom the agent runs as; the service has {STATE} "
        "by StateDirectory=edgeward, which makes no other",
    )


def _write(folder: Path) -> str | None:
    """Write a file there and remove it; what went wrong, if anything did."""
    try:
        with tempfile.NamedTemporaryFile(prefix=".edgeward-doctor-", dir=folder) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return one_line(error)
    return None


def _room(store: StorageFolder) -> Finding:
    """What the agent may still write there, beside what is free."""
    found = os.statvfs(store.folder)
    free = found.f_bavail * found.f_frsize
    held = sum(f.stat().st_size for f in store.folder.iterdir() if f.is_file())
    wanted = max(0, store.max_bytes - held) + SPARE_BYTES
    text = f"{store.folder}: writable, {_mb(free)} free, {_mb(wanted)} may be needed"
    if free < SPARE_BYTES:
        return fail(store.name, text, "free some space: what does not fit is not stored")
    if free < wanted:
        return warn(store.name, text, "free some space, or lower max_mb in agent.toml")
    if found.f_files and not found.f_favail:
        return fail(store.name, f"{store.folder}: no file can be added (inodes)", "remove files")
    return ok(store.name, text)


def _kept(host: Host, store: StorageFolder) -> list[Finding]:
    kind = _filesystem(host, store.folder.resolve())
    if kind not in VOLATILE:
        return []
    return [
        warn(
            store.name,
            f"{store.folder} is {kind}: what waits there is lost when the power fails",
            "put it on a disk: outbox.path in agent.toml, or turn off the overlay file system",
        )
    ]


def _filesystem(host: Host, folder: Path) -> str:
    """The kind of the file system that holds `folder`, by /proc/mounts; "" if unknown."""
    best, kind = "", ""
    for line in (host.read("proc/mounts") or "").splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        # The kernel writes a space in a name as \040.
        point = fields[1].encode().decode("unicode_escape")
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _mb(size: int) -> str:
    return f"{size / 1024**2:,.0f} MB"


def power(host: Host) -> list[Finding]:
    """Under-voltage and throttling, as the Raspberry Pi's firmware tells them."""
    bits = throttled_bits(host.root)
    if bits is None:
        bits = hexadecimal(host.run(["vcgencmd", "get_throttled"]))
    if bits is None:
        return [skip("power", "cannot be told here: no vcgencmd, and no sensor below /sys")]
    now, before = throttling(bits), throttling(bits >> THROTTLED_BEFORE)
    remedy = POWER_REMEDY if UNDER_VOLTAGE in {*now, *before} else HEAT_REMEDY
    if now:
        return [fail("power", f"now: {', '.join(now)} (0x{bits:x})", remedy)]
    if before:
        return [warn("power", f"since the start: {', '.join(before)} (0x{bits:x})", remedy)]
    return [ok("power", "no under-voltage and no throttling since the start")]


def temperature(host: Host) -> list[Finding]:
    """The hottest sensor the kernel knows."""
    found = temperature_c(host.root)
    if found is None:
        return [skip("temperature", "cannot be told here: no sensor below /sys/class/thermal")]
    text = f"{found:.0f} °C"
    if found >= HOT_C:
        return [fail("temperature", f"{text}: the processor slows down", HEAT_REMEDY)]
    if found >= WARM_C:
        return [warn("temperature", f"{text}: little is left until it slows down", HEAT_REMEDY)]
    return [ok("temperature", text)]
