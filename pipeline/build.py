"""`build`: every stage of a run in order, each only if something it depends on changed."""

from pipeline.errors import RunError
from pipeline.run import Run, Stage, perform, sole_use, write_recipe_copy
from pipeline.stages import STAGES


def build(run: Run) -> None:
    """Bring the whole run up to date.

    Raises:
        PipelineError, QuantizationError, AgentError: whatever a stage refuses.
    """
    with sole_use(run):
        write_recipe_copy(run)
        for stage in STAGES:
            _report(run, stage, perform(run, stage))


def single(run: Run, name: str) -> None:
    """Bring one stage up to date, from what the stages before it left.

    Raises:
        RunError: a stage before it is not finished or was altered.
    """
    names = [stage.name for stage in STAGES]
    if name not in names:
        raise RunError(f"stage: expected one of {', '.join(names)}, found {name!r}")
    with sole_use(run):
        write_recipe_copy(run)
        # Loading and splitting the data is part of every stage; alone it is nobody's command.
        for stage in STAGES:
            if stage.name in ("data", name):
                _report(run, stage, perform(run, stage))


def _report(run: Run, stage: Stage, done: bool) -> None:
    record = run.need(stage.name)
    what = f"done in {record.seconds:.1f} s" if done else "unchanged"
    run.progress.say(f"{stage.name}: {what}")
