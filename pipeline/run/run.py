"""`Run`: one recipe in one folder, and the record of which stages are done.

A stage writes into a work folder of its own and appears under its name in one rename, with
`stage.json` beside its results. What it depended on is hashed into that record, so a stage
whose inputs have not changed is not repeated, and a run killed at any point goes on.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge_agent import __version__
from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import AgentError
from pipeline.common.distributed import join_ranks
from pipeline.common.errors import PipelineError, RunError, WeightsError
from pipeline.common.progress import Progress
from pipeline.data.base import Dataset
from pipeline.recipe import ModelRecipe
from pipeline.tasks import task_of
from pipeline.tasks.job import Job
from pipeline.tasks.recipes import decode_recipe
from pipeline.tasks.run_task import RunTask
from pipeline.weights.find import WeightsFile, find_weights
from quantization.errors import QuantizationError

RECIPE_FILE = "recipe.toml"
ORIGIN_FILE = "recipe.origin"
RECORD_FILE = "stage.json"
WORK_FOLDER = ".work"
LOCK_FILE = ".lock"
# Where a stage keeps what a later attempt can go on from; no result, and gone once it is done.
RESUME_FOLDER = "resume"

_T = TypeVar("_T")


class StageRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `stage.json` says: a finished stage, its inputs' hash and its results' hashes."""

    stage: str
    inputs: str
    outputs: dict[str, str]
    seconds: float


class Run(Job):
    """One recipe in one folder.

    Args:
        folder: where the stages leave their results.
        recipe_text: the exact bytes of the recipe.
        recipe_path: where it was read from; relative data paths may start beside it.
        data_root: where data sets are looked for first; None takes the environment's.
        progress: told how far each stage is.

    Raises:
        RecipeError: the recipe is wrong.
    """

    def __init__(
        self,
        folder: Path,
        recipe_text: bytes,
        recipe_path: Path,
        data_root: Path | None,
        progress: Progress,
    ) -> None:
        recipe = decode_recipe(recipe_text, str(recipe_path))
        super().__init__(recipe, recipe_text, recipe_path, data_root, folder, progress)

    @cached_property
    def task(self) -> RunTask:
        """What the recipe is about, with its data."""
        return task_of(self.recipe).open(self)

    @property
    def dataset(self) -> Dataset[Any]:
        """The recipe's data, loaded once."""
        return self.task.dataset

    @cached_property
    def weights(self) -> WeightsFile | None:
        """The trained weights that the recipe starts from, if it names any.

        Raises:
            WeightsError: they are not there, or not what the recipe names.
        """
        return self._weights_of(self.recipe.model)

    @cached_property
    def teacher_weights(self) -> WeightsFile | None:
        """Those that the teacher of `[distill]` starts from, if there is one and it has any.

        Raises:
            WeightsError: see `weights`.
        """
        distill = self.recipe.distill
        try:
            return None if distill is None else self._weights_of(distill.teacher)
        except WeightsError as error:
            raise WeightsError(f"distill.teacher: {error}") from error

    def _weights_of(self, model: ModelRecipe) -> WeightsFile | None:
        if model.weights is None:
            return None
        return find_weights(
            model.weights, model.arch, self.data_root, self.recipe_folder, self.progress
        )

    def path(self, stage: str) -> Path:
        """The folder with the results of `stage`."""
        return self.folder / stage

    def record(self, stage: str) -> StageRecord | None:
        """The record of `stage` if it is finished and its files are still what it wrote."""
        folder = self.path(stage)
        try:
            record = msgspec.json.decode((folder / RECORD_FILE).read_bytes(), type=StageRecord)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return record if _hash_files(folder) == record.outputs else None

    def need(self, stage: str) -> StageRecord:
        """The record of `stage`.

        Raises:
            RunError: it is not finished here, or its files were changed since.
        """
        record = self.record(stage)
        if record is None:
            raise RunError(
                f"{self.path(stage)}: expected the finished stage {stage!r}, found none or an "
                f"altered one; run: edgeward {stage} {self.folder}"
            )
        return record


def read_result(run: Run, stage: str, path: Path, kind: type[_T]) -> _T:
    """The value of `kind` in the JSON file `path`, which `stage` has left in the run.

    Raises:
        RunError: it is another build's, or damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(
            f"{path}: expected a result of this version of edgeward, found another one "
            f"({error}); run: edgeward {stage} {run.folder}"
        ) from error


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Args:
        name: its folder in the run and its command.
        inputs: all its result depends on, as values msgspec can encode.
        make: does the work; leaves its results in the folder it is given, which is empty
            but for what an interrupted attempt at the same work left in `RESUME_FOLDER`.
        check: raises at once what would be refused after the work only; asked before anything
            is begun, and not where nothing is to be done.
        shared: whether the processes of a torchrun do it together, the first one alone
            writing; other stages are that one's alone.
    """

    name: str
    inputs: Callable[[Run], object]
    make: Callable[[Run, Path], None]
    check: Callable[[Run], None] | None = None
    shared: bool = False


def perform(run: Run, stage: Stage) -> bool:
    """Bring `stage` up to date; False if it already was.

    Raises:
        PipelineError, QuantizationError, AgentError: whatever the stage refuses; it then
            leaves nothing behind.
    """
    inputs = _fingerprint(stage.name, stage.inputs(run))
    record = run.record(stage.name)
    if record is not None and record.inputs == inputs:
        join_ranks().wait()  # nobody changes anything before all have looked
        return False
    if stage.check is not None:
        stage.check(run)
    work = run.folder / WORK_FOLDER / f"{stage.name}-{inputs[:16]}"
    start = time.monotonic()
    ranks = join_ranks()
    ranks.wait()
    if ranks.first:
        _prepare(work, stage.name)
    ranks.wait()
    if ranks.first or stage.shared:
        try:
            stage.make(run, work)
        except (PipelineError, QuantizationError, AgentError):
            # Refused: the same attempt would be refused again. After a full disk, or anything
            # else that was nobody's decision, what was trained so far is gone on with.
            shutil.rmtree(work, ignore_errors=True)
            raise
    if ranks.first:
        record = StageRecord(stage.name, inputs, {}, round(time.monotonic() - start, 3))
        _finish(work, record, run.path(stage.name))
    ranks.wait()
    return True


def _prepare(work: Path, stage: str) -> None:
    """Make the folder for this very work; of an interrupted attempt keep what it resumes from."""
    # Attempts at other inputs will never be gone on with.
    for stale in work.parent.glob(f"{stage}-*"):
        if stale != work:
            shutil.rmtree(stale)
    work.mkdir(parents=True, exist_ok=True)
    for left in work.iterdir():
        if left.is_dir() and left.name != RESUME_FOLDER:
            shutil.rmtree(left)
        elif not left.is_dir():
            left.unlink()


def _finish(work: Path, record: StageRecord, place: Path) -> None:
    """Write the record beside the results in `work`, and put them into `place`."""
    shutil.rmtree(work / RESUME_FOLDER, ignore_errors=True)
    record = msgspec.structs.replace(record, outputs=_hash_files(work))
    write_whole(work / RECORD_FILE, msgspec.json.format(msgspec.json.encode(record), indent=2))
    if place.exists():
        shutil.rmtree(place)
    work.rename(place)


@contextmanager
def sole_use(run: Run) -> Iterator[None]:
    """Make the run folder, and let no other command work in it until the block ends.

    Raises:
        RunError: another one does, or what is there is no folder.
    """
    if run.folder.exists() and not run.folder.is_dir():
        raise RunError(f"{run.folder}: expected a run folder, found a file")
    run.folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("RANK", "0") != "0":
        yield  # the first process of a torchrun holds it for all of them
        return
    with (run.folder / LOCK_FILE).open("w") as lock:
        try:
            # The system gives it back when this process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"{run.folder}: expected a run folder to ourselves, found another command "
                "at work in it; wait for it, or give --out another folder"
            ) from error
        yield


def write_recipe_copy(run: Run) -> None:
    """Keep the exact recipe, and where it came from, for the commands of a single stage."""
    write_whole(run.folder / RECIPE_FILE, run.recipe_text)
    write_whole(run.folder / ORIGIN_FILE, os.fsencode(run.recipe_path.resolve()) + b"\n")


def origin(folder: Path) -> Path:
    """Where the recipe of the run in `folder` was read from; its data may lie beside it."""
    kept = folder / ORIGIN_FILE
    if not kept.is_file():
        return folder / RECIPE_FILE
    # A path is bytes: any name that Linux allows comes back as it was.
    return Path(os.fsdecode(kept.read_bytes().removesuffix(b"\n")))


def _fingerprint(stage: str, inputs: object) -> str:
    encoded = msgspec.json.encode([stage, __version__, inputs], order="sorted")
    return hashlib.sha256(encoded).hexdigest()


def _hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` by its relative name, the record left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD_FILE
    }
