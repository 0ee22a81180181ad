"""`RegionMeter`: the meter that a region shows, and what is known of it."""

import logging
import threading
from dataclasses import dataclass

from edge_agent.tasks.ocr.answer import ValueFrom
from edge_agent.tasks.ocr.meters.evidence import TicksSeen
from edge_agent.tasks.ocr.meters.memory import MeterMemory
from edge_agent.tasks.ocr.meters.meter import Verdict, judge, reset_to
from edge_agent.tasks.ocr.meters.rate import MeterRate
from edge_agent.tasks.ocr.meters.rules import MeterRules, shown, ticks_of
from edge_agent.tasks.ocr.meters.state import MeterState

log = logging.getLogger(__name__)

# A meter whose value was not seen for so long, in so many readings, is worth a line in the log.
UNSEEN_S, UNSEEN_READINGS = 3600.0, 10


@dataclass(frozen=True)
class MeterStand:
    """What a meter is known to show.

    Args:
        value: in its unit; None if nothing is known.
        seen_at: when it was last seen to be that, in seconds; None if that is not known.
        rate_per_h: how much it counted in an hour, lately.
        came_from: what made `value`.
    """

    value: float | None
    seen_at: float | None
    rate_per_h: float | None
    came_from: ValueFrom | None


class RegionMeter:
    """Shared by a stream's thread, which reads, and the one that obeys commands.

    Args:
        stream, region: where it is.
        rules: how it counts.
        memory: of what it showed before this start; None begins anew.
    """

    def __init__(
        self, stream: str, region: str, rules: MeterRules, memory: MeterMemory | None
    ) -> None:
        self._stream, self._region, self._memory = stream, region, memory
        self.rules = rules
        self._lock = threading.Lock()
        self._state, self._rate = MeterState(), MeterRate(rules)
        self._seen_at: float | None = None  # when it was last seen to show its value
        self._others, self._complained = 0, False  # readings since, and whether that was said
        if memory is not None:
            self._know(memory.recall(stream, region, rules))
            if not memory.knows_when(stream, region):
                self._seen_at = None

    def judge(self, text: str, at: float, picture: int | None) -> Verdict:
        """What the meter says to a reading that is sure; see `meters.meter.judge`."""
        with self._lock:
            if self._memory is not None:
                self._know(self._memory.dated(self._stream, self._region, self._state))
            state, verdict = judge(self._state, self.rules, text, at, picture)
            self._know(state)
            if verdict.state == "accepted":
                self._see(at)
            self._complain(verdict, at)
            if self._memory is not None:
                self._memory.keep(self._stream, self._region, self.rules, state)
            return verdict

    def shows(self) -> MeterStand:
        """What it is known to show."""
        with self._lock:
            state = self._state
            return MeterStand(
                value=state.value(self.rules),
                seen_at=self._seen_at,
                rate_per_h=self._rate.per_hour(),
                came_from=None if state.confirmed is None else state.came_from,
            )

    def check(self, value: float) -> None:
        """As `Settable.check`: a value, in the meter's unit, that it can show."""
        ticks_of(value, self.rules)

    def set_to(self, value: float | None, at: float) -> str:
        """Take `value`, in the meter's unit, for what it shows; None begins anew.

        Args:
            value: what a person says.
            at: when, in seconds of the frames' clock.

        Returns:
            What has changed, for people.

        Raises:
            ValueError: no meter of these rules shows it.
        """
        ticks = None if value is None else ticks_of(value, self.rules)
        with self._lock:
            before = self._state.confirmed
            state = MeterState() if ticks is None else reset_to(self._state, ticks, at)
            self._rate.forget()
            self._seen_at = None
            self._know(state)
            if self._memory is not None and ticks is not None:
                self._memory.keep(self._stream, self._region, self.rules, state, now=True)
            elif self._memory is not None:
                self._memory.forget(self._stream, self._region)
        was = "nothing" if before is None else shown(before, self.rules)
        now = (
            "nothing: it begins anew" if ticks is None else shown(TicksSeen(ticks, at), self.rules)
        )
        return f"set from {was} to {now}"

    def _complain(self, verdict: Verdict, at: float) -> None:
        """One line in the log of a value that readings have not shown for long."""
        self._others += 1
        unseen_s = 0.0 if self._seen_at is None else at - self._seen_at
        if self._others >= UNSEEN_READINGS and unseen_s >= UNSEEN_S and not self._complained:
            self._complained = True
            log.warning(
                "stream %r, region %r: its value was not seen for %.1f h: %s",
                self._stream,
                self._region,
                unseen_s / 3600,
                verdict.why,
            )

    def _see(self, at: float) -> None:
        self._seen_at, self._others, self._complained = at, 0, False

    def _know(self, state: MeterState) -> None:
        before, self._state = self._state.confirmed, state
        if state.confirmed is None or state.confirmed == before:
            return
        self._rate.add(state.confirmed)
        if self._seen_at is None or before is None or before.value != state.confirmed.value:
            self._see(state.confirmed.at)
