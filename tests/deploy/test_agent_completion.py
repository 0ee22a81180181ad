"""`deploy/edgeward-agent.bash`: what a bash is offered is what the command takes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_agent.cli import main

SCRIPT = Path(__file__).parents[2] / "deploy" / "edgeward-agent.bash"
COMMANDS = ("run", "check", "doctor", "bench", "schemas")


def offered(*words: str) -> set[str]:
    """What a real bash is offered behind these words, the last of which is being typed."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    typed = " ".join(f"'{word}'" for word in ("edgeward-agent", *words))
    script = (
        f"source {SCRIPT}\nCOMP_WORDS=({typed})\nCOMP_CWORD={len(words)}\n"
        '_edgeward_agent\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def taken(capsys: pytest.CaptureFixture[str], *arguments: str) -> set[str]:
    """The long options that a help lists."""
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    return set(re.findall(r"--[a-z-]+", capsys.readouterr().out.partition("options:")[2])) - {"--"}


def test_every_command_and_option_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands and options of the whole, then the options of each command: no more, no less."""
    assert offered("") == {*COMMANDS, *taken(capsys)}
    for command in COMMANDS:
        assert offered("--log-level", "info", command, "") == taken(capsys, command)


def test_what_may_be_chosen_is_offered_and_files_are_left_to_bash() -> None:
    """Levels and formats by their beginning; nothing of ours where a file is meant."""
    assert offered("--log-level", "w") == {"warning"}
    assert offered("--log-format", "") == {"auto", "text", "journal", "json"}
    assert offered("run", "--config", "") == set()
    assert offered("r") == {"run"}
