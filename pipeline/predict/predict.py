"""`edgeward predict`: what a bundle answers for each of a user's pictures."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from edge_agent.bundle.archive import open_bundle
from edge_agent.common.errors import printable
from pipeline.common.errors import DataError
from pipeline.evaluation.rows import (
    PredictionRow,
    as_row,
    json_line,
    table,
    terminal_line,
    write_output,
)
from pipeline.predict.answers import Predictor
from pipeline.predict.pictures import Picture, Unreadable, find_pictures, look

SHOWN = 5  # how many answers the summary counts by name


@dataclass
class Summary:
    """What is said at the end.

    Args:
        answers: how often each answer was given.
        unsure: how many the device would not take for sure.
        unreadable: what gave no picture.
        latencies_ms: of each picture, on this machine.
    """

    answers: Counter[str] = field(default_factory=Counter)
    unsure: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, row: PredictionRow) -> None:
        """Count one prediction."""
        self.answers[row.answer or "no text"] += 1
        self.unsure += not row.sure
        self.latencies_ms.append(row.latency_ms)

    def line(self) -> str:
        """`140 pictures: cat 70, dog 70; 3 not sure; 0.8 ms each (median)`."""
        total = len(self.latencies_ms)
        common = ", ".join(f"{name} {count}" for name, count in self.answers.most_common(SHOWN))
        more = len(self.answers) - SHOWN
        others = f" and {more} more" if more > 0 else ""
        speed = f"; {median(self.latencies_ms):.1f} ms each (median)" if total else ""
        return printable(f"{total} pictures: {common}{others}; {self.unsure} not sure{speed}")


def predict(
    bundle: Path,
    paths: Sequence[Path],
    say: Callable[[str], None],
    warn: Callable[[str], None],
    *,
    csv: Path | None = None,
    every: int = 1,
    json: bool = False,
) -> Summary:
    """Say what the bundle at `bundle` answers for each picture at `paths`.

    Args:
        bundle: a bundle directory or .edgeward file.
        paths: images, videos, and folders with all that is below them.
        say: prints a line for each picture.
        warn: prints a line for each file that gives none.
        csv: a table to write as well.
        every: of a video, look at every so many-th frame.
        json: say lines of JSON.

    Raises:
        BundleError: the bundle is missing, damaged or does not run here.
        DataError: a path is missing or has no picture, `csv` cannot be written, or not one
            picture can be read.
    """
    files = find_pictures(paths)
    summary, rows = Summary(), []
    with Predictor(open_bundle(bundle)) as predictor:
        for file in files:
            for row in _rows(predictor, look(file, every), summary, warn):
                summary.add(row)
                say(json_line(row) if json else terminal_line(row))
                if csv is not None:
                    rows.append(row)
    if not summary.latencies_ms:
        raise DataError(f"expected a picture that can be read, found none in {len(files)} files")
    if csv is not None:
        write_output(csv, table(rows))
    return summary


def _rows(
    predictor: Predictor,
    pictures: Iterator[Picture | Unreadable],
    summary: Summary,
    warn: Callable[[str], None],
) -> Iterator[PredictionRow]:
    for picture in pictures:
        if isinstance(picture, Unreadable):
            summary.unreadable.append(picture)
            warn(printable(picture.problem))
        else:
            yield as_row(picture.name, picture.frame, predictor(picture.image, picture.order))
