"""`LiveSource`: the freshest frames of a camera, which a process of its own captures."""

from collections.abc import Iterator
from typing import Self

from edge_agent.common.stop import Stop
from edge_agent.sources.base import Frame, Report, SourceCounters, unreported
from edge_agent.sources.config import LiveConfig
from edge_agent.sources.latest import Latest
from edge_agent.sources.memory.lease import Lease
from edge_agent.sources.process import CameraProcess
from edge_agent.sources.supervision.watch import Pace
from edge_agent.sources.supervisor import Start, Supervisor

# Where looks are further apart than that, what has waited as long is not what is to be seen.
FRESH_S = 0.5
# Where all frames come, what has waited as long did so through a pause.
STALE_S = 2.0


def at_once() -> float:
    """The pace of who looks at every frame."""
    return 0.0


class LiveSource:
    """The freshest frames of a camera that may come and go; see `FrameSource`.

    Args:
        supervisor: of the camera; several sources may have the same.
        stop: ends the iteration.
        report: told when frames come and when they fail to.
        pace: how far apart looks are, in seconds, as things stand; infinite while paused.
    """

    live = True

    def __init__(
        self,
        supervisor: Supervisor,
        stop: Stop,
        report: Report = unreported,
        pace: Pace = at_once,
    ) -> None:
        self._supervisor, self._stop, self.report, self.pace = supervisor, stop, report, pace
        self._latest: Latest[Lease] = Latest()

    @property
    def counters(self) -> SourceCounters:
        """What happened so far."""
        return self._supervisor.counters().and_dropped(self._latest.dropped)

    @property
    def process_id(self) -> int | None:
        """The process that has the camera now, which others may share; None between two."""
        return self._supervisor.process_id

    def __enter__(self) -> Self:
        self._stop.on_set(self._retire)
        self._supervisor.join(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._supervisor.leave(self)

    def __iter__(self) -> Iterator[Frame]:
        while (lease := self._take()) is not None:
            yield lease.frame()
        if self._supervisor.error is not None:
            raise self._supervisor.error

    def _take(self) -> Lease | None:
        """The freshest frame; waited for, and asked for, if there is none."""
        most_s = FRESH_S if self.pace() >= FRESH_S else STALE_S
        _drop(self._latest.clear_if(lambda lease: lease.age_s() > most_s))
        if self._latest.empty:
            self._supervisor.ask()
        return self._latest.take()

    def offer(self, lease: Lease) -> None:
        """A fresher frame; called by the supervisor."""
        _drop(self._latest.put(lease))

    def forget(self) -> None:
        """What waits is not fresh any more; called by the supervisor."""
        _drop(self._latest.clear())

    def _retire(self) -> None:
        # Where several cameras hang, their ends are waited for together, not in turn.
        self.end()
        self._supervisor.dismiss(self)

    def end(self) -> None:
        """No frames any more; from any thread."""
        _drop(self._latest.close())


def _drop(lease: Lease | None) -> None:
    if lease is not None:
        lease.drop()


class Cameras:
    """The supervisors of cameras that are looked at, so that each camera is opened once."""

    def __init__(self, start: Start = CameraProcess) -> None:
        self._start = start
        self._supervisors: dict[LiveConfig, Supervisor] = {}

    def source(
        self,
        config: LiveConfig,
        stop: Stop,
        report: Report = unreported,
        pace: Pace = at_once,
    ) -> LiveSource:
        """A source of the camera that `config` names, by the process that has it already."""
        supervisor = self._supervisors.get(config)
        if supervisor is None or supervisor.ended:
            supervisor = self._supervisors[config] = Supervisor(config, self._start)
        return LiveSource(supervisor, stop, report, pace)
