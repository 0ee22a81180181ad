"""`build`: every stage of a run in order, each only if something it depends on changed."""

from collections.abc import Sequence

from edge_agent.common.errors import one_line
from pipeline.checkpoints.events import check_events
from pipeline.common.errors import GateError, RunError
from pipeline.run.run import Run, Stage, perform, sole_use, write_recipe_copy
from pipeline.run.stages import STAGES
from pipeline.run.stages.report import report_failure
from pipeline.run.stages.verify import VERIFY

_SHOWN = 3  # how many unreadable files are named


def build(run: Run) -> None:
    """Bring the whole run up to date.

    Raises:
        PipelineError, QuantizationError, AgentError: whatever a stage refuses.
    """
    check_events()
    with sole_use(run):
        write_recipe_copy(run)
        _ = run.weights  # where they are missing, nobody wants to have waited for the data
        for stage in STAGES:
            _report(run, stage, _perform(run, stage))


def single(run: Run, name: str) -> None:
    """Bring one stage up to date, from what the stages before it left.

    Raises:
        RunError: a stage before it is not finished or was altered.
    """
    check_events()
    names = [stage.name for stage in STAGES]
    if name not in names:
        raise RunError(f"stage: expected one of {', '.join(names)}, found {name!r}")
    with sole_use(run):
        write_recipe_copy(run)
        # Loading and splitting the data is part of every stage; alone it is nobody's command.
        for stage in STAGES:
            if stage.name in ("data", name):
                _report(run, stage, _perform(run, stage))


def _perform(run: Run, stage: Stage) -> bool:
    """Bring `stage` up to date; where it proves that a gate does not hold, show it as a report."""
    try:
        return perform(run, stage)
    except GateError as error:
        if stage is not VERIFY:
            raise
        try:
            shown = f"report {report_failure(run)}"
        except OSError as unwritten:
            shown = f"no report: {one_line(unwritten)}"
        raise GateError(f"{error}; {shown}") from error


def _report(run: Run, stage: Stage, done: bool) -> None:
    record = run.need(stage.name)
    what = f"done in {record.seconds:.1f} s" if done else "unchanged"
    run.progress.say(f"{stage.name}: {what}")
    if stage.name == "data":
        dataset = run.dataset
        for line in (*dataset.notes, *_skipped(dataset.skipped)):
            run.progress.say(f"data: {line}")


def _skipped(names: Sequence[str]) -> tuple[str, ...]:
    """A line on the files that could not be read, with the first few."""
    if not names:
        return ()
    more = ", ..." if len(names) > _SHOWN else ""
    return (f"unreadable, left out: {len(names)} ({', '.join(names[:_SHOWN])}{more})",)
