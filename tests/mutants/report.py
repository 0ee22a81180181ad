"""What came of the bugs: counts by module, and each that no test found."""

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mutants.session import Trial


@dataclass(frozen=True)
class Equivalent:
    """A bug that is none: why, and how it is known again wherever its line moves."""

    module: str
    function: str
    operator: str
    was: str
    becomes: str
    reason: str


@dataclass(frozen=True)
class Tested:
    """A module and what came of its bugs.

    Args:
        module: its path.
        exist: how many bugs there are for it.
        trials: those that were tried.
    """

    module: str
    exist: int
    trials: list[Trial]


def load_equivalents(path: Path) -> list[Equivalent]:
    """What is written down as equivalent."""
    with path.open("rb") as file:
        return [Equivalent(**entry) for entry in tomllib.load(file).get("equivalent", [])]


def survivors(tested: Tested, equivalents: list[Equivalent]) -> tuple[list[Trial], list[Trial]]:
    """Of the bugs that no test found those that nobody has explained, and the equivalent ones."""
    known = {(e.module, e.function, e.operator, e.was, e.becomes) for e in equivalents}
    left: list[Trial] = []
    same: list[Trial] = []
    for trial in tested.trials:
        if trial.outcome == "survived":
            key = (tested.module, trial.function, trial.operator, trial.was, trial.becomes)
            (same if key in known else left).append(trial)
    return left, same


def render(all_tested: list[Tested], equivalents: list[Equivalent]) -> str:
    """A table by module, and each survivor."""
    rows = [
        "| module | bugs | tried | found | equivalent | survived | found of what counts |",
        "|---|---|---|---|---|---|---|",
    ]
    listed: list[str] = []
    total: Counter[str] = Counter()
    for tested in all_tested:
        left, same = survivors(tested, equivalents)
        outcomes = Counter(trial.outcome for trial in tested.trials)
        tried = len(tested.trials) - outcomes["no program"]
        counts = Counter(
            bugs=tested.exist,
            tried=tried,
            found=tried - len(left) - len(same),
            equivalent=len(same),
            survived=len(left),
        )
        total += counts
        rows.append(_row(f"`{tested.module}`", counts))
        killed_hard = {how: n for how, n in outcomes.items() if how.startswith("signal")}
        if left or killed_hard or outcomes["timeout"]:
            listed.append(f"\n## {tested.module}\n")
        if killed_hard or outcomes["timeout"]:
            listed.append(f"By time or a signal: {outcomes['timeout']}, {killed_hard}.\n")
        listed += [
            f"- `{trial.function}` {trial.operator}\n  - `{trial.was}`\n  - `{trial.becomes}`"
            for trial in left
        ]
    rows.append(_row("all", total))
    return "\n".join([*rows, *listed]) + "\n"


def _row(name: str, counts: Counter[str]) -> str:
    columns = ("bugs", "tried", "found", "equivalent", "survived")
    count = counts["found"] + counts["survived"]
    share = f"{counts['found'] / count:.1%}" if count else ""
    return f"| {name} | {' | '.join(str(counts[column]) for column in columns)} | {share} |"
