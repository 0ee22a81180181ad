"""`WallClock`: whether the time of day can be believed.

A board without a battery begins in 1970, or, where the system keeps the time in a file, at the
moment it was last switched off; the network then sets it right, seconds or days later. What is
dated before that is dated wrongly, and looks no different. What tells it:

- the time is before this version of the agent was made;
- the kernel says that nobody has disciplined its clock since the start (adjtimex(2), for which
  the service's sandbox has no right), or systemd-timesyncd, which leaves a file when it has;
- and the machine has no clock of its own (`/sys/class/rtc`) but a file with the time of its end.

A container has none of these, and is believed.
"""

import ctypes
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

# No agent of this version can have run before: its own file is from then or later.
BORN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
# adjtimex(2): STA_UNSYNC in `timex.status`.
UNSYNCHRONISED = 0x0040
# `struct timex` is below 210 bytes on every Linux.
TIMEX_BYTES = 512
# systemd-timesyncd(8): touched whenever it has set the clock since the machine started.
TIMESYNC = "run/systemd/timesync"
# Where the time of the last end is kept: systemd-timesyncd(8), fake-hwclock(8).
SAVED = (TIMESYNC, "var/lib/systemd/timesync/clock", "etc/fake-hwclock.data")
# How long an answer of the system stands.
ASK_AGAIN_S = 1.0
# A clock that is stepped by less was right before, too.
STEP_S = 60.0


def clock_synchronised() -> bool | None:
    """What the kernel says of its clock, whoever disciplines it; None where it may not be asked."""
    word = ctypes.sizeof(ctypes.c_long)
    buffer = ctypes.create_string_buffer(TIMEX_BYTES)  # modes = 0: only asks
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    # unsigned modes; long offset, freq, maxerror, esterror; int status.
    status = int.from_bytes(buffer.raw[5 * word : 5 * word + 4], "little")
    return not status & UNSYNCHRONISED


class WallClock:
    """The time of day, and whether it is set; any thread may ask.

    Args:
        root: where the machine's /sys, /run, /etc and /var are.
        now: seconds since 1970.
        monotonic: seconds that never go back.
        synchronised: what the kernel says; None if it does not.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        synchronised: Callable[[], bool | None] = clock_synchronised,
    ) -> None:
        self._root, self._now, self._monotonic = root, now, monotonic
        self._synchronised = synchronised
        # Where nothing has kept the time the machine has to be told it.
        self._kept = self._has_battery() or not any(self._is_there(path) for path in SAVED)
        self._asked_at, self._believed = -float("inf"), False

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.fromtimestamp(self._now(), UTC)

    def is_set(self) -> bool:
        """Whether it is right, as far as can be told; once it is, it stays so."""
        if self._now() < BORN:
            return False
        if not self._believed and self._monotonic() - self._asked_at >= ASK_AGAIN_S:
            self._asked_at = self._monotonic()
            self._believed = self._kept or self._was_told()
        return self._believed

    def dates(self, moment: datetime, monotonic_s: float) -> bool:
        """Whether `moment` is when it was, on the other clock, `monotonic_s`.

        What was dated before the clock was set is not, also if that is asked afterwards.
        """
        if not self.is_set():
            return False
        ago_s = self._monotonic() - monotonic_s
        return abs(self._now() - moment.timestamp() - ago_s) < STEP_S

    def _was_told(self) -> bool:
        """Whether somebody has set it since the start; yes where nobody can say."""
        if self._is_there(f"{TIMESYNC}/synchronized"):
            return True
        said = self._synchronised()
        return said if said is not None else not self._is_there(TIMESYNC)

    def _has_battery(self) -> bool:
        """Whether a clock went on while the machine was off; an empty one begins in 1970."""
        for path in self._root.glob("sys/class/rtc/*/since_epoch"):
            try:
                if float(path.read_text()) >= BORN:
                    return True
            except (OSError, ValueError):
                continue
        return False

    def _is_there(self, path: str) -> bool:
        # Not by Path.exists(), which raises where a folder may not be looked into.
        return os.path.exists(self._root / path)  # noqa: PTH110
