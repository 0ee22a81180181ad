"""One stream: its source, what looks at its frames, its counters, and the loop that joins them."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from edge_agent.common.errors import MessageError
from edge_agent.common.stop import Stop
from edge_agent.contract.commands import StreamDescription
from edge_agent.contract.messages import BundleRef, StreamHealth
from edge_agent.publish.sender import Sender
from edge_agent.sources.base import NO_TROUBLE, Frame, FrameSource, Report
from edge_agent.stream.availability import Availability
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.controls import Controls
from edge_agent.stream.read_ahead import ReadAhead
from edge_agent.stream.sink import NO_PICTURES, PictureStores, ResultSink
from edge_agent.tasks.task import Looker, Sighting

log = logging.getLogger(__name__)


def run(
    frames: Iterable[tuple[Frame, Any]],
    answers: Callable[[Frame, Any], Iterable[Sighting]],
    take: Callable[[Frame, Sighting], None],
) -> None:
    """What the agent does, all of it: answer for every prepared frame, and say so."""
    for frame, prepared in frames:
        for sighting in answers(frame, prepared):
            take(frame, sighting)


def unheard(report: Report) -> Report:
    """`report` alone."""
    return report


class Stream:
    """One source looked at by one model, and what it says about itself.

    Args:
        config: the stream's part of the configuration.
        bundle: what answers.
        looker: what looks at the frames.
        sender: who publishes, and where.
        stop: ends the stream between two frames.
        pictures: where pictures go.
        overhear: makes of a report one that somebody else hears too.
    """

    def __init__(
        self,
        config: StreamConfig,
        bundle: BundleRef,
        looker: Looker,
        sender: Sender,
        stop: Stop,
        pictures: PictureStores = NO_PICTURES,
        overhear: Callable[[Report], Report] = unheard,
    ) -> None:
        self.config, self._bundle, self._looker = config, bundle, looker
        self.controls, self._view = Controls(config.interval_s, stop), config.view()
        self.availability = Availability(config.name, sender)
        storing = overhear(self.availability.storing)
        self._sink = ResultSink(config, bundle, sender, stop, storing, pictures)
        self._source: FrameSource | None = None
        self._frames = 0

    def run(self, source: FrameSource) -> None:
        """Look at every frame of `source`, which has been entered, until it ends or we stop."""
        self._source = source
        frames = self._prepared(self.controls.paced(source, self._view))
        if source.live:
            # A frame prepared ahead would be stale by the time the model is free.
            run(frames, self._looker.answers, self._sink.take)
            return
        with ReadAhead(frames) as ahead:
            run(ahead, self._looker.answers, self._sink.take)

    def _prepared(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Any]]:
        for frame in frames:
            self._frames += 1
            yield frame, self._looker.prepare(frame)

    def report(self, available: bool, reason: str) -> None:
        """The source came or went."""
        self.availability.source(available, reason)

    def pause(self, paused: bool) -> None:
        """Look no more, or again; a paused stream is not available, and says why."""
        self.controls.pause(paused)
        self.availability.pause(paused)

    def check_value(self, region: str, value: float | None) -> None:
        """Refuse what `set_value` would, and change nothing.

        Raises:
            MessageError: no such region, not a meter, or nothing that it can show.
        """
        values = self._looker.values
        if region not in values:
            found = ", ".join(values) or "none"
            raise MessageError(
                f"set: expected a region with a meter of {found}, found {region!r} - at `$.region`"
            )
        try:
            if value is not None:
                values[region].check(value)
        except ValueError as error:
            raise MessageError(f"set: {error} - at `$.value`") from error

    def set_value(self, region: str, value: float | None) -> None:
        """Take `value` for what the meter of `region` shows; None forgets what it showed.

        Raises:
            MessageError: as `check_value`.
        """
        self.check_value(region, value)
        done = self._looker.values[region].set_to(value, time.monotonic())
        log.warning("stream %r, region %r: %s, by a command", self.config.name, region, done)
        self._sink.filter.expect(region)

    def describe(self) -> StreamDescription:
        """As it is configured, and set, now."""
        return StreamDescription(
            name=self.config.name,
            task=self.config.task,
            source=str(type(self.config.source).__struct_config__.tag),
            bundle=self._bundle,
            interval_s=self.controls.interval_s,
            paused=self.controls.paused,
            regions=self.config.options.keys(),
            place=self.config.source.place,
        )

    def health(self) -> StreamHealth:
        """The counters now."""
        counters = NO_TROUBLE if self._source is None else self._source.counters
        rss = counters.capture_rss_bytes
        pace = self._sink.tempo.pace()
        return StreamHealth(
            name=self.config.name,
            frames=self._frames,
            dropped=counters.dropped,
            results=self._sink.results,
            corrupt=counters.corrupt,
            frozen=counters.frozen,
            reopened=counters.reopened,
            respawned=counters.respawned,
            capture_rss_mb=None if rss is None else round(rss / 1024**2, 1),
            per_s=pace.per_s,
            latency_p50_ms=pace.p50_ms,
            latency_p95_ms=pace.p95_ms,
            paused=self.controls.paused,
            bundle=self._bundle,
        )
