"""A prediction as a line, of a terminal, of CSV and of JSON."""

import csv
import io
import json

import pytest

from edge_agent.tasks.classify.answer import Classification
from pipeline.evaluation.rows import PredictionRow, json_line, table, terminal_line


def row(confidence: float | None) -> PredictionRow:
    return PredictionRow(
        file="a.jpg",
        frame=None,
        answer="open",
        confidence=confidence,
        sure=True,
        why="",
        latency_ms=1.0,
        result=Classification(label="open", index=0, confidence=0.5, sure=True, top=()),
    )


@pytest.mark.parametrize(
    ("confidence", "line", "cell"), [(0.983, "open          98.3 %", "0.983"), (None, "open", "")]
)
def test_an_answer_without_a_confidence_shows_none(
    confidence: float | None, line: str, cell: str
) -> None:
    """Must fire where there is one; where there is none no number stands for it."""
    assert terminal_line(row(confidence)).split(maxsplit=1)[1].strip() == line
    (read,) = csv.DictReader(io.StringIO(table([row(confidence)]).decode()))
    assert read["confidence"] == cell
    assert json.loads(json_line(row(confidence)))["confidence"] == confidence
