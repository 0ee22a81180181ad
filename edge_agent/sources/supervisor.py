"""`Supervisor`: keeps a camera's process going.

The ladder, from the gentlest: open the camera again; after a few times in vain, or when the
process hangs or dies, another process; and whatever it is, say so. In between it waits, longer
after each failure. It never gives up.
"""

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from edge_agent.common.errors import SourceError
from edge_agent.common.stillness import Stillness
from edge_agent.common.stop import Stop
from edge_agent.sources.base import SourceCounters
from edge_agent.sources.config import LiveConfig
from edge_agent.sources.memory.wire import GoneError, LookRequest
from edge_agent.sources.process import CameraProcess
from edge_agent.sources.supervision.record import CameraRecord
from edge_agent.sources.supervision.watch import ProcessWatch, Taker

log = logging.getLogger(__name__)

# Killing takes no longer; what a driver holds is left behind.
CLOSE_TIMEOUT_S = 1.5

Start: TypeAlias = Callable[[LiveConfig], CameraProcess]


class Supervisor:
    """One camera: its processes, one after the other, and who wants its frames.

    Args:
        config: the camera.
        start: starts a process for it.
    """

    def __init__(self, config: LiveConfig, start: Start = CameraProcess) -> None:
        self._config, self._start = config, start
        self._record, self._still = CameraRecord(config.place), Stillness(config.frozen_s or None)
        self._ended = Stop()
        self._lock = threading.Lock()  # guards the next four
        self._sources: list[Taker] = []
        self._process: CameraProcess | None = None
        self._thread: threading.Thread | None = None
        self._state: tuple[bool, str] | None = None
        self.error: BaseException | None = None
        self._survivor: CameraProcess | None = None  # the last one, which may outlive its killing

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
            process.tell(LookRequest())

    @property
    def process_id(self) -> int | None:
        """The process that has the camera now; None between two."""
        with self._lock:
            return None if self._process is None else self._process.pid

    def counters(self) -> SourceCounters:
        """What happened so far; `dropped` are those that no source was offered."""
        with self._lock:
            rss = self._process.rss_bytes() if self._process is not None else None
        counts = self._record.counts
        return SourceCounters(
            dropped=counts.passed_over,
            corrupt=counts.corrupt,
            frozen=counts.frozen,
            reopened=counts.reopened,
            respawned=max(0, counts.started - 1),
            capture_rss_bytes=rss,
        )

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    self._attend()
                except SourceError as error:
                    self._adopt(None)
                    self.wait_after(error)
        except BaseException as error:
            # Not a lost camera but a broken program: whoever iterates shall know.
            self.error = error
            for source in self.everybody():
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
        self._record.counts.started += 1
        with self._start(self._config) as process:
            watch = ProcessWatch(self._config, process, self._record, self._still, self)
            watch.tune()
            self._adopt(process)
            self._survivor = process
            try:
                self._listen(watch)
            except GoneError as error:
                if not self._ended.is_set():
                    raise SourceError(
                        f"{self._config.place}: its process {process.how_it_ended()}"
                    ) from error

    def _listen(self, watch: ProcessWatch) -> None:
        watch.listen()

    def wait_after(self, error: SourceError) -> None:
        """Report a failure, and wait before the next attempt."""
        if self._ended.is_set():
            return
        for source in self.everybody():
            source.forget()
        delay_s = self._record.delay_s(error)
        log.warning("%s; trying again in %.1f s", error, delay_s)
        self.tell(False, str(error))
        self._ended.wait(delay_s)

    def tell(self, available: bool, reason: str, *, once: bool = False) -> None:
        """Report that frames come, if they did not; or that they do not, and why, each time.

        Every failed attempt is reported, so that nobody thinks that we hang. `once`: but not
        every frame that is no good.
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

    def everybody(self) -> list[Taker]:
        """Those who want frames now."""
        with self._lock:
            return list(self._sources)
