"""`TextSpec`: what a manifest says of the output of a network that reads lines of text."""

from typing import Annotated, Literal

import msgspec

from edge_agent.common.strict import Character, Probability, Size, Strict


class Promise(Strict, frozen=True, kw_only=True):
    """What a threshold was chosen for: "at most 0.1 % wrong at 92 % coverage".

    Args:
        error: the share of wrong readings allowed among those that reach the threshold.
        coverage: the share of all readings that reached it.
        samples: how many readings that was measured on, none of them trained on.
    """

    error: Probability
    coverage: Probability
    samples: Annotated[int, msgspec.Meta(ge=1)]


class TextSpec(Strict, frozen=True, kw_only=True, tag_field="task", tag="ocr"):
    """How raw scores of (1, steps, K) become a text; K = len(charset) + 1.

    Output i is `charset[i]`; the last one is the blank, "no character here". The `ctc` rule
    of collapse: of a run of the same output one is kept, then the blanks go: `aa-ab` is
    `aab`, where `-` is the blank.

    Args:
        charset: every character the network can write, each one Unicode code point.
        steps: T, how many times along the width the network says what it sees.
        temperature: scores are divided by it before the softmax at each step, so that the
            probability of a text means what it says; fitted on the validation split.
        min_confidence: a text below it is not `sure`; with 0 every text is.
        promise: what `min_confidence` was chosen for; None if nobody has measured it.
        collapse: the rule from steps to characters.
    """

    charset: Annotated[tuple[Character, ...], msgspec.Meta(min_length=1, max_length=4096)]
    steps: Size
    temperature: Annotated[float, msgspec.Meta(ge=1e-3, le=1e3)] = 1.0
    min_confidence: Probability = 0.0
    promise: Promise | None = None
    collapse: Literal["ctc"] = "ctc"

    def __post_init__(self) -> None:
        if len(set(self.charset)) != len(self.charset):
            raise ValueError("charset: expected distinct characters, found a repeated one")

    @property
    def outputs(self) -> int:
        """K: the characters and the blank."""
        return len(self.charset) + 1

    @property
    def blank(self) -> int:
        """The output that means "no character here": the last one."""
        return len(self.charset)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The network's output shape, (1, T, K)."""
        return (1, self.steps, self.outputs)
