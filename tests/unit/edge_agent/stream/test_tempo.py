"""How fast a stream is, lately."""

import pytest

from edge_agent.stream.tempo import KEPT, ResultPace, Tempo


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def test_without_results_there_is_no_pace() -> None:
    """Not a latency of zero."""
    assert Tempo(Clock()).pace() == ResultPace(0.0, None, None)


def test_a_steady_stream() -> None:
    """Twenty results, four a second, one of them slow: the median hides it, the rest does not."""
    clock = Clock()
    tempo = Tempo(clock)
    for number in range(21):
        tempo.record(900.0 if number == 7 else 10.0 + number)
        clock.now_s += 0.25
    pace = tempo.pace()
    assert pace.per_s == pytest.approx(4, rel=0.06)
    assert (pace.p50_ms, pace.p95_ms) == (20.0 + 1, 30.0)


def test_a_stream_that_falls_silent_slows_down() -> None:
    """And is forgotten after a while."""
    clock = Clock()
    tempo = Tempo(clock)
    for _ in range(10):
        tempo.record(5)
        clock.now_s += 1
    before = tempo.pace().per_s
    clock.now_s += 100
    assert 0 < tempo.pace().per_s < before / 5
    clock.now_s += 300
    assert tempo.pace() == ResultPace()


def test_it_does_not_grow() -> None:
    """A million results take what some hundred take."""
    clock = Clock()
    tempo = Tempo(clock)
    for number in range(20 * KEPT):
        clock.now_s += 0.001
        tempo.record(number)
    assert len(tempo._kept) == KEPT
    assert tempo.pace().per_s == pytest.approx(1000, rel=0.01)
