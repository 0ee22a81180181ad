"""When a frame was taken, by the stream's clock, whatever that does."""

import math
from collections.abc import Iterable

import pytest

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.stream_clock import BEHIND_S, LATE_S, Backlog, StreamClock

PERIOD_S = 0.04
ZERO_S = 5000.0  # of the stream; ours begins at 0


def ages(clock: StreamClock, frames: Iterable[tuple[float, float]]) -> list[float]:
    """How old each frame is when it comes; `frames`: when it was taken, and when it came."""
    return [came - clock.date(taken + ZERO_S, came) for taken, came in frames]


def steady(begin_s: float, end_s: float, delay_s: float = 0.1) -> list[tuple[float, float]]:
    count = round((end_s - begin_s) / PERIOD_S)
    return [(begin_s + i * PERIOD_S, begin_s + i * PERIOD_S + delay_s) for i in range(count)]


def test_a_stream_that_runs_is_dated_as_it_comes() -> None:
    """A delay that is always there cannot be known; one that comes and goes is."""
    clock = StreamClock("camera")
    assert ages(clock, steady(0, 20)) == pytest.approx([0] * 500, abs=1e-6)
    assert ages(clock, [(20.0, 20.6)]) == pytest.approx([0.5])


def test_what_a_stall_held_back_is_as_old_as_it_is() -> None:
    """8 s of silence, then all of it at once: only the end of it is fresh."""
    clock = StreamClock("camera")
    ages(clock, steady(0, 10))
    backlog = [(taken, 18 + 0.005 * i) for i, (taken, _) in enumerate(steady(10, 18))]
    found = ages(clock, backlog)
    assert found[0] == pytest.approx(7.9, abs=0.1)
    assert [age > LATE_S for age in found] == sorted((age > LATE_S for age in found), reverse=True)
    assert ages(clock, steady(19, 25))[-1] == pytest.approx(0, abs=0.01)


def test_what_a_decoder_held_back_is_not_new_after_a_stall() -> None:
    """Frames from before it come with the first packets after it, twice in a row."""
    clock = StreamClock("camera")
    ages(clock, steady(0, 10))
    for stall in (10.0, 20.0):
        held = [(stall, stall + 8.1), (stall + PERIOD_S, stall + 8.15)]
        assert ages(clock, held) == pytest.approx([8.0, 8.01], abs=0.1)
        assert max(ages(clock, steady(stall + 8.1, stall + 10))) < 0.01


def test_a_stream_that_stays_behind_is_given_up() -> None:
    """As when it is played on from where it stood, or its clock stood still: opening helps."""
    clock = StreamClock("camera 1")
    ages(clock, steady(0, 10))
    with pytest.raises(SourceError) as caught:
        ages(clock, [(taken, came + 8) for taken, came in steady(10, 11 + BEHIND_S)])
    assert str(caught.value) == "camera 1: expected fresh frames, found them 8 s late"


@pytest.mark.parametrize("rate", [0.8, 0.999, 1.25, 40.0])
def test_a_clock_that_runs_wrong_is_followed(rate: float) -> None:
    """One of 20 instead of 25 frames a second, and a file that is read as fast as it can be."""
    clock = StreamClock("camera")
    found = [came - clock.date(ZERO_S + came * rate, came) for _, came in steady(0, 60)]
    assert max(found) < LATE_S / 2 + 0.1


def test_a_clock_that_begins_anew_is_another() -> None:
    """A camera that was started again behind a proxy."""
    clock = StreamClock("camera")
    ages(clock, steady(0, 10))
    assert clock.date(0.0, 11.0) == 11.0
    assert clock.date(0.04, 11.04) == pytest.approx(11.04)


@pytest.mark.parametrize("stream_s", [0.0, math.nan, -math.inf])
def test_a_stream_without_a_clock_says_nothing(stream_s: float) -> None:
    """Frames are taken when they come."""
    clock = StreamClock("camera")
    assert [clock.date(stream_s, now) for now in (1.0, 2.0, 30.0)] == [1.0, 2.0, 30.0]


def test_without_a_clock_what_comes_at_once_after_a_stall_was_held_back() -> None:
    """Until one has to be waited for, or a stall's length has passed."""
    waiting = [True] * 3 + [False] + [True] * 99
    backlog = Backlog(lambda: waiting.pop(0))
    assert not backlog.holds(0.0)
    assert not backlog.holds(0.04)  # must not fire: the next one may wait without a stall
    assert [backlog.holds(8 + i / 100) for i in range(5)] == [True, True, True, False, False]
    assert [backlog.holds(16 + i) for i in range(10)] == [True] * 8 + [False] * 2
