"""One stream: its source, its recogniser, its counters, and the loop that joins them."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from edge_agent.common.arrays import I8, U8
from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import ConfigError, MessageError, TaskError
from edge_agent.common.stop import Stop
from edge_agent.config import StreamConfig
from edge_agent.contract.commands import StreamDescription
from edge_agent.contract.messages import (
    AvailabilityMessage,
    BundleRef,
    ResultMessage,
    SnapshotRef,
    StreamHealth,
    Trigger,
    encode_message,
)
from edge_agent.inference.recognizer import Recognizer
from edge_agent.pictures.snapshots import SnapshotRecord, SnapshotStore, events
from edge_agent.publish.speaker import Speaker
from edge_agent.publish.standing import Standing
from edge_agent.sources.base import NO_TROUBLE, Frame, FrameSource, Report
from edge_agent.stream.controls import Controls
from edge_agent.stream.news import News
from edge_agent.stream.read_ahead import ReadAhead
from edge_agent.stream.storing import CAP_S, FIRST_S, store_in_time
from edge_agent.stream.tempo import Tempo
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.kinds import Answer
from edge_agent.tasks.ocr.crops import CropRecord, CropStore
from edge_agent.tasks.ocr.meters.rules import ticks_of
from edge_agent.tasks.ocr.reader import Reader, Seen
from edge_agent.tasks.ocr.regions import Region

log = logging.getLogger(__name__)


def run(
    frames: Iterable[tuple[Frame, I8]],
    answer: Callable[[I8], Answer],
    publish: Callable[[Frame, Answer], None],
) -> None:
    """What the agent does, all of it: answer for every prepared frame, and say so."""
    for frame, x in frames:
        publish(frame, answer(x))


def unheard(report: Report) -> Report:
    """`report` alone."""
    return report


class Stream:
    """One source looked at by one model, and what it says about itself.

    Args:
        config: the stream's part of the configuration.
        bundle: what answers.
        recognize: the model, ready.
        speaker: who publishes, and where.
        stop: ends the stream between two frames.
        reader: reads the regions of a stream with text, by `recognize`; None for classes.
        crops: where pictures of doubtful readings go; None keeps none.
        snapshots: where frames go that the configuration wants kept; None keeps none.
        overhear: makes of a report one that somebody else hears too.
    """

    def __init__(
        self,
        config: StreamConfig,
        bundle: BundleRef,
        recognize: Recognizer,
        speaker: Speaker,
        stop: Stop,
        reader: Reader | None = None,
        crops: CropStore | None = None,
        snapshots: SnapshotStore | None = None,
        overhear: Callable[[Report], Report] = unheard,
    ) -> None:
        self._reader, self._crops, self._snapshots = reader, crops, snapshots
        self._news, self._view = News(config.publish), config.view()
        self.config, self._bundle, self._recognize = config, bundle, recognize
        self._speaker, self._standing = speaker, Standing(speaker)
        self.controls = Controls(config.interval_s, stop)
        self._source: FrameSource | None = None
        self._frames = self._results = 0
        self._tempo = Tempo()
        self._speaking = threading.Lock()  # the newest availability is also the last said
        self._source_state = (False, "starting")
        self._no_room = ""  # why results cannot be stored; empty while they can
        self._stop, self._backoff = stop, Backoff(FIRST_S, CAP_S)
        self._tell_storing = overhear(self.report_storing)

    def run(self, source: FrameSource) -> None:
        """Look at every frame of `source`, which has been entered, until it ends or we stop."""
        self._source = source
        looked = self.controls.paced(source, self._view)
        if self._reader is not None:
            self._read(looked, self._reader)
            return
        frames = self._prepared(looked)
        if source.live:
            # A frame prepared ahead would be stale by the time the model is free.
            run(frames, self._classify, self._publish)
            return
        with ReadAhead(frames) as ahead:
            run(ahead, self._classify, self._publish)

    def report(self, available: bool, reason: str) -> None:
        """The source came or went: say so, retained; what has been said is not said again."""
        with self._speaking:
            if (available, reason) != self._source_state:
                self._source_state = available, reason
                self._say_availability()

    def report_storing(self, possible: bool, reason: str) -> None:
        """Results can be stored, or cannot: say so, retained, when it changes."""
        with self._speaking:
            before, self._no_room = self._no_room, "" if possible else reason
            if bool(before) != bool(self._no_room):
                self._say_availability()

    def pause(self, paused: bool) -> None:
        """Look no more, or again; a paused stream is not available, and says why."""
        with self._speaking:
            if paused != self.controls.paused:
                self.controls.pause(paused)
                self._say_availability()

    def check_meter(self, region: str, value: float | None) -> None:
        """Refuse what `set_meter` would, and change nothing.

        Raises:
            MessageError: no such region, not a meter, or nothing that it can show.
        """
        meters = {} if self._reader is None else self._reader.meters
        if region not in meters:
            found = ", ".join(meters) or "none"
            raise MessageError(
                f"set: expected a region with a meter of {found}, found {region!r} - at `$.region`"
            )
        try:
            if value is not None:
                ticks_of(value, meters[region].rules)
        except ValueError as error:
            raise MessageError(f"set: {error} - at `$.value`") from error

    def set_meter(self, region: str, value: float | None) -> None:
        """Take `value` for what the meter of `region` shows; None forgets what it showed.

        Raises:
            MessageError: as `check_meter`.
        """
        self.check_meter(region, value)
        assert self._reader is not None
        done = self._reader.meters[region].set_to(value, time.monotonic())
        log.warning("stream %r, region %r: %s, by a command", self.config.name, region, done)
        self._news.expect(region)

    def describe(self) -> StreamDescription:
        """As it is configured, and set, now."""
        return StreamDescription(
            name=self.config.name,
            task=self.config.task,
            source=str(type(self.config.source).__struct_config__.tag),
            bundle=self._bundle,
            interval_s=self.controls.interval_s,
            paused=self.controls.paused,
            regions=tuple(region.name for region in self.config.regions),
            place=self.config.source.place,
        )

    def _say_availability(self) -> None:
        available, reason = self._source_state
        if self._no_room:
            available, reason = False, self._no_room
        elif self.controls.paused and available:
            available, reason = False, "paused"
        message = AvailabilityMessage(
            device=self._speaker.device,
            stream=self.config.name,
            boot=self._speaker.boot,
            state="online" if available else "offline",
            reason=reason,
            since=datetime.now(UTC),
        )
        topic = self._speaker.topics.availability(self.config.name)
        self._speaker.publisher.retain(topic, encode_message(message))

    def health(self) -> StreamHealth:
        """The counters now."""
        counters = NO_TROUBLE if self._source is None else self._source.counters
        rss = counters.capture_rss_bytes
        pace = self._tempo.pace()
        return StreamHealth(
            name=self.config.name,
            frames=self._frames,
            dropped=counters.dropped,
            results=self._results,
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

    def _prepared(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, I8]]:
        for frame in frames:
            self._frames += 1
            height, width = frame.image.shape[:2]
            part = crop(frame.image, self.config.region_in(width, height), self.config.name)
            yield frame, self._recognize.prepare(part, frame.order)

    def _classify(self, x: I8) -> Classification:
        result = self._recognize.answer(x)
        if not isinstance(result, Classification):
            raise TaskError(f"stream {self.config.name!r}: expected a class, found {result}")
        least = self.config.min_confidence
        if least is None:
            return result
        return msgspec.structs.replace(result, sure=result.confidence >= least)

    def _read(self, frames: Iterable[Frame], reader: Reader) -> None:
        """Text: every region of every frame is a result of its own."""
        for frame in frames:
            self._frames += 1
            for seen in reader.read(frame):
                self._publish(frame, seen.answer)
                self._keep(frame, seen)

    def _keep(self, frame: Frame, seen: Seen) -> None:
        """Keep what was doubtful, if anybody wants it."""
        if self._crops is None:
            return
        for image, reading in seen.doubts:
            record = CropRecord(
                number=0,
                device=self._speaker.device,
                stream=self.config.name,
                region=seen.answer.region,
                captured_at=frame.captured_at,
                clock_set=self._dated(frame),
                state=reading.state,
                why=reading.why,
                text=reading.text,
                confidence=reading.confidence,
                characters=reading.characters,
                box=reading.box,
                bundle=self._bundle,
            )
            self._crops.keep(image, frame.order, record)

    def _publish(self, frame: Frame, answer: Answer) -> None:
        latency_ms = frame.latency_ms()
        if frame.doubt and isinstance(answer, Classification):
            answer = msgspec.structs.replace(answer, sure=False)
        trigger = self._news.judge(answer, frame.monotonic_s)
        if trigger is None:
            return
        message = ResultMessage(
            device=self._speaker.device,
            stream=self.config.name,
            boot=self._speaker.boot,
            seq=1,  # until the outbox gives it one
            frame=frame.seq,
            captured_at=frame.captured_at,
            latency_ms=latency_ms,
            bundle=self._bundle,
            result=answer,
            trigger=trigger,
            snapshot=self._snapshot(frame, answer, trigger),
            clock_set=self._dated(frame),
        )
        name, topic = self.config.name, self._speaker.topics.result(self.config.name)

        def encode(seq: int) -> bytes:
            nonlocal message
            message = msgspec.structs.replace(message, seq=seq)
            return encode_message(message)

        def store() -> int:
            return self._speaker.publisher.publish(name, topic, encode)

        if store_in_time(store, name, self._tell_storing, self._stop, self._backoff):
            self._results += 1
            self._tempo.record(latency_ms)
            self._standing.hear(message, frame.monotonic_s)

    def _dated(self, frame: Frame) -> bool:
        """Whether the frame's time of day is right."""
        return self._speaker.clock.dates(frame.captured_at, frame.monotonic_s)

    def _snapshot(self, frame: Frame, answer: Answer, trigger: Trigger) -> SnapshotRef | None:
        """Keep the frame, if what happened is what the configuration wants it kept for."""
        wanted = self.config.snapshot
        if self._snapshots is None or wanted is None:
            return None
        why = tuple(e for e in events(answer, trigger == "change") if e in wanted.on)
        if not why:
            return None
        record = SnapshotRecord(
            number=0,
            device=self._speaker.device,
            stream=self.config.name,
            frame=frame.seq,
            captured_at=frame.captured_at,
            clock_set=self._dated(frame),
            why=why,
            bundle=self._bundle,
            result=answer,
        )
        return self._snapshots.keep(frame, record, wanted)


def crop(image: U8, region: Region | None, stream: str) -> U8:
    """The part of `image` in `region`; a view, nothing is copied.

    Raises:
        ConfigError: the region is not inside the image.
    """
    if region is None:
        return image
    height, width = image.shape[:2]
    if region.x + region.w > width or region.y + region.h > height:
        raise ConfigError(
            f"stream {stream!r}: expected a region inside the {width}x{height} frame, "
            f"found {region}"
        )
    return image[region.y : region.y + region.h, region.x : region.x + region.w]
