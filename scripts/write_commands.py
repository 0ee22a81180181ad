"""Write docs/reference/commands.md: the `--help` of every command, word for word.

`make check` compares it with what the commands say, so it cannot fall behind.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "reference" / "commands.md"
COMMANDS = {
    "edgeward": "recipes models weights init build train prune quantize export verify report "
    "compare demo convert doctor predict evaluate explain watch tell label",
    "edgeward-agent": "run check doctor bench schemas",
}
MODULES = {"edgeward": "pipeline.cli", "edgeward-agent": "edge_agent.cli"}
WIDTH = "96"
HEAD = """# Commands

Generated from `--help` by `scripts/write_commands.py`; `make check` compares.
"""


def main() -> None:
    """Write the page."""
    TARGET.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    for program, names in COMMANDS.items():
        for arguments in ([], *([name] for name in names.split())):
            title = " ".join([program, *arguments])
            parts.append(f"## {title}\n\n```\n{help_text(program, arguments)}\n```\n")
    return "\n".join(parts)


def help_text(program: str, arguments: list[str]) -> str:
    """What `program arguments --help` prints, without colour and at a fixed width."""
    environment = {**os.environ, "COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", MODULES[program], *arguments, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=ROOT,
    )
    # Run as a module, a program is named after its file.
    named = re.sub(r"(?m)^(Usage|usage): (python -m \S+|cli\.py)", rf"\1: {program}", done.stdout)
    return "\n".join(line.rstrip() for line in named.strip().splitlines())


if __name__ == "__main__":
    main()
