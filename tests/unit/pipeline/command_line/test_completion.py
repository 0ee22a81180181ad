"""Shell completion: what a real bash is offered."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
BIN = Path(sys.executable).parent


@pytest.mark.skipif(BASH is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["edgeward", "con"], {"convert"}),
        (["edgeward", "convert", "--method", "m"], {"minmax", "mse"}),
        (["edgeward", "tell", "garage-pi", "re"], {"resume", "restart"}),
        (["edgeward", "train", "--re"], {"--recipe"}),
        (["edgeward", "build", "x"], set()),
    ],
    ids=lambda value: "-".join(sorted(value)),
)
def test_bash_is_offered_what_fits(words: list[str], offered: set[str]) -> None:
    """Commands, options and choices by their beginning; a file's name is left to bash."""
    script = (
        'eval "$(_EDGEWARD_COMPLETE=source_bash edgeward)"\n'
        f"COMP_WORDS=({' '.join(words)})\nCOMP_CWORD={len(words) - 1}\n"
        '_edgeward_completion edgeward\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
        "complete -p edgeward\n"
    )
    done = subprocess.run(
        [BASH or "", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, registered = done.stdout.splitlines()
    assert {line for line in lines if line} == offered
    assert registered == "complete -o default -F _edgeward_completion edgeward"
