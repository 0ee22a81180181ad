"""What a comparison says of a run and of a group, the same way on the terminal and on the page."""

from collections.abc import Iterator

from pipeline.compare.comparison import Comparison, Group
from pipeline.compare.figures import RunFigures
from pipeline.measure.wording import shown
from pipeline.report import words


def status(run: RunFigures) -> str:
    """`proven`, `refused: accuracy, size`, or `unfinished: train, after 4 epochs`."""
    if run.state == "refused":
        text = f"refused: {', '.join(run.failed)}"
    elif run.stopped:
        text = f"failed in {run.waits_for}: {run.stopped}"
    elif run.state == "unfinished":
        text = f"unfinished: {run.waits_for} is next"
        if run.waits_for == "train" and run.epochs:
            text = f"unfinished: train, {run.epochs} epoch{'s' if run.epochs > 1 else ''} so far"
    else:
        text = "proven"
    return f"{text} (of an earlier recipe)" if run.outdated else text


def network(run: RunFigures) -> str:
    """`resnet8`, `mobilenet_v2 x0.5`, with the weights it began with."""
    wide = "" if run.width == 1.0 else f" x{run.width:g}"
    return f"{run.arch}{wide}"


def start(run: RunFigures) -> str:
    """What the training began with."""
    return run.weights or "from scratch"


def best_epoch(run: RunFigures) -> str:
    """`27 of 30`; empty where nothing was trained."""
    return "" if run.best_epoch is None else f"{run.best_epoch} of {run.epochs}"


def tested(group: Group) -> str:
    """What a group has in common, for its heading."""
    identity = group.identity
    images = len(identity.images)
    what = f"{identity.data}: {identity.task}"
    return f"{what}, {images:,} test images" if images else f"{what}, not divided yet"


def verdict(group: Group) -> Iterator[str]:
    """What the figures say, in one or two sentences; nothing where no run has a score."""
    best, smallest = group.best, group.smallest
    if best is None or best.int8 is None:
        return
    word = "Best" if best.int8.kind.more else "Least error"
    refused = " (refused)" if best.state != "proven" else ""
    yield f"{word}: {best.name}, {shown(best.int8)}{refused}."
    others = len(group.as_good) - 1
    if smallest is None or smallest.size_bytes is None or others < 1:
        return
    if smallest is best:
        yield f"No smaller one has an interval that overlaps it; {_others(others)} larger."
        return
    ratio = (best.size_bytes or 0) / smallest.size_bytes
    yield (
        f"Smallest whose interval overlaps it: {smallest.name}, "
        f"{words.size(smallest.size_bytes)}, {words.times(ratio)} smaller."
    )


def _others(count: int) -> str:
    return "one that does is" if count == 1 else f"{count} that do are"


def apart(comparison: Comparison) -> str | None:
    """Why there are several tables; None where there is one."""
    if len(comparison.groups) < 2:
        return None
    kinds = {group.identity.task for group in comparison.groups}
    what = "answer different questions" if len(kinds) > 1 else "were tested on different pictures"
    return (
        f"These runs {what}: each table is for itself, and no figure of one beats one of another."
    )
