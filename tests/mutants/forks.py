"""Tests in a fork of this process, which has the libraries loaded that take seconds to load."""

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Others' libraries only: the product's own modules are what is changed.
SLOW = ("numpy", "cv2", "pytest", "hypothesis", "msgspec", "paho.mqtt.client")
SLOWEST = ("onnx", "onnxruntime", "torch", "flatbuffers", "ai_edge_litert.schema_py_generated")
TAIL = 2000


@dataclass(frozen=True)
class Ending:
    """How the tests of one bug ended.

    Args:
        how: "passed", "failed", "timeout", or "signal N" where the process died of one.
        seconds: how long they took.
        output: the end of what they printed.
    """

    how: str
    seconds: float
    output: str


def load(*, host: bool) -> None:
    """Import what tests import of others, once for all of them."""
    for name in (*SLOW, *SLOWEST) if host else SLOW:
        importlib.import_module(name)


def copy_tree(root: Path, to: Path) -> None:
    """A copy of what git knows of the tree or does not ignore: bugs are put in there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = {name for name in listed.split("\0") if name and (root / name).is_file()}
    for old in [path for path in to.rglob("*") if path.is_file()] if to.exists() else []:
        if str(old.relative_to(to)) not in names:
            old.unlink()
    for name in names:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != (root / name).read_bytes():
            shutil.copyfile(root / name, target)


def run_tests(tree: Path, tests: Sequence[str], limit_s: float, *, compiled: bool) -> Ending:
    """Run `tests` of the copy in a fork, with a time limit.

    Args:
        tree: the copy.
        tests: files and folders in it, the nearest first: the first failure ends them.
        limit_s: after which the fork and all it has started are killed.
        compiled: whether Python may keep compiled modules, which nothing may once they change.
    """
    output = tree.parent / "output.txt"
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_the_tests(tree, tests, output, compiled=compiled)
    how = _wait(child, begun + limit_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests may have left behind
    text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
    return Ending(how, time.monotonic() - begun, text[-TAIL:])


def _wait(child: int, until_s: float) -> str:
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return f"signal {-code}" if code < 0 else "passed" if code == 0 else "failed"
        if time.monotonic() > until_s:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout"
        time.sleep(0.02)


def _be_the_tests(tree: Path, tests: Sequence[str], output: Path, *, compiled: bool) -> None:
    """Become pytest; never returns."""
    code = 70
    try:
        os.setsid()
        os.chdir(tree)
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.path[:0] = [str(tree)]
        os.environ["PYTHONPATH"] = str(tree)
        if not compiled:
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        import hypothesis
        import pytest

        # The same examples for every bug, as long as they take.
        hypothesis.settings.register_profile(
            "mutants", deadline=None, derandomize=True, database=None
        )
        hypothesis.settings.load_profile("mutants")
        arguments = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={tree.parent / 'tmp'}"]
        # Hypothesis is loaded before pytest could rewrite its assertions, which it need not.
        arguments += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*arguments, *tests]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
