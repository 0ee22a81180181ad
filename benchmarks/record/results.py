"""What benchmarks measured, as JSON: `benchmarks/results/NAME.json`, a run for each command.

`make docs` writes docs/benchmarks.md from these files, so a figure is typed nowhere.
"""

import os
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec
from daemon.figures import Figure

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
# What figures depend on, by the names of the packages; those that are not installed are left out.
PACKAGES = ("numpy", "torch", "onnxruntime", "ai-edge-litert", "opencv-python-headless")


class Machine(msgspec.Struct, frozen=True):
    """What a run ran on.

    Args:
        cpu: the processor as it calls itself.
        cores: that this process may use.
        load: the mean length of the run queue over a minute at the end; None if not recorded.
        versions: of Python and of the packages that figures depend on.
    """

    cpu: str
    cores: int
    load: float | None
    versions: dict[str, str]


class Run(msgspec.Struct, frozen=True):
    """Everything that one command measured.

    Args:
        date: its day, YYYY-MM-DD.
        command: how to do it again, from the root of the tree.
        machine: what it ran on.
        figures: what came out.
        note: what a reader should know of the circumstances.
    """

    date: str
    command: str
    machine: Machine
    figures: tuple[Figure, ...]
    note: str = ""


def record(name: str, figures: Sequence[Figure], folder: Path = RESULTS) -> None:
    """Keep what this process measured in `folder`/NAME.json, in place of the same command's last.

    Args:
        name: of the benchmark.
        figures: what was measured; nothing is written without any.
        folder: where results are.
    """
    if not figures:
        return
    run = Run(datetime.now(UTC).date().isoformat(), command(), machine(), tuple(figures))
    others = [other for other in runs(name, folder) if other.command != run.command]
    write(name, [*others, run], folder)
    sys.stderr.write(f"{folder / name}.json: written; `make docs` puts it on the page\n")


def runs(name: str, folder: Path = RESULTS) -> tuple[Run, ...]:
    """What is kept of a benchmark; none if there is nothing."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return ()
    return msgspec.json.decode(path.read_bytes(), type=tuple[Run, ...])


def write(name: str, kept: Sequence[Run], folder: Path = RESULTS) -> None:
    """Write the runs of a benchmark, for people to read and to compare line by line."""
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(kept), indent=1)
    (folder / f"{name}.json").write_bytes(text + b"\n")


def command() -> str:
    """How this process was started: `python benchmarks/NAME.py ...`, paths from the tree's root."""
    script = Path(sys.argv[0]).resolve()
    place = script.relative_to(ROOT) if script.is_relative_to(ROOT) else Path(script.name)
    return shlex.join(["python", str(place), *sys.argv[1:]])


def machine() -> Machine:
    """This machine, as far as figures depend on it."""
    versions = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(_cpu(), len(os.sched_getaffinity(0)), round(os.getloadavg()[0], 1), versions)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()
