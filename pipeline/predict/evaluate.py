"""`edgeward evaluate`: a bundle on pictures that a user has labelled."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.bundle.archive import open_bundle
from edge_agent.common.errors import printable
from edge_agent.tasks.kinds import task_name
from pipeline.common.errors import DataError, GateError
from pipeline.common.progress import SILENT, Progress
from pipeline.evaluation.evaluation import Evaluation, evaluated
from pipeline.evaluation.labelled import readable
from pipeline.evaluation.rows import PredictionRow, as_row, table, write_output
from pipeline.measure.wording import shown
from pipeline.predict.answers import Predictor
from pipeline.predict.terminal import evaluation_lines
from pipeline.tasks import task_named


def evaluate(
    bundle: Path,
    folder: Path,
    say: Callable[[str], None],
    *,
    csv: Path | None = None,
    json: Path | None = None,
    min_accuracy: float | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Measure the bundle at `bundle` on the labelled pictures in `folder`.

    Args:
        bundle: a bundle directory or .edgeward file.
        folder: labelled as the task of the bundle has it.
        say: prints a line.
        csv: where a row for each picture goes, the right answer in it.
        json: where the figures go.
        min_accuracy: the least share of right answers, in [0, 1].
        progress: told how far it is.

    Raises:
        BundleError: the bundle is missing, damaged or does not run here.
        DataError: the folder does not fit the bundle, no picture in it can be read, or a file
            cannot be written.
        GateError: fewer are right than `min_accuracy`; all files are written nevertheless.
    """
    opened = open_bundle(bundle)
    spec = opened.manifest.output
    judge = task_named(task_name(spec)).judge()
    labelled = judge.labelled(folder, spec)
    rows: list[PredictionRow] = []
    truths: list[str] = []
    problems: list[str] = []
    with Predictor(opened) as predictor, progress.task("evaluate", labelled.total) as task:
        for picture, image in readable(labelled.pictures, problems):
            rows.append(as_row(picture.name, None, predictor(image)))
            truths.append(picture.truth)
            task.advance()
        runtime = predictor.runtime
    for problem in problems:
        progress.say(printable(problem))
    if not rows:
        raise DataError(
            f"{folder}: expected a picture that can be read, found none of {labelled.total}"
        )
    found = evaluated(opened, str(folder), runtime, judge, rows, truths, problems)
    found = msgspec.structs.replace(found, part=labelled.part)
    for remark in labelled.remarks:
        say(printable(remark))
    for line in evaluation_lines(found, judge, rows, truths):
        say(line)
    if csv is not None:
        write_output(csv, table(rows, {"truth": truths}))
    if json is not None:
        write_output(json, msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    if min_accuracy is not None and found.accuracy is None:
        raise DataError(
            "min_accuracy: expected with a bundle whose answers are right or wrong, found "
            f"{opened.short_id}"
        )
    if min_accuracy is not None and found.accuracy and found.accuracy.value < min_accuracy:
        raise GateError(
            f"{judge.metric}: expected at least {100 * min_accuracy:.2f} %, "
            f"measured {shown(found.accuracy)}"
        )
    return found
