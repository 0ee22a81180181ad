"""Answers as a test takes them: it knows of which task they are."""

from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.ocr.answer import Text


def classification(answer: object) -> Classification:
    """`answer`, which is that of a network that classifies."""
    assert isinstance(answer, Classification)
    return answer


def text(answer: object) -> Text:
    """`answer`, which is that of a network that reads."""
    assert isinstance(answer, Text)
    return answer
