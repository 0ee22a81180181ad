"""`Supervisor`: keeps a camera's process going.

The ladder, from the gentlest: open the camera again; after a few times in vain, or when the
process hangs or dies, another process; and whatever it is, say so. In between it waits, longer
after each failure. It never gives up.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import SourceError
from edge_agent.common.stillness import Stillness
from edge_agent.common.stop import Stop
from edge_agent.sources.base import SourceCounters
from edge_agent.sources.config import LiveConfig
from edge_agent.sources.memory.lease import Handed, Lease
from edge_agent.sources.memory.wire import (
    Captured,
    Corrupt,
    GoneError,
    Look,
    Lost,
    Opened,
    Opening,
    Passing,
    Reopen,
)
from edge_agent.sources.memory.wire import Pace as Paced
from edge_agent.sources.network.failures import MOST_WAIT_S, BusyError
from edge_agent.sources.process import CameraProcess

log = logging.getLogger(__name__)

# Python and OpenCV take seconds to load from an SD card.
START_TIMEOUT_S = 60.0
# So often in a row the camera is opened again before its process is replaced.
REOPENS = 3
# A camera that gives frames for so long works: the next wait is short again.
STEADY_S = 10.0
# Corrupt frames come in heaps; the log has one line for so long, `health` the count.
CORRUPT_LOG_S = 60.0
# Killing takes no longer; what a driver holds is left behind.
CLOSE_TIMEOUT_S = 1.5

Start: TypeAlias = Callable[[LiveConfig], CameraProcess]
Pace: TypeAlias = Callable[[], float]
"""How far apart looks are, in seconds, as things stand; infinite while there are none."""


class Taker(Protocol):
    """Who wants a camera's frames; called by the supervisor's thread."""

    pace: Pace

    def offer(self, lease: Lease) -> None:
        """A fresher frame: to look at, or to drop."""
        ...

    def forget(self) -> None:
        """What was offered is not fresh any more."""
        ...

    def report(self, available: bool, reason: str) -> None:
        """Frames come, or fail to, and why."""
        ...

    def end(self) -> None:
        """No frames any more."""
        ...


class Supervisor:
    """One camera: its process, what became of it, and who wants its frames.

    Args:
        config: the camera.
        start: starts a process for it.
    """

    def __init__(self, config: LiveConfig, start: Start = CameraProcess) -> None:
        self._config, self._start = config, start
        self._ended = Stop()
        self._lock = threading.Lock()  # guards the next four
        self._sources: list[Taker] = []
        self._process: CameraProcess | None = None
        self._thread: threading.Thread | None = None
        self._state: tuple[bool, str] | None = None
        self.error: BaseException | None = None
        self._survivor: CameraProcess | None = None  # the last one, which may outlive its killing
        self._backoff = Backoff()
        self._still = Stillness(config.frozen_s or None)
        self._told_pace_s = 0.0
        self._lost_in_a_row = 0
        self._replaced_at = self._opened_s = -float("inf")
        self._corrupt_told_at = -float("inf")
        self._next_seq = 0
        self._corrupt = self._frozen = self._passed_over = self._reopened = self._started = 0

    @property
    def ended(self) -> bool:
        """Whether the last source has left; a new one needs a new supervisor."""
        return self._ended.is_set()

    def join(self, source: Taker) -> None:
        """`source` wants frames from now on; the first one starts it all."""
        with self._lock:
            self._sources.append(source)
            state = self._state
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
                self._thread.start()
        if state is not None:
            source.report(*state)
        if self.error is not None:
            source.end()

    def dismiss(self, source: Taker) -> None:
        """`source` wants no more; the last one ends it all, which is not waited for."""
        with self._lock:
            if source in self._sources:
                self._sources.remove(source)
            if not self._sources:
                self._ended.set()
                if self._process is not None:
                    self._process.link.hang_up()

    def leave(self, source: Taker) -> None:
        """As `dismiss`, and the end is waited for."""
        self.dismiss(source)
        if self._ended.is_set() and self._thread is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    def ask(self) -> None:
        """The next frame is wanted; of a camera that is being opened the first one comes anyway."""
        with self._lock:
            process = self._process
        if process is not None:
            process.tell(Look())

    def counters(self) -> SourceCounters:
        """What happened so far; `dropped` are those that no source was offered."""
        with self._lock:
            rss = self._process.rss_bytes() if self._process is not None else None
        return SourceCounters(
            dropped=self._passed_over,
            corrupt=self._corrupt,
            frozen=self._frozen,
            reopened=self._reopened,
            respawned=max(0, self._started - 1),
            capture_rss_bytes=rss,
        )

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    self._attend()
                except SourceError as error:
                    self._adopt(None)
                    self._wait_after(error)
        except BaseException as error:
            # Not a lost camera but a broken program: whoever iterates shall know.
            self.error = error
            for source in self._everybody():
                source.end()
        finally:
            self._adopt(None)

    def _adopt(self, process: CameraProcess | None) -> None:
        with self._lock:
            self._process = process
            if process is not None and self._ended.is_set():
                process.link.hang_up()

    def _attend(self) -> None:
        """From the start of a process to its end.

        Raises:
            SourceError: another one is needed.
        """
        if self._survivor is not None and self._survivor.lives:
            # It has the camera; one more each minute would take all the memory there is.
            raise SourceError(
                f"{self._config.place}: its process {self._survivor.pid} cannot be killed: "
                "a driver holds it"
            )
        self._started += 1
        with self._start(self._config) as process:
            self._told_pace_s = 0.0
            self._tune(process)
            self._adopt(process)
            self._survivor = process
            try:
                self._watch(process)
            except GoneError as error:
                if not self._ended.is_set():
                    raise SourceError(
                        f"{self._config.place}: its process {process.how_it_ended()}"
                    ) from error

    def _watch(self, process: CameraProcess) -> None:
        """Listen to the process until we end.

        Raises:
            SourceError: only another process can help.
            GoneError: it has hung up.
        """
        config = self._config
        opening_s = config.open_timeout_s + config.read_timeout_s
        handed: Handed | None = None
        first_seq, patience_s = self._next_seq, START_TIMEOUT_S
        heard_s, trouble = time.monotonic(), ""
        while not self._ended.is_set():
            self._tune(process)
            match process.link.receive(heard_s + patience_s - time.monotonic()):
                case None:
                    last = f", but: {trouble}" if trouble else ""
                    raise SourceError(f"{config.place}: no frame for {patience_s:g} s{last}")
                case Corrupt(number, reason):
                    self._next_seq, trouble = first_seq + number + 1, reason
                    self._note_corrupt(reason)
                    continue  # no sign of a camera that works
                case Opening():
                    patience_s = opening_s
                case Opened() as opened:
                    self._opened_s = time.monotonic()
                    handed = Handed(process, process.ring(opened), handed, first_seq)
                case Captured() as said if handed is not None:
                    self._next_seq = first_seq + said.number + 1
                    self._passed_over += handed.passed_over(said)
                    self._offer(handed, said)
                    patience_s, trouble = config.read_timeout_s, ""
                case Passing(number) as said:
                    if handed is not None:
                        self._next_seq = first_seq + number + 1
                        self._passed_over += handed.passed_over(said)
                    trouble = ""
                case Lost(reason, over, wait_s):
                    self._reopen(process, BusyError(reason, wait_s), over)
                    patience_s = opening_s
                case other:
                    raise SourceError(f"{config.place}: its process said {other} out of turn")
            heard_s = time.monotonic()

    def _tune(self, process: CameraProcess) -> None:
        """Tell the process how far apart looks are, when that has changed."""
        pace_s = min((source.pace() for source in self._everybody()), default=math.inf)
        if pace_s != self._told_pace_s:
            self._told_pace_s = pace_s
            process.tell(Paced(pace_s))

    def _offer(self, handed: Handed, said: Captured) -> None:
        """Give a frame to every source, unless it is not what the camera sees now."""
        now = time.monotonic()
        frozen = self._still.problem(said.content, said.came_s)
        if frozen:
            self._frozen += 1
            handed.give_back(said)
            self._say(False, f"{self._config.place}: {frozen}", once=True)
            if now - self._replaced_at >= self._config.frozen_s:
                self._replaced_at = now
                raise SourceError(f"{self._config.place}: {frozen}")
            return
        if now - said.came_s > self._config.read_timeout_s:
            # It waited, or its process did, as when it is stopped and goes on.
            self._passed_over += 1
            handed.give_back(said)
            return
        self._lost_in_a_row = 0
        if now - self._opened_s >= STEADY_S:
            self._backoff.reset()
        self._say(True, "")
        sources = self._everybody()
        lease = handed.lease(said, len(sources))
        for source in sources:
            source.offer(lease)

    def _note_corrupt(self, reason: str) -> None:
        self._corrupt += 1
        now = time.monotonic()
        if now - self._corrupt_told_at >= CORRUPT_LOG_S:
            self._corrupt_told_at = now
            place, count = self._config.place, self._corrupt
            log.warning("%s: a corrupt frame, %d so far: %s", place, count, reason)

    def _reopen(self, process: CameraProcess, error: BusyError, over: bool) -> None:
        self._lost_in_a_row += 1
        if over or self._lost_in_a_row % (REOPENS + 1) == 0:
            raise error
        self._wait_after(error)
        self._reopened += 1
        process.tell(Reopen())

    def _wait_after(self, error: SourceError) -> None:
        if self._ended.is_set():
            return
        for source in self._everybody():
            source.forget()
        delay = self._backoff.next()
        if isinstance(error, BusyError):
            delay = max(delay, min(error.wait_s, MOST_WAIT_S))
        log.warning("%s; trying again in %.1f s", error, delay)
        self._say(False, str(error))
        self._ended.wait(delay)

    def _say(self, available: bool, reason: str, *, once: bool = False) -> None:
        """Report that frames come, if they did not; or that they do not, and why, each time.

        That another attempt has failed is news to who wonders whether we hang. `once`: but not
        of every frame that is no good.
        """
        state = (available, reason)
        with self._lock:
            before, sources = self._state, list(self._sources)
            if before is not None and (once or available) and before[0] == available:
                return
            self._state = state
        if available and before is not None:
            log.info("%s: gives frames again", self._config.place)
        for source in sources:
            source.report(available, reason)

    def _everybody(self) -> list[Taker]:
        with self._lock:
            return list(self._sources)
