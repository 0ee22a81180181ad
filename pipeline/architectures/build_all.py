"""`build_all`: one recipe with several architectures, one run folder each, and their comparison."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from edge_agent.common.errors import AgentError, one_line
from pipeline.arch import check_arch
from pipeline.architectures.recipe_text import folder_name, for_architecture, from_scratch
from pipeline.common.errors import GateError, PipelineError, RecipeError
from pipeline.compare.comparison import Comparison, compare
from pipeline.compare.publish import publish
from pipeline.data.root import data_root as root_of
from pipeline.models.zoo import ZOO
from pipeline.recipe import Recipe
from pipeline.run.build import build
from pipeline.run.run import RECIPE_FILE, Run
from pipeline.run.start import progress_of
from pipeline.tasks import task_of
from pipeline.tasks.recipes import decode_recipe, read_recipe
from pipeline.weights.find import find_known
from pipeline.weights.known import known
from quantization.errors import QuantizationError

ALL_SMALL = "all-small"
PAGE_FILE, TABLE_FILE = "compare.html", "compare.csv"


@dataclass(frozen=True)
class Outcome:
    """What became of each architecture.

    Args:
        folder: of all runs.
        runs: the run folder of each that has one, in the order in which they were built.
        errors: why one has no bundle, by its architecture.
    """

    folder: Path
    runs: Mapping[str, Path]
    errors: Mapping[str, Exception] = field(default_factory=dict)

    @property
    def passed(self) -> int:
        """How many have a bundle."""
        return len([arch for arch in self.runs if arch not in self.errors])


def named_architectures(text: str, recipe: Path, data_root: Path | None = None) -> tuple[str, ...]:
    """The architectures of the option `--arch`, each once.

    Args:
        text: names joined by commas; `all-small` stands for those of the zoo that are small and
            can answer what the recipe asks; of a recipe that asks for known weights, only those
            whose file is here: to train the others from scratch would take a day.
        recipe: the recipe's file.
        data_root: the data root, one of the places of weights.

    Raises:
        RecipeError: the recipe is missing or wrong, or there is no name, or one that nothing here
            has: a slip is told before hours of building the others.
    """
    decoded = decode_recipe(read_recipe(recipe), str(recipe))
    task = task_of(decoded)
    small = [
        entry.name
        for entry in ZOO
        if entry.small and entry.name in task.arches and _can_begin(decoded, entry.name, data_root)
    ]
    names: list[str] = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        names += small if name == ALL_SMALL else [name]
    if not names:
        raise RecipeError(
            f"arch: expected names joined by commas, or {ALL_SMALL} where the zoo has small ones "
            f"for {task.labels}; found {text!r}"
        )
    try:
        for name in names:
            check_arch(name, task.arches, own=task.own_networks)
    except ValueError as error:
        raise RecipeError(f"--arch: {error}") from error
    return tuple(dict.fromkeys(names))


def _can_begin(recipe: Recipe, arch: str, data_root: Path | None) -> bool:
    """Whether an architecture has on this machine what the recipe wants it to begin with."""
    weights = recipe.model.weights
    if weights is None or arch == recipe.model.arch:
        return True
    row = known(weights, arch) if not from_scratch(recipe, arch) else None
    return row is not None and find_known(row, root_of(data_root)) is not None


def build_all(
    recipe: Path,
    arches: Sequence[str],
    out: Path | None,
    data_root: Path | None,
    stream: TextIO,
) -> Outcome:
    """Build the recipe with each architecture; one that fails does not stop the others.

    Args:
        recipe: its file.
        arches: what to build.
        out: the folder of the run folders; None is runs/NAME-architectures.
        data_root: where data sets are looked for first.
        stream: where progress goes.

    Raises:
        RecipeError: the recipe is missing or wrong.
        OSError: the disk is full, or the like: that is nobody's architecture.
    """
    text = read_recipe(recipe)
    name = decode_recipe(text, str(recipe)).name
    folder = out or Path("runs") / f"{name}-architectures"
    progress = progress_of(stream)
    runs: dict[str, Path] = {}
    errors: dict[str, Exception] = {}
    for number, arch in enumerate(arches, start=1):
        progress.say(f"{arch}: architecture {number} of {len(arches)}")
        place = folder / folder_name(arch)
        try:
            made = for_architecture(text, str(recipe), arch)
            build(Run(place, made, recipe, data_root, progress))
        except (PipelineError, QuantizationError, AgentError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "allocate" not in str(error):
                raise  # torch says so that there is no memory, and what else it says is a defect
            errors[arch] = error
            progress.say(f"{arch}: {one_line(error)}")
        if (place / RECIPE_FILE).is_file():
            runs[arch] = place
    return Outcome(folder, runs, errors)


def show_outcome(outcome: Outcome, stream: TextIO) -> Iterator[Path]:
    """Print the comparison of what was built, and write its page and its table.

    Yields:
        The files.
    """
    if outcome.runs and os.environ.get("RANK", "0") == "0":
        yield from publish(
            compared(outcome),
            stream,
            page=outcome.folder / PAGE_FILE,
            csv=outcome.folder / TABLE_FILE,
        )


def compared(outcome: Outcome) -> Comparison:
    """The runs side by side; what stopped one that no gate refused is said of it."""
    stopped = {
        outcome.runs[arch]: one_line(error)
        for arch, error in outcome.errors.items()
        if arch in outcome.runs and not isinstance(error, GateError)
    }
    return compare(list(outcome.runs.values()), stopped)


def raise_if_none_passed(outcome: Outcome) -> None:
    """Raise unless one architecture has a bundle.

    Raises:
        GateError: none passed its gates, and one at least was measured.
        PipelineError, QuantizationError, AgentError, MemoryError, RuntimeError: none came so far;
            why the first one did not.
    """
    if outcome.passed:
        return
    refused = [arch for arch, error in outcome.errors.items() if isinstance(error, GateError)]
    if refused:
        raise GateError(
            f"arch: expected one architecture at least that passes its gates, found none of "
            f"{len(outcome.errors)}; measured: {', '.join(refused)}"
        )
    raise next(iter(outcome.errors.values()))
