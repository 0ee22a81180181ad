"""Run a converter in a process of its own, and files on a runtime in another."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from math import nan
from pathlib import Path

HERE = Path(__file__).parent
MODEL = "model.tflite"


@dataclass(frozen=True)
class Tool:
    """A converter.

    Args:
        name: in the tables.
        python: of its environment.
        script: beside this file.
        options: after the script's two folders.
    """

    name: str
    python: Path
    script: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversion:
    """What one conversion took; all of it NaN and `error` set if it failed.

    Args:
        wall_s: of the whole process, from its start to its end.
        work_s: without starting Python and imports.
        peak_mb: the most memory it held.
        error: the last line it wrote, if there is no file.
    """

    wall_s: float
    work_s: float
    peak_mb: float
    error: str = ""


OURS = Tool("ours", Path(sys.executable), "convert_ours.py")
OURS_FROM_TORCH = Tool("ours from torch", OURS.python, OURS.script, ("--from-torch",))


def peers(litert: Path, onnx2tf: Path) -> list[Tool]:
    """Those of the two peers whose environment is there; says which is not."""
    known = [
        Tool("litert-torch", litert, "convert_litert.py"),
        Tool("onnx2tf", onnx2tf, "convert_onnx2tf.py"),
    ]
    for tool in known:
        if not tool.python.exists():
            print(f"{tool.name}: skipped, {tool.python} is not there (make peers)")
    return [tool for tool in known if tool.python.exists()]


def convert(tool: Tool, folder: Path, out: Path) -> Conversion:
    """Convert the network in `folder`; the file is then OUT/model.tflite."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    command = [str(tool.python), str(HERE / tool.script), str(folder), str(out), *tool.options]
    environment = dict(os.environ)
    if tool.python == OURS.python:
        paths = [str(HERE.parent), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    else:
        environment.pop("PYTHONPATH", None)  # a peer's environment holds no part of ours
    begun = time.perf_counter()
    with (out / "log.txt").open("wb") as log:
        done = subprocess.run(command, stdout=log, stderr=log, env=environment)
    wall_s = time.perf_counter() - begun
    if done.returncode or not (out / MODEL).exists():
        return Conversion(nan, nan, nan, _last_line(out / "log.txt", done.returncode))
    cost = json.loads((out / "cost.json").read_text())
    return Conversion(wall_s, cost["work_s"], cost["peak_mb"])


def _last_line(log: Path, status: int) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"status {status}: {lines[-1] if lines else 'silent'}"


def latencies(python: Path, files: dict[str, Path], rounds: int) -> dict[str, list[float] | str]:
    """For each file the median milliseconds of each round, or why the runtime refuses it.

    A runtime that dies of a file takes no other file with it: each is tried alone first.
    """
    found: dict[str, list[float] | str] = {}
    for name, path in files.items():
        tried = _latency(python, [path], 0)
        found[name] = "ends the runtime's process" if tried is None else tried[str(path)]
    good = [files[name] for name in files if not isinstance(found[name], str)]
    measured = _latency(python, good, rounds) or {}
    return {name: measured.get(str(files[name]), found[name]) for name in files}


def _latency(python: Path, files: list[Path], rounds: int) -> dict[str, list[float] | str] | None:
    command = [str(python), str(HERE / "latency.py"), str(rounds), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return None
    result: dict[str, list[float] | str] = json.loads(done.stdout.splitlines()[-1])
    return result
