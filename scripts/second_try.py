"""Try again, alone, what failed of a suite while others ran beside it; `make test` does.

    second_try.py run SUITE TESTS… -- PYTEST…   a suite; TESTS are the folders that have the chance
    second_try.py alone FOLDER                  what is noted in FOLDER

Tests that wait for brokers, cameras and processes can fail on a machine that is busy with another
suite. Where `EDGEWARD_SECOND_TRY` names a folder, a suite of which only such tests failed ends
well and is noted there; `alone` decides when all suites have ended. Without it, `run` is the suite.
Nothing is hidden: both outcomes of each are printed, and added to `second-tries.txt` beside FOLDER.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

FOLDER = "EDGEWARD_SECOND_TRY"
TESTS_FAILED = 1  # pytest's status: some failed; what else goes wrong has no second try
NOTE, CACHE, ALONE = "suite.json", "cache", "alone.xml"


def failed(folder: Path) -> list[str]:
    """The tests whose last try failed, by pytest's cache in a suite's `folder`."""
    kept = folder / CACHE / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text(encoding="utf-8"))) if kept.is_file() else []


def run(suite: str, tests: Sequence[str], command: Sequence[str]) -> int:
    """Run a suite; its status, or 0 where all that failed is to be tried again.

    Args:
        suite: its name.
        tests: the folders, below which a test has a second try.
        command: pytest with its arguments.
    """
    noted = os.environ.get(FOLDER)
    if not noted:
        return subprocess.run(command, check=False).returncode
    folder = Path(noted) / suite
    folder.mkdir(parents=True)
    cached = [*command, "-o", f"cache_dir={folder.resolve() / CACHE}"]
    status = subprocess.run(cached, check=False).returncode
    below = tuple(f"{path.rstrip('/')}/" for path in tests)
    names = failed(folder)
    if status != TESTS_FAILED or not names or not all(name.startswith(below) for name in names):
        return status
    (folder / NOTE).write_text(json.dumps({"command": cached, "failed": names}), encoding="utf-8")
    for name in names:
        _say(f"failed beside other suites, to be tried alone: {name} ({suite})")
    return 0


def alone(folder: Path) -> int:
    """Run each noted suite's failures once more, one suite after the other; 0 if all pass now."""
    outcomes = list[str]()
    status = 0
    for note in sorted(folder.glob(f"*/{NOTE}")):
        noted = json.loads(note.read_text(encoding="utf-8"))
        passed = _passed(note.parent, noted["command"], noted["failed"])
        for name in noted["failed"]:
            outcome = "passed alone" if name in passed else "FAILED ALONE TOO"
            outcomes.append(f"failed beside other suites, {outcome}: {name} ({note.parent.name})")
        if len(passed) < len(noted["failed"]):
            status = 1
    if outcomes:
        with (folder.parent / "second-tries.txt").open("a", encoding="utf-8") as kept:
            kept.writelines(f"{time.strftime('%Y-%m-%d %H:%M')} {line}\n" for line in outcomes)
        _say("\n".join(["", f"{' second tries ':=^80}", *outcomes, "=" * 80]))
    return status


def _passed(folder: Path, command: Sequence[str], names: Sequence[str]) -> set[str]:
    """Which of `names` pass now: none if not all were run; one that is skipped does not."""
    report = folder / ALONE
    again = ["--last-failed", "--last-failed-no-failures", "none", f"--junitxml={report}"]
    status = subprocess.run([*command, *again], check=False).returncode
    if status not in (0, TESTS_FAILED) or not report.is_file():
        return set()
    cases = list(ElementTree.parse(report).iter("testcase"))
    if len(cases) < len(names) or any(case.find("skipped") is not None for case in cases):
        return set()
    return {*names} - {*failed(folder)}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str]) -> int:
    """As the module says; the exit status."""
    match argv:
        case ["alone", folder]:
            return alone(Path(folder))
        case ["run", suite, *rest] if "--" in rest:
            at = rest.index("--")
            return run(suite, rest[:at], rest[at + 1 :])
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
