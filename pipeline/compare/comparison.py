"""`Comparison`: runs in groups that answered the same questions, and what can be said of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from pipeline.common.errors import RunError
from pipeline.compare.figures import ComparedRun, RunFigures, TestIdentity, proven_first
from pipeline.compare.reading import read_run
from pipeline.run.run import RECIPE_FILE

Figure: TypeAlias = Callable[[RunFigures], float | None]

# Keys that say how a run is called, not what was done.
_NAMES = ("name",)
# What a key says that is in no recipe of a run: none is written, and there is no default.
ABSENT = "-"


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key on which the recipes differ, and what each run's says, in the order of the runs."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that were tested on the same pictures for the same answers.

    Args:
        identity: what they have in common.
        runs: the best first, those without a score last.
    """

    identity: TestIdentity
    runs: tuple[ComparedRun, ...]

    @property
    def figures(self) -> tuple[RunFigures, ...]:
        """Those of every run."""
        return tuple(run.figures for run in self.runs)

    @property
    def scored(self) -> tuple[RunFigures, ...]:
        """Those of the runs with a score, the best first."""
        return tuple(run for run in self.figures if run.int8 is not None)

    @property
    def best(self) -> RunFigures | None:
        """The run of the best score among those that were not refused, else among all."""
        proven = [run for run in self.scored if run.state == "proven"]
        return next(iter((*proven, *self.scored)), None)

    @property
    def as_good(self) -> tuple[RunFigures, ...]:
        """The runs whose interval overlaps that of the best one, itself among them."""
        best = self.best
        if best is None or best.int8 is None:
            return ()
        top = best.int8
        if top.low is None or top.high is None:
            return (best,)
        low, high = top.low, top.high
        return tuple(
            run
            for run in self.scored
            if run.state == best.state
            and run.int8 is not None
            and run.int8.low is not None
            and run.int8.high is not None
            and run.int8.low <= high
            and low <= run.int8.high
        )

    @property
    def smallest(self) -> RunFigures | None:
        """Of those `as_good` as the best one the one with the smallest file."""
        sized = [run for run in self.as_good if run.size_bytes is not None]
        return min(sized, key=lambda run: run.size_bytes or 0, default=None)

    def front(self, cost: Figure) -> tuple[RunFigures, ...]:
        """The runs that none beats at both: no other is at least as good and costs less."""
        return tuple(
            run for run in self.scored if not any(_beats(o, run, cost) for o in self.scored)
        )

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The keys on which the recipes differ."""
        return differences([run.recipe for run in self.runs])


def _beats(other: RunFigures, run: RunFigures, cost: Figure) -> bool:
    theirs, ours = cost(other), cost(run)
    if theirs is None or ours is None:
        return False
    at_least, cheaper = proven_first(other) <= proven_first(run), theirs <= ours
    return at_least and cheaper and (proven_first(other) != proven_first(run) or theirs != ours)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that is shown.

    Args:
        groups: those with most runs first; runs of different groups cannot be compared.
    """

    groups: tuple[Group, ...]

    @property
    def runs(self) -> tuple[RunFigures, ...]:
        """All of them, group by group."""
        return tuple(run for group in self.groups for run in group.figures)


def run_folders(places: Sequence[Path]) -> list[Path]:
    """The run folders among `places`, and those in folders that are none themselves.

    Raises:
        RunError: one is no run folder and holds none.
    """
    found = []
    for place in places:
        within = [] if _is_run(place) or not place.is_dir() else sorted(place.iterdir())
        runs = [place] if _is_run(place) else [folder for folder in within if _is_run(folder)]
        if not runs:
            raise RunError(f"{place}: expected a run folder or a folder of them, found none")
        found += runs
    return found


def _is_run(folder: Path) -> bool:
    return (folder / RECIPE_FILE).is_file()


def compare(folders: Sequence[Path], stopped: Mapping[Path, str] | None = None) -> Comparison:
    """The runs in `folders`, side by side.

    Args:
        folders: of the runs.
        stopped: why the build of some of them ended.

    Raises:
        RunError: one is no run folder, two are the same one, or another build made one.
    """
    places = [folder.resolve() for folder in folders]
    twice = next(
        (folder for folder, place in zip(folders, places, strict=True) if places.count(place) > 1),
        None,
    )
    if twice is not None:
        raise RunError(f"{twice}: expected each run once, found it twice")
    names = run_names(folders)
    why = stopped or {}
    runs = [
        read_run(folder, name, why.get(folder, ""))
        for folder, name in zip(folders, names, strict=True)
    ]
    return Comparison(tuple(grouped(runs)))


def grouped(runs: Sequence[ComparedRun]) -> Iterator[Group]:
    """Runs by what they are tested on; one whose data are not divided yet goes where it may."""
    found: dict[TestIdentity, list[ComparedRun]] = {}
    for run in sorted(runs, key=lambda run: not run.test.images):
        identity = run.test
        if not identity.images:
            alike = (known for known in found if _may_be(identity, known))
            identity = next(alike, identity)
        found.setdefault(identity, []).append(run)
    for identity, members in sorted(found.items(), key=lambda item: -len(item[1])):
        yield Group(identity, tuple(sorted(members, key=lambda run: proven_first(run.figures))))


def _may_be(unknown: TestIdentity, known: TestIdentity) -> bool:
    return unknown.task == known.task and unknown.data == known.data


def run_names(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths by which each differs from all others."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def differences(recipes: Sequence[dict[str, Any]]) -> tuple[Difference, ...]:
    """The keys with different values, in the order of the recipes' keys."""
    keys = dict.fromkeys(key for recipe in recipes for key in recipe)
    found = []
    for key in keys:
        values = tuple(_shown(recipe.get(key)) for recipe in recipes)
        if key not in _NAMES and len(set(values)) > 1:
            found.append(Difference(key, values))
    return tuple(found)


def _shown(value: object) -> str:
    if value is None:
        return ABSENT
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
