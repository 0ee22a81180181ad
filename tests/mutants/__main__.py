"""Put bugs into the core, one at a time, and see which of them no near test finds.

    make mutants
    make mutants ARGS="--module outbox --sample 0" TIME=120

What was tried is kept: started again, it goes on where it ended. The bugs are put into a copy of
the tree, build/mutants/tree.
"""

import argparse
import fcntl
import os
import sys
import time
import tomllib
from pathlib import Path

from mutants.candidates import candidates, sample
from mutants.forks import copy_tree, load, run_tests
from mutants.report import Tested, load_equivalents, render, survivors
from mutants.session import Session

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "mutants"
HERE = Path(__file__).parent
LONGEST_S = 1200.0


def main() -> int:
    """Try what the arguments name; 1 if a survivor has no explanation."""
    asked = _arguments()
    with (HERE / "modules.toml").open("rb") as file:
        modules: dict[str, list[str]] = tomllib.load(file)["tests"]
    paths = [path for path in modules if not asked.module or any(m in path for m in asked.module)]
    if not paths:
        sys.exit(f"--module: expected a part of a path in modules.toml, found {asked.module}")
    if not asked.report:
        _be_alone()
        copy_tree(ROOT, FOLDER / "tree")
        load(host=any(not path.startswith("edge_agent/") for path in paths))
    ends_s = time.monotonic() + asked.time * 60
    tested = []
    for place, path in enumerate(paths):
        share_s = max(0.0, ends_s - time.monotonic()) / (len(paths) - place)
        tested.append(_try_module(path, modules[path], asked, time.monotonic() + share_s))
    equivalents = load_equivalents(HERE / "equivalent.toml")
    text = render(tested, equivalents)
    (FOLDER / "report.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return int(any(survivors(one, equivalents)[0] for one in tested))


def _try_module(path: str, tests: list[str], asked: argparse.Namespace, until_s: float) -> Tested:
    """Try the bugs of one module until `until_s`."""
    tree = FOLDER / "tree"
    found = candidates(ROOT, path)
    drawn = sample(found, asked.seed, asked.sample)
    with Session(FOLDER, path, found, drawn, only_read=asked.report) as session:
        pending = [] if asked.report else session.open(again=asked.again)
        if pending and time.monotonic() < until_s:
            sound = run_tests(tree, tests, LONGEST_S, compiled=True)
            if sound.how != "passed":
                sys.exit(f"{path}: its tests fail without a bug:\n{sound.output}")
            _say(f"{path}: {len(pending)} of {len(drawn)} bugs, tests take {sound.seconds:.1f} s")
            for key in pending:
                if time.monotonic() >= until_s:
                    _say(f"{path}: no time is left; the next run goes on")
                    break
                ending = session.test(key, tests, sound.seconds)
                _say(f"  {ending.how} ({ending.seconds:.1f} s)")
        return Tested(path, len(found), session.trials())


def _be_alone() -> None:
    """Hold the folder until this process ends; two would put bugs into one copy."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = os.open(FOLDER / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"{FOLDER}: another run is putting bugs in")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--module", action="append", help="a part of a path; may be repeated")
    parser.add_argument("--sample", type=int, default=60, help="bugs a module; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    parser.add_argument("--time", type=float, default=60, help="minutes in all")
    parser.add_argument("--again", action="store_true", help="try those again that survived")
    parser.add_argument("--report", action="store_true", help="only say what came of it so far")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
