"""`Classification`: which class an image belongs to; the same on host, device and wire."""

from collections.abc import Hashable

import msgspec

from edge_agent.common.strict import Probability

# The gist of every answer that is not sure.
UNSURE = ("unsure",)


class LabelScore(msgspec.Struct, frozen=True):
    """One class and its probability in [0, 1]."""

    label: str
    confidence: Probability


class Classification(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="classification"
):
    """The answer of a classifier for one image.

    Args:
        label: the most probable class.
        index: its position among the network's outputs.
        confidence: its calibrated probability in [0, 1].
        sure: whether `confidence` reaches the bundle's `min_confidence`.
        top: the most probable classes, best first (at most five).
    """

    label: str
    index: int
    confidence: Probability
    sure: bool
    top: tuple[LabelScore, ...]

    @property
    def key(self) -> str:
        """Which thing in the frame it is about: empty, as it is about all of it."""
        return ""

    def gist(self) -> Hashable:
        """What makes it the same as another one: its class, or that it is not sure."""
        return ("class", self.label) if self.sure else UNSURE

    def lead(self, standing: Hashable) -> float:
        """By how much it is more probable than the class of the gist `standing`."""
        if not self.sure or standing == UNSURE:
            return 1.0
        rivals = [score for score in self.top if ("class", score.label) == standing]
        # One that is not among the best is at most as probable as the last of them.
        return self.confidence - (rivals[0].confidence if rivals else 0.0)

    def brief(self) -> str:
        """What it says and no more: the class."""
        return self.label

    def headline(self) -> str:
        """It in one line for people: `cat  98.3 %`."""
        sure = "" if self.sure else "  (not sure)"
        return f"{self.label:<12} {100 * self.confidence:5.1f} %{sure}"

    def details(self) -> tuple[str, ...]:
        """What there is to say beyond the headline: nothing."""
        return ()
