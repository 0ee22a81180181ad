"""`Manager`: all that the agent tells its service manager, in one place.

The watchdog is fed by the agent's main thread, and only while no stream's sign of life is
overdue: a stream that hangs, and a main thread that hangs, both end in a restart.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

from edge_agent.common.errors import one_line
from edge_agent.service.liveness import BeatingSource, Liveness, allowance_s, beating_report
from edge_agent.service.notify import Notifier
from edge_agent.sources.base import FrameSource, Report
from edge_agent.stream.config import StreamConfig

log = logging.getLogger(__name__)

# The line for people is not worth a message more often.
STATUS_INTERVAL_S = 5.0
# The manager's advice is half of its patience; a quarter leaves room for one late turn.
FEEDS_PER_PATIENCE = 4


class Manager:
    """What the agent tells the service manager: ready, alive, reloading, and how it goes.

    Args:
        notifier: where it listens; `Notifier()` if nowhere.
        clock: seconds that only rise.
    """

    def __init__(self, notifier: Notifier, clock: Callable[[], float] = time.monotonic) -> None:
        self._notifier, self._clock = notifier, clock
        self._liveness = Liveness(clock)
        self._lost: dict[str, str] = {}  # why, by stream
        self._overdue: tuple[str, ...] = ()
        self._note = ""
        self._told_at = -STATUS_INTERVAL_S
        patience_s = notifier.watchdog_s
        self.tick_s = min(
            STATUS_INTERVAL_S, patience_s / FEEDS_PER_PATIENCE if patience_s else STATUS_INTERVAL_S
        )

    def watch(
        self, stream: StreamConfig, source: FrameSource, interval_s: Callable[[], float]
    ) -> FrameSource:
        """`source`, whose stream counts as alive while its frames are dealt with in time.

        Args:
            stream: whose frames they are.
            source: where they come from.
            interval_s: the time between two answers, as it is set now; infinite at rest.
        """
        self._liveness.expect(stream.name, lambda: allowance_s(stream.source, interval_s()))
        return BeatingSource(source, partial(self._liveness.beat, stream.name))

    def hears(self, stream: StreamConfig, report: Report) -> Report:
        """`report`, also for the line that says how it goes, and as a sign of life."""

        def note(available: bool, reason: str) -> None:
            if available:
                self._lost.pop(stream.name, None)
            else:
                self._lost[stream.name] = reason
            report(available, reason)

        return beating_report(note, partial(self._liveness.beat, stream.name))

    def ended(self, stream: str) -> None:
        """Nothing more is to be expected of `stream`."""
        self._liveness.end(stream)
        self._lost.pop(stream, None)

    def ready(self, words: str) -> None:
        """All streams run."""
        self._notifier.ready(self._line(words))

    def tick(self, words: str) -> None:
        """Feed the watchdog, if every stream is alive, and now and then say how it goes.

        Args:
            words: how it goes, in a few words.
        """
        overdue = self._liveness.overdue()
        for name in set(overdue) - set(self._overdue):
            log.error("stream %s: no sign of life: the watchdog is not fed", name)
        self._overdue = overdue
        if not overdue:
            self._notifier.alive()
        if self._clock() - self._told_at >= STATUS_INTERVAL_S:
            self._told_at = self._clock()
            self._notifier.status(self._line(words))

    def reloading(self) -> None:
        """A new configuration is tried."""
        log.info("reloading the configuration")
        self._notifier.reloading("reloading the configuration")

    def accepted(self, *, changed: bool) -> None:
        """It holds; `ready` follows, at once or when its streams run."""
        self._note = ""
        log.info("the new configuration %s", "takes over" if changed else "changes nothing")

    def refused(self, error: BaseException) -> None:
        """It does not hold; the old one goes on, and the line says so until the next reload."""
        self._note = f"new configuration refused: {one_line(error)}; running on the old one"
        log.error("%s", self._note)

    def restarting(self) -> None:
        """The program begins anew in the same process, and is `ready` again soon."""
        # Not `stopping`: whoever says that is killed if it does not end.
        self._notifier.reloading("restarting")

    def stopping(self, reason: str) -> None:
        """The agent leaves."""
        self._notifier.stopping(reason)

    def forget_streams(self) -> None:
        """Another set of streams takes over."""
        self._liveness = Liveness(self._clock)
        self._lost, self._overdue = {}, ()

    def _line(self, words: str) -> str:
        lost = [f"{name} lost: {why}" for name, why in sorted(self._lost.items())]
        if self._overdue:
            lost.append(f"hanging: {', '.join(self._overdue)}")
        return "; ".join([words, *lost, *([self._note] if self._note else [])])
