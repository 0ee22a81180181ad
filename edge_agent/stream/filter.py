"""`ReportFilter`: report by exception: which answers are worth publishing, and why.

An answer's *gist* is what makes it the same as another one: a class that is sure, or that it is
not; a region's state and text, or its meter's value; the lines of a page. A gist is new once it
has come `settle` times in a row; until then the one before stands.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from edge_agent.contract.messages import Trigger
from edge_agent.stream.config import PublishConfig
from edge_agent.tasks.kinds import Answer


@dataclass
class _Region:
    """What stands in a region of the frame, and what may come."""

    published_at: float
    standing: Hashable = None
    candidate: Hashable = None
    streak: int = 0


class ReportFilter:
    """Judges the answers of a stream in their order, each region by itself.

    Args:
        config: by which rules.
    """

    def __init__(self, config: PublishConfig) -> None:
        self._config = config
        self._regions: dict[str, _Region] = {}
        self._expected = set[str]()

    def expect(self, region: str) -> None:
        """Publish the next answer about `region` whatever it is; any thread may ask."""
        self._expected.add(region)

    def judge(self, answer: Answer, at: float) -> Trigger | None:
        """The reason to publish `answer`, or None.

        Args:
            answer: about a frame.
            at: when that was taken, in seconds that never go back.
        """
        name = answer.key
        region = self._regions.setdefault(name, _Region(at))
        new_gist = answer.gist()
        if self._too_close(answer, region.standing):
            new_gist = region.standing
        trigger = self._trigger(region, new_gist, at)
        if name in self._expected:
            self._expected.discard(name)
            trigger = trigger or "change"
        if trigger is not None:
            region.published_at = at
        return trigger

    def _trigger(self, region: _Region, new_gist: Hashable, at: float) -> Trigger | None:
        if self._settled(region, new_gist):
            return "change"
        if self._config.when == "always":
            return "frame"
        every_s, since_s = self._config.at_least_every_s, at - region.published_at
        # One that is about to change, or flickers, would pass for a change.
        patience_s = every_s if new_gist == region.standing else 2 * every_s
        return "heartbeat" if every_s and since_s >= patience_s else None

    def _settled(self, region: _Region, new_gist: Hashable) -> bool:
        """Whether `new_gist` has settled; if so, it stands from now on."""
        if new_gist == region.standing:
            region.candidate, region.streak = None, 0
            return False
        region.streak = region.streak + 1 if new_gist == region.candidate else 1
        region.candidate = new_gist
        if region.streak < self._config.settle:
            return False
        region.standing, region.candidate, region.streak = new_gist, None, 0
        return True

    def _too_close(self, answer: Answer, standing: Hashable) -> bool:
        """Whether another class leads the standing one by less than the margin."""
        margin = self._config.margin
        return bool(margin) and standing is not None and answer.lead(standing) < margin
