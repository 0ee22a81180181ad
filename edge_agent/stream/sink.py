"""`ResultSink`: filters answers, stores them for the broker, and keeps pictures of them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import DiskFullError
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import (
    BundleRef,
    ResultMessage,
    SnapshotRef,
    Trigger,
    encode_message,
)
from edge_agent.pictures.crops import CropStore
from edge_agent.pictures.snapshots import SnapshotRecord, SnapshotStore, events
from edge_agent.publish.sender import Sender
from edge_agent.publish.states import StreamStates
from edge_agent.sources.base import Frame, Report
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.filter import ReportFilter
from edge_agent.stream.tempo import Tempo
from edge_agent.tasks.kinds import Answer
from edge_agent.tasks.task import Doubt, Origin, Sighting

log = logging.getLogger(__name__)

# Trying costs little, and the next frames wait.
FIRST_S, CAP_S = 0.1, 5.0


@dataclass(frozen=True)
class PictureStores:
    """Where pictures go; None keeps none.

    Args:
        crops: pictures that were not understood, to be labelled.
        snapshots: whole frames that the configuration wants kept.
    """

    crops: CropStore | None = None
    snapshots: SnapshotStore | None = None


NO_PICTURES = PictureStores()


class ResultSink:
    """Takes the answers of one stream, in their order.

    Args:
        config: the stream's part of the configuration.
        bundle: what answers.
        sender: who publishes, and where.
        stop: ends the waiting for a disk that is full.
        report: told whether results can be stored.
        pictures: where pictures go.
    """

    def __init__(
        self,
        config: StreamConfig,
        bundle: BundleRef,
        sender: Sender,
        stop: Stop,
        report: Report,
        pictures: PictureStores,
    ) -> None:
        self._config, self._bundle, self._sender = config, bundle, sender
        self._pictures = pictures
        self._stop, self._report, self._backoff = stop, report, Backoff(FIRST_S, CAP_S)
        self._states = StreamStates(sender)
        self.filter, self.tempo = ReportFilter(config.publish), Tempo()
        self.results = 0

    def take(self, frame: Frame, sighting: Sighting) -> None:
        """Publish an answer about `frame`, if it is worth it, and keep what is to be labelled."""
        self._publish(frame, sighting.answer)
        if self._pictures.crops is not None and sighting.doubts:
            self._keep(frame, sighting.doubts, self._pictures.crops)

    def _publish(self, frame: Frame, answer: Answer) -> None:
        latency_ms = frame.latency_ms()
        trigger = self.filter.judge(answer, frame.monotonic_s)
        if trigger is None:
            return
        message = ResultMessage(
            device=self._sender.device,
            stream=self._config.name,
            boot=self._sender.boot,
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
        stored = self._store(message)
        if stored is not None:
            self.results += 1
            self.tempo.record(latency_ms)
            self._states.hear(stored, frame.monotonic_s)

    def _store(self, message: ResultMessage) -> ResultMessage | None:
        """Put `message` in the outbox; with its number, or None where we were stopped before."""
        name, topic = self._config.name, self._sender.topics.result(self._config.name)

        def encode(seq: int) -> bytes:
            nonlocal message
            message = msgspec.structs.replace(message, seq=seq)
            return encode_message(message)

        def store() -> int:
            return self._sender.publisher.publish(name, topic, encode)

        done = store_in_time(store, name, self._report, self._stop, self._backoff)
        return message if done else None

    def _dated(self, frame: Frame) -> bool:
        """Whether the frame's time of day is right."""
        return self._sender.clock.dates(frame.captured_at, frame.monotonic_s)

    def _snapshot(self, frame: Frame, answer: Answer, trigger: Trigger) -> SnapshotRef | None:
        """Keep the frame, if what happened is what the configuration wants it kept for."""
        wanted, store = self._config.snapshot, self._pictures.snapshots
        if store is None or wanted is None:
            return None
        why = tuple(e for e in events(answer, trigger == "change") if e in wanted.on)
        if not why:
            return None
        record = SnapshotRecord(
            number=0,
            device=self._sender.device,
            stream=self._config.name,
            frame=frame.seq,
            captured_at=frame.captured_at,
            clock_set=self._dated(frame),
            why=why,
            bundle=self._bundle,
            result=answer,
        )
        return store.keep(frame, record, wanted)

    def _keep(self, frame: Frame, doubts: tuple[Doubt, ...], store: CropStore) -> None:
        origin = Origin(
            self._sender.device,
            self._config.name,
            frame.captured_at,
            self._dated(frame),
            self._bundle,
        )
        for doubt in doubts:
            key = origin.stream, doubt.key
            store.keep(doubt.image, frame.order, key, doubt.record(origin))


def store_in_time(
    store: Callable[[], object], stream: str, report: Report, stop: Stop, backoff: Backoff
) -> bool:
    """Call `store` until the disk has room for what it stores.

    Meanwhile the stream stands still: a camera's frames are dropped, files wait.

    Args:
        store: raises `DiskFullError` if there is none.
        stream: whose result it is.
        report: told of every attempt that failed, and of the one that did not.
        stop: ends the waiting.
        backoff: the pauses between attempts, from the first on.

    Returns:
        Whether it is stored; if not, `stop` was set.
    """
    waited = False
    while True:
        try:
            store()
        except DiskFullError as error:
            if not waited:
                log.warning("stream %s waits: %s", stream, error)
            waited = True
            report(False, str(error))
            if stop.wait(backoff.next()):
                return False
        else:
            if waited:
                log.info("stream %s: its results are stored again", stream)
                backoff.reset()
                report(True, "")
            return True
