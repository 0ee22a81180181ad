"""`PartOptions` and `WholeLooker`: one answer a frame, about all of it or one part of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from edge_agent.common.arrays import F32, I8
from edge_agent.sources.base import Frame
from edge_agent.tasks.kinds import Answer
from edge_agent.tasks.places import Corners, Region, RelativeRegion, check_part, crop
from edge_agent.tasks.task import Opening, Settable, Sighting, SpecT, TaskOptions

AnswerT = TypeVar("AnswerT", bound=Answer)


class PartOptions(TaskOptions, frozen=True):
    """The part of every frame to look at.

    Args:
        region: in pixels; the whole frame if left out.
        relative_region: the same in shares of the frame; at most one of the two.
    """

    region: Region | None = None
    relative_region: RelativeRegion | None = None

    def check(self, stream: str) -> None:
        """As `TaskOptions.check`."""
        if self.region is not None and self.relative_region is not None:
            raise ValueError(
                f"stream {stream!r}: expected one of region and relative_region, found both"
            )

    def outlines(self) -> list[Corners]:
        """As `TaskOptions.outlines`; a part in shares is inside every frame."""
        return [] if self.region is None else [self.region.corners()]

    def check_inside(self, width: int, height: int, stream: str) -> None:
        """As `TaskOptions.check_inside`."""
        if self.region is not None:
            check_part(self.region, width, height, stream)

    def region_in(self, width: int, height: int) -> Region | None:
        """The part to look at of a frame of this size; None for all of it."""
        if self.relative_region is not None:
            return self.relative_region.pixels(width, height)
        return self.region


class WholeLooker(Generic[SpecT, AnswerT]):
    """Answers once a frame, and remembers nothing.

    Args:
        opening: what it is opened with; the options are `PartOptions`.
        decode: the answer that outputs stand for.
        doubted: makes of an answer one that is not sure: for a frame that is in doubt.
    """

    def __init__(
        self,
        opening: Opening[SpecT, PartOptions],
        decode: Callable[[tuple[F32, ...], SpecT], AnswerT],
        doubted: Callable[[AnswerT], AnswerT],
    ) -> None:
        self._opening, self._decode, self._doubted = opening, decode, doubted

    @property
    def values(self) -> Mapping[str, Settable]:
        """As `Looker.values`: none."""
        return {}

    def prepare(self, frame: Frame) -> I8:
        """As `Looker.prepare`: the network's input."""
        height, width = frame.image.shape[:2]
        region = self._opening.options.region_in(width, height)
        part = crop(frame.image, region, self._opening.stream)
        return self._opening.network.prepare(part, frame.order)

    def answers(self, frame: Frame, prepared: I8) -> Iterator[Sighting]:
        """As `Looker.answers`: one."""
        scores = self._opening.network.scores(prepared)
        answer = self._decode(scores, self._opening.spec)
        yield Sighting(self._doubted(answer) if frame.doubt else answer)
