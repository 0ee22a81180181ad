"""The unit that systemd is given: closed enough, true to the exit statuses, without a slip."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.common.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "edgeward-agent.service"
MOST_EXPOSED = 2.0


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("needs systemd-analyze: install the system's package `systemd`")
    return subprocess.run([tool, "--no-pager", *arguments], capture_output=True, text=True)


def settings(name: str) -> list[str]:
    return re.findall(rf"(?m)^{name}=(.*)$", UNIT.read_text(encoding="utf-8"))


def exposure(unit: Path) -> float:
    done = analyze("security", "--offline=true", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if found is None:
        pytest.skip(f"needs a systemd that reads units offline, found: {done.stderr.strip()}")
    return float(found[1])


def test_the_unit_is_closed() -> None:
    """The systemd score of what the service could do if it were taken over."""
    assert exposure(UNIT) <= MOST_EXPOSED


def test_the_score_sees_what_is_open(tmp_path: Path) -> None:
    """Must fire: a unit that only starts the agent scores badly."""
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert exposure(bare) > 9


def test_the_unit_has_no_slip(tmp_path: Path) -> None:
    """`verify` says nothing of a key or value it does not know; it exits with 0 even then."""
    copy = tmp_path / "edgeward-agent.service"
    text = UNIT.read_text(encoding="utf-8")
    copy.write_text(text.replace("/opt/edgeward/bin/edgeward-agent", "/bin/true"))
    assert analyze("verify", str(copy)).stderr == ""
    copy.write_text(copy.read_text().replace("ProtectHome=yes", "ProtectHome=perhaps"))
    assert "protect home" in analyze("verify", str(copy)).stderr


def test_what_no_restart_mends_is_not_restarted() -> None:
    """The statuses in the unit are those of the table; a camera or a disk may come back."""
    (numbers,) = settings("RestartPreventExitStatus")
    assert {ExitCode(int(number)) for number in numbers.split()} == {
        ExitCode.USAGE,
        ExitCode.CONFIG,
        ExitCode.BUNDLE,
        ExitCode.BUNDLE_TASK,
        ExitCode.RUNTIME,
        ExitCode.CROPS,
    }
    assert settings("Restart") == ["on-failure"]
    # Which to systemd are no failures.
    assert settings("RestartForceExitStatus") == ["SIGHUP SIGPIPE"]
    assert settings("StartLimitIntervalSec") == ["0"]


def test_the_agents_promises_fit_the_units_patience() -> None:
    """It ends within five seconds and is heard at least every five while it lives."""
    from edge_agent.service.manager import STATUS_INTERVAL_S

    (stop,), (watchdog,) = settings("TimeoutStopSec"), settings("WatchdogSec")
    assert int(stop) > 5
    assert int(watchdog) >= 4 * STATUS_INTERVAL_S


def test_the_example_names_secrets_as_the_unit_delivers_them() -> None:
    """A name that LoadCredential does not have would be looked for in vain."""
    text = (ROOT / "deploy" / "agent.example.toml").read_text(encoding="utf-8")
    named = re.search(r'credentials_file = "([^"]+)"', text)
    assert named is not None
    assert named[1] in settings("LoadCredential")


def test_the_agent_needs_no_memory_that_is_written_and_run(bright_path: Path) -> None:
    """MemoryDenyWriteExecute: the interpreter proves its golden frames under the kernel's own."""
    code = f"""
import ctypes, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(77)
from edge_agent.cli import main
sys.exit(main(["bench", {str(bright_path)!r}, "--seconds", "0.01"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("needs Linux 6.3, which can refuse such memory")
    assert done.returncode == 0, done.stderr
