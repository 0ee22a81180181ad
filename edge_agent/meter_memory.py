"""`MeterMemory`: the last confirmed value of every meter, over restarts of the agent.

Without it a restart forgets what a meter showed, and a misread digit has nothing to contradict.
One small file beside the outbox, replaced in one step. A file that is damaged or too old is
passed over with a line in the log: the meters then begin anew, as on the first day.

Times of readings are those of a clock that a reboot sets to zero; in the file they are wall
time. A wall clock that was wrong when the file was written makes a value look older or younger
than it is: too old, and it is forgotten; from the future, and it counts as seen just now, so
that what the meter counted meanwhile is held until enough readings agree.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import msgspec

from edge_agent.atomic import write_whole
from edge_agent.bundle.manifest import Name
from edge_agent.meter import MeterRules, MeterState, Seen
from edge_agent.results import Moment

log = logging.getLogger(__name__)

# Beyond it a value says little about what a meter can show now.
MAX_AGE = timedelta(days=30)
# A clock that was set back by less, as that of a machine without a battery, is no other clock.
MAX_AHEAD = timedelta(days=1)
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
    """

    stream: Name
    region: Name
    ticks: Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
    decimals: int
    digits: int | None
    seen_at: Moment


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
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path, self._clock, self._now = path, clock, now
        self._lock = threading.Lock()
        self._failing = False
        self._marks = _load(path, now())
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
        age_s = max(0.0, (self._now() - mark.seen_at).total_seconds())
        return MeterState(Seen(mark.ticks, self._clock() - age_s))

    def keep(self, stream: str, region: str, rules: MeterRules, state: MeterState) -> None:
        """Keep what is known of a meter now; on disk soon, and at the end."""
        if state.confirmed is None or abs(state.confirmed.value) > LARGEST:
            return
        seen_at = self._now() - timedelta(seconds=self._clock() - state.confirmed.at)
        mark = MeterMark(
            stream=stream,
            region=region,
            ticks=state.confirmed.value,
            decimals=rules.decimals,
            digits=rules.digits,
            seen_at=seen_at,
        )
        with self._lock:
            self._marks[stream, region] = mark
            if self._clock() - self._tried >= LEAST_S and self._stale(mark):
                self._write()

    def _stale(self, mark: MeterMark) -> bool:
        """Whether the file says another value of this meter, or has an old time."""
        written = self._written.get((mark.stream, mark.region))
        if written is None or written.ticks != mark.ticks:
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


def _load(path: Path, now: datetime) -> dict[tuple[str, str], MeterMark]:
    """The marks in the file that are of use; none, with a line in the log, if it is damaged."""
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
    marks = {}
    for mark in found.meters:
        age = now - mark.seen_at
        if -MAX_AHEAD <= age <= MAX_AGE:
            marks[mark.stream, mark.region] = mark
        else:
            log.warning(
                "%s: stream %r, region %r: expected a value of the last %d days, found one of %s; "
                "beginning anew",
                path,
                mark.stream,
                mark.region,
                MAX_AGE.days,
                f"{mark.seen_at:%Y-%m-%d %H:%M}",
            )
    return marks
