"""What leaves the outbox when it is full or old, and what is said about it."""

import sqlite3
from pathlib import Path

import pytest

from edge_agent.outbox.outbox import Lane, Limits, Outbox, OutboxState

LANES = {"door": Lane(importance=9), "yard": Lane(importance=1), "hall": Lane()}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 5000.0

    def __call__(self) -> float:
        return self.now_s


def payload(seq: int) -> bytes:
    return b"%04d" % seq


def waiting(outbox: Outbox) -> list[tuple[str, bytes]]:
    return [(row.topic, row.payload) for row in outbox.pending(0, 999)]


def test_the_least_important_leave_first_and_of_those_the_oldest(tmp_path: Path) -> None:
    """A message is five bytes here, and six of them fit."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=30), LANES) as outbox:
        for stream in ("door", "yard", "hall", "yard", "door", "hall"):
            outbox.append(stream, stream[0], payload)
        for _ in range(3):
            outbox.append("door", "d", payload)
        assert waiting(outbox) == [
            ("d", b"0001"),
            ("d", b"0002"),
            ("h", b"0002"),
            ("d", b"0003"),
            ("d", b"0004"),
            ("d", b"0005"),
        ]
        assert outbox.state() == OutboxState(6, 30, 3)
        assert outbox.evictions() == {"yard": 2, "hall": 1}


def test_what_is_less_important_than_all_that_waits_is_not_stored(tmp_path: Path) -> None:
    """Its number is used, so the gap shows; nothing else leaves for it."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=15), LANES) as outbox:
        for _ in range(3):
            outbox.append("door", "d", payload)
        assert outbox.append("yard", "y", payload) == 1
        assert [topic for topic, _ in waiting(outbox)] == ["d", "d", "d"]
        assert outbox.evictions() == {"yard": 1}
        outbox.delete([row.id for row in outbox.pending(0, 9)])
        assert outbox.append("yard", "y", payload) == 2
        assert outbox.state() == OutboxState(1, 5, 1)


def test_room_is_made_from_several_importances_or_not_at_all(tmp_path: Path) -> None:
    """A large message takes all that is less important, and nothing if that is too little."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=20), LANES) as outbox:
        for stream in ("yard", "hall", "door", "door"):
            outbox.append(stream, stream[0], payload)
        outbox.append("hall", "h", lambda seq: b"x" * 10)
        assert [topic for topic, _ in waiting(outbox)] == ["y", "h", "d", "d"]
        assert outbox.evictions() == {"hall": 1}
        outbox.append("hall", "h", lambda seq: b"x" * 9)
        assert [topic for topic, _ in waiting(outbox)] == ["d", "d", "h"]
        assert outbox.evictions() == {"hall": 2, "yard": 1}


def test_evictions_are_counted_by_stream_across_restarts(tmp_path: Path) -> None:
    """What an operator looks for is on which stream it happened."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=10), LANES) as outbox:
        for _ in range(5):
            outbox.append("yard", "y", payload)
    with Outbox(tmp_path / "o.db", Limits(max_bytes=10), LANES) as outbox:
        assert outbox.evictions() == {"yard": 3}
        outbox.append("yard", "y", payload)
        assert outbox.evictions() == {"yard": 4}
        assert outbox.state() == OutboxState(2, 10, 4)


def test_a_failed_transaction_evicts_nothing(tmp_path: Path) -> None:
    """The counts in memory are those on disk, and the next eviction finds the same messages."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=20), LANES) as outbox:
        for _ in range(4):
            outbox.append("yard", "y", payload)
        outbox._db.execute(
            "CREATE TEMP TRIGGER stop BEFORE INSERT ON message WHEN NEW.topic = 'bad' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        with pytest.raises(Exception, match="no"):
            outbox.append("yard", "bad", lambda seq: b"x" * 10)
        assert outbox.state() == OutboxState(4, 20, 0)
        outbox.append("yard", "y", payload)
        assert [text for _, text in waiting(outbox)] == [b"0002", b"0003", b"0004", b"0005"]


def test_what_is_too_old_leaves_with_the_next_that_comes(tmp_path: Path) -> None:
    """However important; what is younger stays."""
    clock = Clock()
    limits = Limits(max_age_s=3600)
    with Outbox(tmp_path / "o.db", limits, LANES, clock=clock) as outbox:
        outbox.append("door", "d", payload)
        clock.now_s += 3000
        outbox.append("door", "d", payload)
        clock.now_s += 601
        outbox.append("hall", "h", payload)
        assert waiting(outbox) == [("d", b"0002"), ("h", b"0001")]
        assert outbox.evictions() == {"door": 1}
        clock.now_s += 10_000
        for _ in range(200):
            outbox.append("hall", "h", payload)
        assert outbox.evictions() == {"door": 2, "hall": 1}
        assert outbox.state().depth == 200


def test_age_goes_on_after_a_restart(tmp_path: Path) -> None:
    """From the newest that waits; the time that the agent was off is not known, so not counted."""
    clock = Clock()
    limits = Limits(max_age_s=3600)
    with Outbox(tmp_path / "o.db", limits, clock=clock) as outbox:
        outbox.append("door", "d", payload)
        clock.now_s += 3000
        outbox.append("door", "d", payload)
    clock.now_s = 7.0  # another boot: this clock begins anew
    with Outbox(tmp_path / "o.db", limits, clock=clock) as outbox:
        clock.now_s += 500
        outbox.append("door", "d", payload)
        assert outbox.state().depth == 3
        clock.now_s += 101
        outbox.append("door", "d", payload)
        assert [text for _, text in waiting(outbox)] == [b"0002", b"0003", b"0004"]


def test_a_jump_of_the_wall_clock_makes_nothing_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must not fire: a device without a clock learns the date from the network, a year later."""
    with Outbox(tmp_path / "o.db", Limits(max_age_s=60)) as outbox:
        outbox.append("door", "d", payload)
        monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
        outbox.append("door", "d", payload)
        assert outbox.state() == OutboxState(2, 10, 0)


def test_what_waited_for_long_is_late(tmp_path: Path) -> None:
    """Or since before this start; what has just come is not."""
    clock = Clock()
    limits = Limits(late_after_s=10)
    with Outbox(tmp_path / "o.db", limits, clock=clock) as outbox:
        outbox.append("door", "d", payload)
        clock.now_s += 9
        assert [outbox.is_late(row) for row in outbox.pending(0, 9)] == [False]
        clock.now_s += 2
        outbox.append("door", "d", payload)
        assert [outbox.is_late(row) for row in outbox.pending(0, 9)] == [True, False]
    with Outbox(tmp_path / "o.db", limits, clock=clock) as outbox:
        outbox.append("door", "d", payload)
        assert [outbox.is_late(row) for row in outbox.pending(0, 9)] == [True, True, False]


def test_a_lane_says_how_long_the_broker_keeps_a_result(tmp_path: Path) -> None:
    """By stream; one without a lane says nothing."""
    lanes = {"door": Lane(expires_s=60)}
    with Outbox(tmp_path / "o.db", lanes=lanes) as outbox:
        outbox.append("door", "d", payload)
        outbox.append("yard", "y", payload)
        assert [row.expires_s for row in outbox.pending(0, 9)] == [60, None]


def test_durability_is_each_streams_own(tmp_path: Path) -> None:
    """FULL waits for the disk, NORMAL does not; SQLite is told before each transaction."""
    lanes = {"door": Lane(synchronous="full"), "yard": Lane(synchronous="normal")}
    with Outbox(tmp_path / "o.db", lanes=lanes) as outbox:

        def level() -> int:
            return int(outbox._db.execute("PRAGMA synchronous").fetchone()[0])

        for stream, expected in (("door", 2), ("yard", 1), ("door", 2)):
            outbox.append(stream, stream, payload)
            assert level() == expected
        outbox.delete([1])
        assert level() == 1


LAYOUT_1 = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE stream (name TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE evicted (count INTEGER NOT NULL);
INSERT INTO evicted VALUES (7);
INSERT INTO stream VALUES ('door', 2);
INSERT INTO message (topic, payload) VALUES ('d', '0001'), ('d', '0002');
PRAGMA application_id = 1162102615;
PRAGMA user_version = 1;
"""


def test_an_outbox_of_the_last_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """An update of the agent loses no result that waits, and no number."""
    path = tmp_path / "o.db"
    db = sqlite3.connect(path)
    db.executescript(LAYOUT_1)
    db.close()
    for expected in (3, 4):
        with Outbox(path, lanes=LANES) as outbox:
            assert outbox.state().evicted == 7
            assert outbox.append("door", "d", payload) == expected
    with Outbox(path, Limits(max_bytes=10), LANES) as outbox:
        assert [outbox.is_late(row) for row in outbox.pending(0, 9)] == [True] * 4
        outbox.append("door", "d", payload)
        assert [text for _, text in waiting(outbox)] == [b"0004", b"0005"]
