"""`read_run`: a run folder, finished, refused or under way, as what a comparison shows."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.bundle.archive import MANIFEST_FILE
from edge_agent.bundle.manifest import MODEL_FILE
from pipeline.checkpoints.history import HISTORY_FILE, EpochRecord, best_epoch, read_history
from pipeline.common.errors import RunError
from pipeline.common.progress import SILENT
from pipeline.compare.figures import ComparedRun, RunFigures, State, TestIdentity
from pipeline.measure.verify import Proof
from pipeline.report.data import Phase
from pipeline.run.run import RECIPE_FILE, WORK_FOLDER, Run
from pipeline.run.stages import STAGES
from pipeline.run.stages.export import CANDIDATE
from pipeline.run.stages.report import load_failed_rungs, load_rungs
from pipeline.run.stages.verify import FAILED_FOLDER, PROOF_FILE, load_failed_proof, load_proof
from pipeline.run.start import open_recorded
from pipeline.tasks import task_of
from pipeline.tasks.run_task import SPLIT_FILE

# The stages that train, and what their curves are called.
PHASES = {"train": "training", "prune": "fine-tuning"}


class _Split(msgspec.Struct, frozen=True):
    """What is read of `split.json`; every task has more in it."""

    name: str
    splits: dict[str, list[str]]
    labels: Any = None
    charset: Any = None
    quantities: Any = None


class _Provenance(msgspec.Struct, frozen=True):
    recipe_sha256: str


class _Manifest(msgspec.Struct, frozen=True):
    """What is read of a candidate's manifest."""

    provenance: _Provenance


def read_run(folder: Path, name: str, stopped: str = "") -> ComparedRun:
    """The run in `folder`; no picture is looked at and no network loaded.

    Args:
        folder: of the run.
        name: how it is called among the others.
        stopped: why its build ended, where that is known and no gate did it.

    Raises:
        RunError: it is no run folder, or another build's.
        RecipeError: its recipe cannot be read by this version.
    """
    if not (folder / RECIPE_FILE).is_file():
        raise RunError(f"{folder}: expected a run folder with {RECIPE_FILE}, found none")
    run = open_recorded(folder, SILENT)
    state, waits_for = _state(run)
    proof = _proof(run, state)
    phases = tuple(_phases(run))
    training = next((phase.epochs for phase in phases if phase.name == PHASES["train"]), ())
    split = _split(run)
    recipe = run.recipe
    figures = RunFigures(
        name=name,
        folder=str(folder),
        state=state,
        waits_for=waits_for,
        stopped=stopped,
        outdated=_outdated(run),
        task=task_of(recipe).name,
        data=recipe.data.kind if split is None else split.name,
        arch=recipe.model.network,
        width=recipe.model.width,
        weights=recipe.model.weights,
        side=(recipe.input.height, recipe.input.width),
        seconds=_seconds(run, phases),
        best_epoch=best_epoch(training).epoch if training else None,
        epochs=len(training) or None,
    )
    if proof is not None:
        figures = _proven(figures, run, proof)
    return ComparedRun(figures, flat(msgspec.to_builtins(recipe)), phases, _identity(run, split))


def flat(table: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Every key below `table` by its dotted name: `{"a": {"b": 1}}` as `{"a.b": 1}`."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{place}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def _state(run: Run) -> tuple[State, str]:
    """How far it came, and what is next."""
    if (run.path(FAILED_FOLDER) / PROOF_FILE).is_file():
        return "refused", ""
    undone = next((stage.name for stage in STAGES if run.record(stage.name) is None), None)
    return ("proven", "") if undone is None else ("unfinished", undone)


def _proof(run: Run, state: State) -> Proof | None:
    if state == "unfinished":
        return None
    return load_proof(run) if state == "proven" else load_failed_proof(run)


def _proven(figures: RunFigures, run: Run, proof: Proof) -> RunFigures:
    """`figures` with what `verify` measured, whether or not it held."""
    metrics = proof.metrics
    rungs = load_rungs(run) if figures.state == "proven" else load_failed_rungs(run)
    pruned = metrics.trained_score is not None
    return msgspec.structs.replace(
        figures,
        trained=metrics.before_pruning,
        pruned=metrics.float_score if pruned else None,
        int8=metrics.int8_score,
        macs=metrics.macs,
        parameters=next((rung.parameters for rung in rungs if rung.chosen), None),
        size_bytes=(run.path("export") / CANDIDATE / MODEL_FILE).stat().st_size,
        latency_ms=metrics.latency_ms,
        measured_on=metrics.measured_on,
        gates=proof.gates,
    )


def _phases(run: Run) -> list[Phase]:
    found = []
    for stage, name in PHASES.items():
        epochs = _history(run, stage)
        if epochs:
            found.append(Phase(name, epochs))
    return found


def _history(run: Run, stage: str) -> tuple[EpochRecord, ...]:
    """The epochs of a stage that is done, else those of the one under way."""
    work = sorted((run.folder / WORK_FOLDER).glob(f"{stage}-*/{HISTORY_FILE}"))
    for path in (run.path(stage) / HISTORY_FILE, *work):
        if path.is_file():
            return read_history(path)
    return ()


def _seconds(run: Run, phases: tuple[Phase, ...]) -> float:
    """What the stages took; of a training that was killed and gone on with, all its epochs."""
    trained = {phase.name: sum(epoch.seconds for epoch in phase.epochs) for phase in phases}
    total = 0.0
    for stage in STAGES:
        record = run.record(stage.name)
        whole = trained.get(PHASES.get(stage.name, ""), 0.0)
        total += whole if record is None else max(record.seconds, whole)
    return total


def _outdated(run: Run) -> bool:
    """Whether the candidate was exported from another recipe than the folder has now."""
    try:
        text = (run.path("export") / CANDIDATE / MANIFEST_FILE).read_bytes()
        made_by = msgspec.json.decode(text, type=_Manifest).provenance.recipe_sha256
    except (OSError, msgspec.DecodeError):
        return False
    return made_by != hashlib.sha256(run.recipe_text).hexdigest()


def _split(run: Run) -> _Split | None:
    try:
        return msgspec.json.decode((run.path("data") / SPLIT_FILE).read_bytes(), type=_Split)
    except (OSError, msgspec.DecodeError):
        return None


def _identity(run: Run, split: _Split | None) -> TestIdentity:
    task = task_of(run.recipe).name
    if split is None:
        return TestIdentity(task, run.recipe.data.kind, "", ())
    labels = repr((split.labels, split.charset, split.quantities))
    return TestIdentity(task, split.name, labels, tuple(split.splits.get("test", ())))
