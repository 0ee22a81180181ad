"""A prediction as a line: of a terminal, of a CSV file, of JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import printable
from edge_agent.tasks.kinds import Result
from pipeline.common.errors import DataError
from pipeline.evaluation.prediction import Prediction

COLUMNS = ("file", "frame", "answer", "confidence", "sure", "why")


class PredictionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `predict --json`: the columns of the CSV file, and the whole result."""

    file: str
    frame: int | None
    answer: str
    confidence: float | None
    sure: bool
    why: str
    latency_ms: float
    result: Result


def as_row(name: str, frame: int | None, answered: tuple[Prediction, float]) -> PredictionRow:
    """The answer for the picture `name`, or for a `frame` of that video.

    Args:
        name: the picture's.
        frame: its number in a video; None of an image.
        answered: what was answered, and in how many milliseconds.
    """
    found, latency_ms = answered
    return PredictionRow(
        file=name,
        frame=frame,
        answer=found.answer,
        confidence=found.confidence,
        sure=found.sure,
        why=found.why,
        latency_ms=round(latency_ms, 3),
        result=found.result,
    )


def terminal_line(row: PredictionRow) -> str:
    """`cat/1.jpg  cat  98.3 %`, and where the device would not be sure, why."""
    place = row.file if row.frame is None else f"{row.file}#{row.frame}"
    why = f"  ({row.why})" if row.why else ""
    sure = "" if row.confidence is None else f" {100 * row.confidence:5.1f} %"
    said = f"{row.answer:<12}{sure}" if row.answer else "no text"
    return printable(f"{place:<32} {said}{why}")


def json_line(row: PredictionRow) -> str:
    """`row` as one line of JSON."""
    return msgspec.json.encode(row).decode()


def table(rows: Sequence[PredictionRow], more: Mapping[str, Sequence[str]] | None = None) -> bytes:
    """A CSV file (RFC 4180, UTF-8) of `rows`, with the columns of `more` behind their own."""
    extra = more or {}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*COLUMNS, *extra))
    for row, *others in zip(rows, *extra.values(), strict=True):
        frame = "" if row.frame is None else row.frame
        sure = "true" if row.sure else "false"
        # With the fewest digits that give the same number back.
        confidence = "" if row.confidence is None else repr(row.confidence)
        writer.writerow((row.file, frame, row.answer, confidence, sure, row.why, *others))
    return text.getvalue().encode()


def write_output(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all; folders on the way to it are made.

    Raises:
        DataError: `path` cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise DataError(f"{path}: expected to write a file, found: {error.strerror}") from error
