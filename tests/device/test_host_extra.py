"""`edgeward` on a device: one sentence that says which extra it needs, and a status of its own."""

import importlib.util
import subprocess
import sys

import pytest

from edge_agent.common.exit_codes import ExitCode
from pipeline.entry import is_dependency

COMMANDS = (
    *("build", "train", "init", "convert", "doctor", "watch", "tell", "label", "demo", "--help"),
)


def edgeward(*arguments: str, lacking: str) -> subprocess.CompletedProcess[str]:
    """Run the command where the module `lacking` is not installed."""
    code = (
        f"import sys; sys.modules[{lacking!r}] = None; sys.argv[0] = 'edgeward'\n"
        "from pipeline.entry import main\nmain()"
    )
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_needs(command: str) -> None:
    """Without the host's command line: one line, no traceback, status 28."""
    done = edgeward(command, lacking="typer")
    assert done.returncode == ExitCode.HOST_EXTRA
    assert done.stdout == ""
    assert done.stderr == (
        "edgeward: needs the packages of a host, of which typer is not installed: "
        "pip install 'edgeward[host]'\n"
    )


@pytest.mark.skipif(importlib.util.find_spec("typer") is None, reason="needs a host's packages")
def test_what_a_command_lacks_when_it_runs_is_said_alike() -> None:
    """Half of the host's packages: the command line is there, and torch is not."""
    done = edgeward("train", "nowhere", lacking="torch")
    assert done.returncode == ExitCode.HOST_EXTRA
    assert "of which torch is not installed: pip install 'edgeward[host]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "dependency"),
    [("typer", True), ("google.protobuf", True), ("pipeline.nothing", False), ("json.x", False)],
)
def test_a_fault_of_our_own_is_none_of_an_extra(name: str, dependency: bool) -> None:
    """A module that is missing from us, or from Python, stays a traceback."""
    assert is_dependency(name) is dependency
    assert not is_dependency(None)
