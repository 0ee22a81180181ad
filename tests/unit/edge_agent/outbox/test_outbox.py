"""`Outbox`: numbering, order, bounds and what is said about bad files."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_agent.common.errors import OutboxError
from edge_agent.outbox.outbox import Limits, Outbox, OutboxState


def payload(seq: int) -> bytes:
    return b"%04d" % seq


def test_numbers_count_per_stream_from_one(tmp_path: Path) -> None:
    """Each stream has its own sequence, and the payload is made from it."""
    with Outbox(tmp_path / "o.db") as outbox:
        assert [outbox.append(s, "t", payload) for s in "aabab"] == [1, 2, 1, 3, 2]
        assert [row.payload for row in outbox.pending(0, 9)] == [
            b"0001",
            b"0002",
            b"0001",
            b"0003",
            b"0002",
        ]


def test_numbers_go_on_after_reopening_even_when_all_was_delivered(tmp_path: Path) -> None:
    """A subscriber sees gaps across restarts only if no number is given twice."""
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.append("a", "t", payload)
        outbox.append("a", "t", payload)
        outbox.delete(row.id for row in outbox.pending(0, 9))
    with Outbox(tmp_path / "o.db") as outbox:
        assert outbox.state() == OutboxState(0, 0, 0)
        assert outbox.append("a", "t", payload) == 3


def test_a_reader_that_remembers_its_place_misses_nothing(tmp_path: Path) -> None:
    """Ids rise for ever: one freed by a deletion is not given again."""
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.append("a", "t", payload)
        (first,) = outbox.pending(0, 9)
        outbox.delete([first.id])
        outbox.append("a", "t", payload)
        assert [row.payload for row in outbox.pending(first.id, 9)] == [b"0002"]


def test_pending_is_in_order_and_limited(tmp_path: Path) -> None:
    """The oldest first, at most as many as asked for, after the place given."""
    with Outbox(tmp_path / "o.db") as outbox:
        for _ in range(5):
            outbox.append("a", "t", payload)
        rows = outbox.pending(0, 3)
        assert [row.payload for row in rows] == [b"0001", b"0002", b"0003"]
        assert [r.payload for r in outbox.pending(rows[-1].id, 9)] == [b"0004", b"0005"]


def test_a_payload_that_cannot_be_made_uses_no_number(tmp_path: Path) -> None:
    """Numbering and storing are one transaction."""

    def broken(seq: int) -> bytes:
        raise ZeroDivisionError

    with Outbox(tmp_path / "o.db") as outbox:
        outbox.append("a", "t", payload)
        with pytest.raises(ZeroDivisionError):
            outbox.append("a", "t", broken)
        assert outbox.append("a", "t", payload) == 2
        assert outbox.state().depth == 2


def test_the_oldest_leave_when_it_is_full_and_are_counted(tmp_path: Path) -> None:
    """Bounded by the bytes of topics and payloads; the count survives a restart."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=50)) as outbox:
        for _ in range(12):  # 1 + 4 bytes each
            outbox.append("a", "t", payload)
        assert outbox.state() == OutboxState(depth=10, bytes=50, evicted=2)
        assert outbox.pending(0, 1)[0].payload == b"0003"
        outbox.append("a", "t", lambda seq: b"x" * 19)
        assert outbox.state() == OutboxState(depth=7, bytes=50, evicted=6)
    with Outbox(tmp_path / "o.db", Limits(max_bytes=50)) as outbox:
        assert outbox.state() == OutboxState(depth=7, bytes=50, evicted=6)


def test_a_message_over_the_bound_is_given_up_and_evicts_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It can never be stored: it is counted and said once, and the agent goes on."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=50)) as outbox:
        outbox.append("a", "t", payload)
        for seq in (2, 3):
            assert outbox.append("a", "t", lambda seq: b"x" * 50) == seq
        assert outbox.state() == OutboxState(1, 5, 2)
        assert outbox.append("a", "t", payload) == 4
        assert outbox.evictions() == {"a": 2}
    said = "expected messages of at most 50 bytes, found 51 for t: it is given up"
    assert caplog.text.count(said) == 1


def test_deleting_twice_counts_once(tmp_path: Path) -> None:
    """An acknowledgement may come after an eviction."""
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.append("a", "tö", payload)
        ids = [row.id for row in outbox.pending(0, 9)]
        outbox.delete([*ids, *ids, 999])
        assert outbox.state() == OutboxState(0, 0, 0)


@pytest.mark.parametrize(
    "gone", [[1, 3], [3, 1], [1, 2, 4, 7], [2, 3, 5, 6], [1, 2, 3, 4, 5, 6, 7], [7]]
)
def test_only_what_was_acknowledged_is_forgotten(tmp_path: Path, gone: list[int]) -> None:
    """What lies between acknowledged messages stays: it was refused, or is not answered yet."""
    with Outbox(tmp_path / "o.db") as outbox:
        for _ in range(7):
            outbox.append("a", "t", payload)
        outbox.delete(gone)
        assert [row.id for row in outbox.pending(0, 9)] == sorted({*range(1, 8)} - {*gone})
        assert outbox.state().depth == 7 - len(gone)


def test_threads_share_it(tmp_path: Path) -> None:
    """Concurrent appends give every number once, and the state adds up."""
    seen: list[int] = []
    with Outbox(tmp_path / "o.db") as outbox:

        def work() -> None:
            seen.extend(outbox.append("a", "t", payload) for _ in range(50))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == list(range(1, 201))
        assert outbox.state().depth == len(outbox.pending(0, 999)) == 200


def test_a_second_agent_is_kept_out(tmp_path: Path) -> None:
    """Two agents on one outbox would publish everything twice."""
    with Outbox(tmp_path / "o.db"):
        with pytest.raises(OutboxError) as caught:
            Outbox(tmp_path / "o.db")
        assert str(caught.value) == (
            f"{tmp_path / 'o.db'}: expected an outbox of our own, found it in use by another agent"
        )
    Outbox(tmp_path / "o.db").close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The outbox makes its file, not its folder."""
    with pytest.raises(OutboxError, match=r"none/o\.db: unable to open database file"):
        Outbox(tmp_path / "none" / "o.db")


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    """Neither text nor another program's database is overwritten."""
    text = tmp_path / "text.db"
    text.write_bytes(b"not a database, but longer than a header " * 50)
    with pytest.raises(OutboxError, match="expected an outbox, found: file is not a database"):
        Outbox(text)
    assert text.read_bytes().startswith(b"not a database")

    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE diary (entry TEXT)")
    db.close()
    with pytest.raises(OutboxError, match="expected an outbox of layout 2, found application id"):
        Outbox(foreign)


WRITER = """
import sys
from pathlib import Path
from edge_agent.outbox.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
while True:
    print(outbox.append("a", "t", lambda seq: b"%d" % seq), flush=True)
"""


def test_what_was_stored_survives_sigkill(tmp_path: Path) -> None:
    """A process killed in the middle of writing loses nothing that `append` returned from."""
    path = tmp_path / "o.db"
    told = 0
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(200):
            told = int(writer.stdout.readline())
        writer.kill()
        told = int((writer.stdout.read().split() or [str(told)])[-1])
        writer.wait()
        writer.stdout.close()
    with Outbox(path) as outbox:
        found = [int(row.payload) for row in outbox.pending(0, 10**6)]
        assert found == list(range(1, len(found) + 1))
        assert told <= found[-1] <= told + 1
        assert outbox.append("a", "t", payload) == len(found) + 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_numbers_go_on_after_everything_was_forgotten(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    """In whatever order the acknowledgements came, and across restarts in between."""
    with Outbox(tmp_path / "o.db") as outbox:
        for _ in range(3):
            outbox.append("a", "t", payload)
        ids = [row.id for row in outbox.pending(0, 9)]
    for place in order:
        with Outbox(tmp_path / "o.db") as outbox:
            outbox.delete([ids[place]])
    with Outbox(tmp_path / "o.db") as outbox:
        assert outbox.state() == OutboxState(0, 0, 0)
        assert outbox.append("a", "t", payload) == 4
