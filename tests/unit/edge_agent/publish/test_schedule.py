"""Which result is sent next: new ones at once, the backlog beside them, each in order."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.outbox.outbox import Limits, Outbox
from edge_agent.publish.schedule import (
    DELAY_S,
    FIRST_WINDOW,
    BacklogPace,
    LiveFirst,
    StoredOrder,
    Turn,
)

WINDOW = 20


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="outbox")
def _outbox(tmp_path: Path, clock: Clock) -> Iterator[Outbox]:
    with Outbox(tmp_path / "o.db", Limits(late_after_s=10), clock=clock) as outbox:
        yield outbox


def store(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.append("a", "t", lambda seq: b"%d" % seq)


def said(turn: Turn | None) -> str:
    """`-` for nothing, `7` for the new seventh, `7 late` for a late one."""
    return "-" if turn is None else f"{turn.queued.payload.decode()}{' late' * turn.late}"


def test_what_is_new_comes_before_what_is_late(outbox: Outbox, clock: Clock) -> None:
    """The backlog from its beginning, as far as it may; the next new one at once."""
    store(outbox, 1000)
    clock.now_s += 11
    store(outbox, 2)
    schedule = LiveFirst(outbox, WINDOW, clock)
    turns = [said(schedule.next()) for _ in range(7)]
    assert turns == ["1001", "1002", "1 late", "2 late", "3 late", "4 late", "-"]
    store(outbox, 1)
    assert said(schedule.next()) == "1003"
    assert said(schedule.next()) == "-"


def test_a_short_absence_changes_no_order(outbox: Outbox, clock: Clock) -> None:
    """What is not late is not behind: all in the order of storing, and none marked."""
    store(outbox, 10)
    clock.now_s += 9
    store(outbox, 5)
    schedule = LiveFirst(outbox, WINDOW, clock)
    assert [said(schedule.next()) for _ in range(16)] == [*map(str, range(1, 16)), "-"]


def test_the_backlog_has_its_share_of_a_full_link(outbox: Outbox, clock: Clock) -> None:
    """However much there is that is new, one of five is late."""
    store(outbox, 100)
    clock.now_s += 11
    store(outbox, 100)
    schedule = LiveFirst(outbox, WINDOW, clock)
    turns = [said(schedule.next()) for _ in range(10)]
    assert turns == ["101", "102", "103", "104", "1 late", "105", "106", "107", "108", "2 late"]


def test_what_has_become_late_waits_behind_the_backlog(outbox: Outbox, clock: Clock) -> None:
    """A link that is too slow for all: the newest go on, and nothing is sent twice."""
    store(outbox, 3)
    clock.now_s += 11
    store(outbox, 10)
    schedule = LiveFirst(outbox, WINDOW, clock)
    assert [said(schedule.next()) for _ in range(2)] == ["4", "5"]
    clock.now_s += 11
    store(outbox, 1)
    turns = [said(schedule.next()) for _ in range(5)]
    assert turns == ["14", "1 late", "2 late", "3 late", "6 late"]
    for number in (1, 2, 3, 6):
        schedule.acknowledged(number)
    outbox.delete([1, 2, 3, 5, 6])
    schedule.forgotten([1, 2, 3, 5, 6])
    rest = [said(schedule.next()) for _ in range(8)]
    assert rest == [*(f"{number} late" for number in range(7, 14)), "-"]


def test_the_next_session_begins_with_what_is_left(tmp_path: Path, clock: Clock) -> None:
    """In the middle of a backlog; after a restart all of it is late."""
    path = tmp_path / "o.db"
    with Outbox(path, clock=clock) as outbox:
        store(outbox, 8)
        outbox.delete([2, 3, 7])
    with Outbox(path, clock=clock) as outbox:
        store(outbox, 1)
        for _ in range(2):
            schedule = LiveFirst(outbox, WINDOW, clock)
            turns = [said(schedule.next()) for _ in range(6)]
            assert turns == ["9", "1 late", "4 late", "5 late", "6 late", "-"]


def test_strict_sends_all_in_the_order_of_storing(outbox: Outbox, clock: Clock) -> None:
    """For subscribers that cannot do without; what is late is marked all the same."""
    store(outbox, 2)
    clock.now_s += 11
    store(outbox, 2)
    schedule = StoredOrder(outbox, WINDOW)
    assert [said(schedule.next()) for _ in range(5)] == ["1 late", "2 late", "3", "4", "-"]


def test_the_pace_follows_the_link() -> None:
    """A far link is not a full one: only what comes on top of its own time counts."""
    pace = BacklogPace(80)
    assert pace.window == FIRST_WINDOW
    for _ in range(200):
        pace.answered(20.0)
    assert pace.window == 80
    for _ in range(30):
        pace.answered(20.0 + 2 * DELAY_S)
    assert pace.window == 50
    for _ in range(200):
        pace.answered(25.0)
    assert pace.window == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("store"), st.integers(1, 8)),
            st.tuples(st.just("wait"), st.integers(1, 12)),
            st.tuples(st.just("send"), st.integers(1, 12)),
            st.tuples(st.just("acknowledge"), st.integers(1, 12)),
            st.tuples(st.just("lose"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_all_is_sent_each_kind_in_order_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Stored, sent, acknowledged or lost: none is left out, none twice in a session."""
    clock = Clock()
    path = tmp_path_factory.mktemp("schedule") / "o.db"
    with Outbox(path, Limits(late_after_s=10), clock=clock) as outbox:
        schedule, flying, session = LiveFirst(outbox, WINDOW, clock), list[int](), list[Turn]()
        first = dict[int, bool]()  # of each, whether it was late when it came first

        def send() -> bool:
            turn = schedule.next()
            if turn is None:
                return False
            session.append(turn)
            flying.append(turn.queued.id)
            first.setdefault(turn.queued.id, turn.late)
            return True

        def acknowledge() -> None:
            number = flying.pop(0)
            schedule.acknowledged(number)
            outbox.delete([number])
            schedule.forgotten([number])

        for step, count in [*steps, ("store", 1)]:
            match step:
                case "store":
                    store(outbox, count)
                case "wait":
                    clock.now_s += count
                case "send":
                    for _ in range(count):
                        if len(flying) < WINDOW:
                            send()
                case "acknowledge":
                    for _ in range(min(count, len(flying))):
                        acknowledge()
                case "lose":
                    schedule, flying, session = LiveFirst(outbox, WINDOW, clock), [], []
            for late in (False, True):
                sent = [turn.queued.id for turn in session if turn.late == late]
                assert sent == sorted(sent)
            assert len({turn.queued.id for turn in session}) == len(session)
        while send() or flying:
            if flying:
                acknowledge()
        assert outbox.state().depth == 0
        for late in (False, True):
            came = [number for number, was_late in first.items() if was_late == late]
            assert came == sorted(came)
