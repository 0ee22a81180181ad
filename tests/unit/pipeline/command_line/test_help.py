"""What people see: groups, whole summaries at 80 columns, an example for every command."""

import shlex
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.command_line.layout import Panel

ROOT = Path(__file__).parents[4]
COMMANDS = get_group(app).commands


def shown(*arguments: str) -> str:
    """The help at 80 columns, as a pipe gets it."""
    environment = {"COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    return CliRunner().invoke(app, [*arguments, "--help"], env=environment).stdout


def test_every_command_is_in_a_group_with_its_whole_summary() -> None:
    """Each name stands once, below a group; no summary is cut off or wrapped at 80 columns."""
    text = shown()
    assert "..." not in text.partition(str(Panel.BUILD))[2]
    for group in Panel:
        assert f"\n{group}:\n" in text
    for name, command in COMMANDS.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {name} ")]
        assert line.split(maxsplit=1)[1] == command.get_short_help_str(limit=1000)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_it_takes(name: str) -> None:
    """The example stands whole in the help, and parses: its options and arguments are right."""
    text = shown(name)
    example = text.partition("Example:\n  ")[2].splitlines()[0]
    program, command, *arguments = shlex.split(example)
    assert (program, command) == ("edgeward", name)
    COMMANDS[name].make_context(name, arguments)
    assert max(map(len, text.splitlines())) <= 80


def test_a_wrong_example_would_be_found() -> None:
    """Must fire: an option that the command does not have, and an argument too few."""
    for arguments in (["runs/x", "--quick"], []):
        with pytest.raises(Exception, match=r"(?i)no such option|missing parameter"):
            COMMANDS["train"].make_context("train", arguments)
