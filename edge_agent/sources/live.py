"""`LiveSource`: the freshest frames of a camera, which a process of its own captures."""

from collections.abc import Iterator
from typing import Self

from edge_agent.sources.base import Frame, Report, SourceCounters, unreported
from edge_agent.sources.config import LiveConfig
from edge_agent.sources.latest import Latest
from edge_agent.sources.lease import Lease
from edge_agent.sources.process import CameraProcess
from edge_agent.sources.supervisor import Start, Supervisor
from edge_agent.stop import Stop


class LiveSource:
    """The freshest frames of a camera that may come and go; see `FrameSource`.

    Args:
        supervisor: of the camera; several sources may have the same.
        stop: ends the iteration.
        report: told when frames come and when they fail to.
    """

    live = True

    def __init__(self, supervisor: Supervisor, stop: Stop, report: Report = unreported) -> None:
        self._supervisor, self._stop, self.report = supervisor, stop, report
        self._latest: Latest[Lease] = Latest()

    @property
    def counters(self) -> SourceCounters:
        """What happened so far."""
        return self._supervisor.counters().and_dropped(self._latest.dropped)

    def __enter__(self) -> Self:
        self._stop.on_set(self._retire)
        self._supervisor.join(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._supervisor.leave(self)

    def __iter__(self) -> Iterator[Frame]:
        while (lease := self._latest.take()) is not None:
            yield lease.frame()
        if self._supervisor.error is not None:
            raise self._supervisor.error

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

    def source(self, config: LiveConfig, stop: Stop, report: Report = unreported) -> LiveSource:
        """A source of the camera that `config` names, by the process that has it already."""
        supervisor = self._supervisors.get(config)
        if supervisor is None or supervisor.ended:
            supervisor = self._supervisors[config] = Supervisor(config, self._start)
        return LiveSource(supervisor, stop, report)
