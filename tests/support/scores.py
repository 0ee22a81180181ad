"""Scores for tests, by how many answers of how many are right."""

from edge_agent.bundle.metrics import Score
from pipeline.measure.evaluate import wilson


def accuracy_of(right: int, samples: int) -> Score:
    """`right` of `samples` as an accuracy with its interval."""
    return Score.of("accuracy", wilson(right, samples))


def exact_of(right: int, samples: int) -> Score:
    """`right` of `samples` as the share of texts read without any error."""
    return Score.of("exact match", wilson(right, samples))
