"""`Outbox` at its edges: what is late, a disk that cannot forget, what stands unsaid."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.common.errors import DiskFullError
from edge_agent.config import OutboxConfig
from edge_agent.outbox import outbox as module
from edge_agent.outbox.outbox import Lane, Limits, Outbox, OutboxState


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def payload(seq: int) -> bytes:
    return b"%04d" % seq


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="five")
def _five(tmp_path: Path, clock: Clock) -> Iterator[Outbox]:
    """Five messages, ids 1 to 5, one each second."""
    with Outbox(tmp_path / "o.db", Limits(late_after_s=10), clock=clock) as outbox:
        for _ in range(5):
            outbox.append("a", "t", payload)
            clock.now_s += 1
        yield outbox


@pytest.fixture(name="full")
def _full(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A disk that takes no change, until the patch is undone."""

    def refuse(*_: object) -> None:
        raise DiskFullError("the disk is full")

    monkeypatch.setattr(module, "write_counts", refuse)
    return monkeypatch


def ids(outbox: Outbox, after: int = 0, limit: int = 9) -> list[int]:
    return [row.id for row in outbox.pending(after, limit)]


def test_what_is_forgotten_stays_forgotten_while_the_disk_is_full(
    five: Outbox, full: pytest.MonkeyPatch
) -> None:
    """It is not given again, does not count as waiting, and takes no place of what does."""
    five.delete([2, 3])
    assert ids(five) == [1, 4, 5]
    assert ids(five, limit=2) == [1, 4]
    assert five.state().depth == 3
    full.undo()
    assert five.append("a", "t", payload) == 6
    assert ids(five) == [1, 4, 5, 6]
    assert five.state() == OutboxState(depth=4, bytes=20, evicted=0)


def test_a_message_that_is_given_up_is_gone_and_counted(five: Outbox) -> None:
    """Its neighbours stay; whoever gave it up is told that it is gone."""
    assert five.give_up(3) is True
    assert ids(five) == [1, 2, 4, 5]
    assert (five.state().evicted, five.evictions()) == (1, {"a": 1})


def test_on_a_full_disk_nothing_is_given_up(five: Outbox, full: pytest.MonkeyPatch) -> None:
    """Its count could not be written: it stays, and whoever asked is told."""
    assert full
    assert five.give_up(3) is False
    assert ids(five) == [1, 2, 3, 4, 5]
    assert five.state().evicted == 0


def test_the_counts_that_are_handed_out_are_the_callers_own(five: Outbox) -> None:
    """Changing them changes nothing of the outbox."""
    five.give_up(1)
    five.evictions()["a"] = 7
    assert five.evictions() == {"a": 1}


@pytest.mark.parametrize("waited", range(8))
@pytest.mark.parametrize("gone", [[], [1], [5], [2, 3], [1, 2, 3], [1, 2, 3, 4, 5], [3, 5]])
def test_up_to_the_newest_late_all_is_late_and_beyond_it_nothing(
    five: Outbox, clock: Clock, waited: int, gone: list[int]
) -> None:
    """As `is_late` says of each, whatever has been delivered in between."""
    clock.now_s += waited + 5.5
    rows = five.pending(0, 9)
    late = [row.id for row in rows if five.is_late(row) and row.id not in gone]
    five.delete(gone)
    bound = five.newest_late()
    assert [number for number in ids(five) if number <= bound] == late


@pytest.mark.parametrize("more", [0, 1, 3])
def test_what_waited_since_before_a_start_is_late(tmp_path: Path, more: int) -> None:
    """Of one start and the next; what has come since is not."""
    with Outbox(tmp_path / "o.db") as outbox:
        for _ in range(4):
            outbox.append("a", "t", payload)
    with Outbox(tmp_path / "o.db") as outbox:
        for _ in range(more):
            outbox.append("a", "t", payload)
        assert outbox.newest_late() == 4


def test_what_is_too_old_at_a_start_leaves_with_the_first_that_comes(
    tmp_path: Path, clock: Clock
) -> None:
    """At once, not after the time between two looks."""
    limits = Limits(max_age_s=50)
    with Outbox(tmp_path / "o.db", limits, clock=clock) as outbox:
        outbox.append("a", "t", payload)
        clock.now_s += 45
        outbox.append("a", "t", payload)
    with Outbox(tmp_path / "o.db", Limits(max_age_s=40), clock=clock) as outbox:
        outbox.append("a", "t", payload)
        assert ids(outbox) == [2, 3]


def test_age_is_looked_at_once_a_second(tmp_path: Path, clock: Clock) -> None:
    """From the second on, not before: it would cost with every result."""
    with Outbox(tmp_path / "o.db", Limits(max_age_s=0.5), clock=clock) as outbox:
        outbox.append("a", "t", payload)
        clock.now_s += 0.75
        outbox.append("a", "t", payload)
        assert ids(outbox) == [1, 2]
        clock.now_s += 0.25
        outbox.append("a", "t", payload)
        assert ids(outbox) == [2, 3]


def test_only_what_is_older_than_the_bound_leaves(tmp_path: Path, clock: Clock) -> None:
    """What has waited for as long as it may stays."""
    with Outbox(tmp_path / "o.db", Limits(max_age_s=4), clock=clock) as outbox:
        for _ in range(3):
            outbox.append("a", "t", payload)
            clock.now_s += 2
        outbox.append("a", "t", payload)
        assert ids(outbox) == [2, 3, 4]


def test_without_a_word_a_stream_stands_in_the_middle(tmp_path: Path) -> None:
    """Importance 5: what is said to be 4 leaves before it, what is said to be 6 after it."""
    lanes = {"low": Lane(importance=4), "high": Lane(importance=6)}
    with Outbox(tmp_path / "o.db", Limits(max_bytes=15), lanes) as outbox:
        for stream in ("high", "unsaid", "low"):
            outbox.append(stream, "t", payload)
        outbox.append("high", "t", payload)
        assert outbox.evictions() == {"low": 1}
        outbox.append("high", "t", payload)
        assert outbox.evictions() == {"low": 1, "unsaid": 1}
        outbox.append("high", "t", payload)
        assert outbox.evictions() == {"low": 1, "unsaid": 1, "high": 1}


def test_the_bounds_without_a_word_are_those_of_the_configuration() -> None:
    """The value that agent.toml stands for where it says nothing, and `Outbox` by itself."""
    unsaid, config = Limits(), OutboxConfig(path=Path("o.db"))
    assert unsaid.max_bytes == config.max_mb * 1024 * 1024
    assert (unsaid.late_after_s, unsaid.when_full) == (config.late_after_s, config.when_full)
    assert unsaid.max_age_s is config.max_age_h is None
