"""`Host`: what the doctor may ask the machine, in one value that a test can stand in for."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from edge_agent.system.wall_clock import clock_synchronised

# A command line to what it printed; None if there is no such command, or it fails.
Run: TypeAlias = Callable[[Sequence[str]], str | None]

COMMAND_TIMEOUT_S = 5.0


def run(command: Sequence[str]) -> str | None:
    """What `command` prints; None if it is missing, fails, or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


@dataclass(frozen=True)
class Host:
    """The machine.

    Args:
        root: where its /sys, /proc and /dev are.
        run: runs a command.
        synchronised: whether the clock is; None if that cannot be told.
        now: seconds since 1970.
        user: who asks; 0 may do anything.
    """

    root: Path = Path("/")
    run: Run = run
    synchronised: Callable[[], bool | None] = clock_synchronised
    now: Callable[[], float] = time.time
    user: int = field(default_factory=os.geteuid)

    def read(self, path: str) -> str | None:
        """The text of the file at `path` below the root; None if it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None
