"""Clock, disk, power and heat, on machines made of a folder."""

import os
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent.doctor import machine
from edge_agent.doctor.host import Host, run
from edge_agent.doctor.machine import StorageFolder, clock, disk, power, temperature

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


def host(root: Path, **parts: Any) -> Host:
    """A machine below `root`, with a right clock and no commands."""
    usual: dict[str, Any] = {
        "run": lambda command: None,
        "synchronised": lambda: True,
        "now": lambda: NOW,
    }
    return Host(root=root, **{**usual, **parts})


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_a_synchronised_clock(tmp_path: Path) -> None:
    """Must not fire."""
    (finding,) = clock(host(tmp_path))
    assert (finding.level, finding.found) == ("ok", "2026-11-21 12:00 UTC, synchronised")


@pytest.mark.parametrize(
    ("parts", "level", "found"),
    [
        ({"synchronised": lambda: False}, "warn", "2026-11-21 12:00 UTC, not synchronised"),
        ({"now": lambda: 3600.0}, "fail", "1970-01-01 01:00 UTC: before version "),
        ({"synchronised": lambda: None}, "skip", "2026-11-21 12:00 UTC; whether it is "),
        (
            {"synchronised": lambda: None, "run": lambda command: "no"},
            "warn",
            "2026-11-21 12:00 UTC, not synchronised",
        ),
        (
            {"synchronised": lambda: None, "run": lambda command: "yes"},
            "ok",
            "2026-11-21 12:00 UTC, synchronised",
        ),
    ],
    ids=["unsynchronised", "1970", "unknown", "timedatectl-no", "timedatectl-yes"],
)
def test_a_clock_that_is_not(
    parts: dict[str, object], level: str, found: str, tmp_path: Path
) -> None:
    """Must fire: a board without a battery starts in 1970, or where it was switched off."""
    (finding,) = clock(host(tmp_path, **parts))
    assert finding.level == level
    assert finding.found.startswith(found)
    assert ("timedatectl set-ntp true" in finding.remedy) == (level in ("warn", "fail"))


def test_commands_that_fail_say_nothing() -> None:
    """Missing, failing and printing ones."""
    assert run(["edgeward-no-such-command"]) is None
    assert run(["false"]) is None
    assert run(["echo", "yes"]) == "yes"


def test_a_folder_with_room(tmp_path: Path) -> None:
    """Must not fire, and leave nothing behind."""
    (finding,) = disk(host(tmp_path), StorageFolder("outbox", tmp_path, 1024))
    assert finding.level == "ok"
    assert finding.found.startswith(f"{tmp_path}: writable, ")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder(tmp_path: Path) -> None:
    """Must fire."""
    (finding,) = disk(host(tmp_path), StorageFolder("outbox", tmp_path / "none", 1024))
    assert (finding.level, finding.found) == ("fail", f"{tmp_path / 'none'}: no such folder")
    assert f"mkdir -p {tmp_path / 'none'}" in finding.remedy


def test_the_services_folder_before_its_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning: systemd makes that one; what is below it, or beside it, nobody does."""
    state = tmp_path / "edgeward"
    monkeypatch.setattr(machine, "STATE", state)
    (finding,) = disk(host(tmp_path, user=0), StorageFolder("outbox", state, 1024))
    assert finding.level == "warn"
    assert finding.found.endswith("systemd makes it when the service first starts")
    assert "systemctl start edgeward-agent" in finding.remedy
    for other in (state / "box", tmp_path / "other"):
        (finding,) = disk(host(tmp_path, user=0), StorageFolder("outbox", other, 1024))
        assert finding.level == "fail"


def test_the_services_folder_seen_by_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a DynamicUser= it is a link into what only root looks into: no `no such folder`."""
    state = tmp_path / "edgeward"
    state.symlink_to(tmp_path / "private" / "edgeward")
    monkeypatch.setattr(machine, "STATE", state)
    (finding,) = disk(host(tmp_path, user=1000), StorageFolder("outbox", state, 1024))
    assert (finding.level, finding.remedy) == ("fail", "sudo edgeward-agent doctor")


def test_a_folder_of_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Must fire: by trying, since a read-only disk has the same permissions."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(tmp_path))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    (finding,) = disk(host(tmp_path), StorageFolder("outbox", tmp_path, 1024))
    assert finding.level == "fail"
    assert "cannot be written: " in finding.found
    assert "Read-only file system" in finding.found


@pytest.mark.parametrize(
    ("free_mb", "held_mb", "files", "level"),
    [
        (1000, 0, 9, "ok"),
        (110, 0, 9, "warn"),
        (110, 10, 9, "ok"),
        (40, 60, 9, "fail"),
        (1000, 0, 0, "fail"),
    ],
)
def test_a_disk_that_fills_up(
    free_mb: int,
    held_mb: int,
    files: int,
    level: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What may still come to wait must fit; what the outbox already holds is not counted twice."""
    with (tmp_path / "outbox.db").open("wb") as file:
        file.truncate(held_mb * 1024**2)
    found = SimpleNamespace(f_bavail=free_mb, f_frsize=1024**2, f_files=100, f_favail=files)
    monkeypatch.setattr(os, "statvfs", lambda folder: found)
    (finding,) = disk(host(tmp_path), StorageFolder("outbox", tmp_path, 64 * 1024**2))
    assert finding.level == level
    assert (finding.remedy != "") == (level != "ok")


@pytest.mark.parametrize(("kind", "levels"), [("tmpfs", ["ok", "warn"]), ("ext4", ["ok"])])
def test_a_disk_that_forgets(kind: str, levels: list[str], tmp_path: Path) -> None:
    """Must fire for one in memory, by the mount that is nearest; must not for a real one."""
    folder = tmp_path / "a b" / "state"
    folder.mkdir(parents=True)
    point = str(tmp_path / "a b").replace(" ", "\\040")
    put(tmp_path, "proc/mounts", f"none / tmpfs rw 0 0\ndisk {point} {kind} rw 0 0\nodd\n")
    found = disk(host(tmp_path), StorageFolder("outbox", folder, 1024))
    assert [finding.level for finding in found] == levels
    if kind == "tmpfs":
        assert found[1].found.endswith("is tmpfs: what waits there is lost when the power fails")


def vcgencmd(answer: str) -> Callable[[Sequence[str]], str | None]:
    return lambda command: answer if command == ["vcgencmd", "get_throttled"] else None


@pytest.mark.parametrize(
    ("answer", "level", "found"),
    [
        ("throttled=0x0", "ok", "no under-voltage and no throttling since the start"),
        ("throttled=0x50005", "fail", "now: under-voltage, throttled (0x50005)"),
        ("throttled=0x50000", "warn", "since the start: under-voltage, throttled (0x50000)"),
        ("throttled=0x8", "fail", "now: soft temperature limit (0x8)"),
        ("nonsense", "skip", "cannot be told here: no vcgencmd, and no sensor below /sys"),
    ],
)
def test_power_by_the_firmware(answer: str, level: str, found: str, tmp_path: Path) -> None:
    """Its bits, those of now before those of earlier."""
    (finding,) = power(host(tmp_path, run=vcgencmd(answer)))
    assert (finding.level, finding.found) == (level, found)
    if level in ("warn", "fail"):
        assert ("power supply" in finding.remedy) == ("under-voltage" in found)


def test_power_by_the_kernels_files(tmp_path: Path) -> None:
    """The firmware's word below /sys, or the alarm of the voltage's sensor."""
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    assert power(host(tmp_path))[0].level == "skip"
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert power(host(tmp_path))[0].level == "ok"
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert power(host(tmp_path))[0].found == "now: under-voltage (0x1)"
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    assert power(host(tmp_path))[0].level == "warn"


@pytest.mark.parametrize(
    ("readings", "level", "found"),
    [
        ([], "skip", "cannot be told here: no sensor below /sys/class/thermal"),
        (["n/a"], "skip", "cannot be told here: no sensor below /sys/class/thermal"),
        (["41000", "52300"], "ok", "52 °C"),
        (["41000", "76000"], "warn", "76 °C: little is left until it slows down"),
        (["86100"], "fail", "86 °C: the processor slows down"),
    ],
)
def test_heat(readings: list[str], level: str, found: str, tmp_path: Path) -> None:
    """The hottest sensor counts; none at all is said."""
    for number, text in enumerate(readings):
        put(tmp_path, f"sys/class/thermal/thermal_zone{number}/temp", text + "\n")
    (finding,) = temperature(host(tmp_path))
    assert (finding.level, finding.found) == (level, found)
