"""`ClassifySpec`: what a manifest says of a classifier's output."""

from typing import Annotated

import msgspec

from edge_agent.common.strict import Label, Probability, Strict


class ClassifySpec(Strict, frozen=True, kw_only=True, tag_field="task", tag="classify"):
    """How raw class scores become an answer.

    Args:
        labels: class names in the order of the network's outputs.
        temperature: scores are divided by it before the softmax, so that the
            confidence means what it says; fitted on the validation split.
        min_confidence: an answer below it is not `sure`; with 0 every answer is.
    """

    labels: Annotated[tuple[Label, ...], msgspec.Meta(min_length=2)]
    temperature: Annotated[float, msgspec.Meta(ge=1e-3, le=1e3)] = 1.0
    min_confidence: Probability = 0.0

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: expected distinct names, found a repeated one")

    @property
    def shape(self) -> tuple[int, int]:
        """The network's output shape, (1, K)."""
        return (1, len(self.labels))
