"""`MeterMemory`: the last confirmed value of every meter, over restarts of the agent.

Without it a restart forgets what a meter showed, and a misread digit has nothing to contradict.
One small file beside the outbox, replaced in one step. A file that is damaged or too old is
passed over with a line in the log: the meters then begin anew, as on the first day.

Times of readings are those of a clock that a reboot sets to zero; in the file they are wall
time, and no value is too old: a meter that only counts up shows no less than it did. Where the
wall clock was not set when the file was written, or is not yet, nobody knows how old a value
is. It then counts as seen just now, so that what the meter counted meanwhile is held until it
is within reach; once the clock is set, the value gets its age.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import msgspec

from edge_agent.common.atomic import write_whole
from edge_agent.common.strict import Moment, Name
from edge_agent.tasks.ocr.answer import ValueFrom
from edge_agent.tasks.ocr.meters.evidence import TicksSeen
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.meters.state import MeterState

log = logging.getLogger(__name__)

# A meter in motion changes with every reading, and a memory card has so many writes.
LEAST_S = 10.0
# What fits into an integer of JSON's readers; no meter comes near it, a display of noise may.
LARGEST = 10**18
# How old the time of a meter at rest may become in the file.
REFRESH_S = 3600.0


class MeterMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A meter's value at a moment.

    Args:
        stream, region: where it is read.
        ticks: the value in units of the last digit.
        decimals, digits: of the rules it was read by: by others it would mean another value.
        seen_at: when it was last seen to be that, UTC.
        clock_set: whether the clock was right then, as far as could be told.
        per_h: the most that it was seen to count, in ticks an hour.
        came_from: what made the value.
    """

    stream: Name
    region: Name
    ticks: Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
    decimals: int
    digits: int | None
    seen_at: Moment
    clock_set: bool = True
    per_h: Annotated[float, msgspec.Meta(ge=0, le=LARGEST)] = 0
    came_from: ValueFrom = "readings"


class MeterFile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="schema",
    tag="edgeward.meters/1",
):
    """The file: one mark a meter."""

    meters: tuple[MeterMark, ...]


def meters_path(outbox: Path) -> Path:
    """The file of an agent whose outbox is at `outbox`: `outbox.meters.json` of `outbox.db`."""
    return outbox.with_suffix(".meters.json")


class MeterMemory:
    """Recalls meters when the agent starts, and keeps what they show; a context manager.

    Any thread may ask. A disk that fails is logged once and stops no reading.

    Args:
        path: the file; see `meters_path`.
        clock: seconds that never go back, as frames have them.
        now: the wall clock.
        is_set: whether that is right.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        is_set: Callable[[], bool] = lambda: True,
    ) -> None:
        self._path, self._clock, self._now, self._is_set = path, clock, now, is_set
        self._lock = threading.Lock()
        self._failing = False
        self._marks = _load(path)
        # What no reading has confirmed since this start, and whose age is not known yet.
        self._recalled = dict[tuple[str, str], TicksSeen]()
        self._undated = set[tuple[str, str]]()
        self._written = dict(self._marks)
        self._tried = -float("inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._marks != self._written:
                self._write()

    def recall(self, stream: str, region: str, rules: MeterRules) -> MeterState:
        """What was known of a meter when the agent ended; nothing if that is of no use."""
        mark = self._marks.get((stream, region))
        if mark is None:
            return MeterState()
        if (mark.decimals, mark.digits) != (rules.decimals, rules.digits):
            log.warning(
                "%s: stream %r, region %r: expected a value of %s digits, %d behind the point, "
                "found one of %s, %d; beginning anew",
                self._path,
                stream,
                region,
                rules.digits or "any",
                rules.decimals,
                mark.digits or "any",
                mark.decimals,
            )
            return MeterState()
        if not (mark.clock_set and self._is_set()):
            self._undated.add((stream, region))
        seen = self._recalled[stream, region] = TicksSeen(
            mark.ticks, self._clock() - self._age_s(mark)
        )
        return MeterState(seen, pace=mark.per_h / 3600, came_from=mark.came_from)

    def knows_when(self, stream: str, region: str) -> bool:
        """Whether the age of what was recalled is known."""
        return (stream, region) not in self._undated

    def dated(self, stream: str, region: str, state: MeterState) -> MeterState:
        """`state`, with the age of what was recalled once the clock is set."""
        key = stream, region
        if key not in self._undated or not self._is_set():
            return state
        self._undated.discard(key)
        mark = self._marks[key]
        if state.confirmed is None or state.confirmed != self._recalled.get(key):
            return state
        seen = replace(state.confirmed, at=self._clock() - self._age_s(mark))
        self._recalled[key] = seen
        return replace(state, confirmed=seen)

    def _age_s(self, mark: MeterMark) -> float:
        """How old a mark is, as far as is known; one from the future is not."""
        if not (mark.clock_set and self._is_set()):
            return 0.0
        return max(0.0, (self._now() - mark.seen_at).total_seconds())

    def forget(self, stream: str, region: str) -> None:
        """Know nothing of a meter, on disk at once."""
        with self._lock:
            self._marks.pop((stream, region), None)
            self._recalled.pop((stream, region), None)
            self._undated.discard((stream, region))
            self._write()

    def keep(
        self,
        stream: str,
        region: str,
        rules: MeterRules,
        state: MeterState,
        *,
        now: bool = False,
    ) -> None:
        """Keep what is known of a meter now; on disk soon, or at once, and at the end."""
        if state.confirmed is None or abs(state.confirmed.value) > LARGEST:
            return
        if state.confirmed == self._recalled.get((stream, region)):
            return  # not seen since: the file knows better when it was
        seen_at = self._now() - timedelta(seconds=self._clock() - state.confirmed.at)
        mark = MeterMark(
            stream=stream,
            region=region,
            ticks=state.confirmed.value,
            decimals=rules.decimals,
            digits=rules.digits,
            seen_at=seen_at,
            clock_set=self._is_set(),
            per_h=state.pace * 3600,
            came_from=state.came_from,
        )
        with self._lock:
            self._marks[stream, region] = mark
            if now or (self._clock() - self._tried >= LEAST_S and self._stale(mark)):
                self._write()

    def _stale(self, mark: MeterMark) -> bool:
        """Whether the file says another value of this meter, or has an old time."""
        written = self._written.get((mark.stream, mark.region))
        if written is None or (written.ticks, written.clock_set) != (mark.ticks, mark.clock_set):
            return True
        return abs((mark.seen_at - written.seen_at).total_seconds()) >= REFRESH_S

    def _write(self) -> None:
        self._tried = self._clock()
        document = MeterFile(meters=tuple(self._marks[key] for key in sorted(self._marks)))
        try:
            write_whole(self._path, msgspec.json.format(msgspec.json.encode(document)) + b"\n")
        except OSError as error:
            if not self._failing:
                log.warning("%s: cannot keep the meters: %s", self._path, error.strerror)
            self._failing = True
            return
        self._failing = False
        self._written = dict(self._marks)


def _load(path: Path) -> dict[tuple[str, str], MeterMark]:
    """The marks in the file; none, with a line in the log, if it is damaged."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=MeterFile)
    except FileNotFoundError:
        return {}
    except OSError as error:
        log.warning("%s: cannot be read, meters begin anew: %s", path, error.strerror)
        return {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.warning("%s: damaged, meters begin anew: %s", path, error)
        return {}
    return {(mark.stream, mark.region): mark for mark in found.meters}
