"""The power fails while the outbox is written: it is never corrupt, and FULL loses nothing.

`power.py` says what is simulated, and what that cannot show.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.power import Disk, Operation, record_run

from edge_agent.outbox.outbox import Lane, Outbox

# Appends to two streams and writes down each number once `append` has returned; writes down the
# numbers of some of the oldest and deletes them. Checkpoints come often: many cuts fall into one.
WRITER = """
import os, random, sys
from pathlib import Path
from edge_agent.outbox.outbox import Lane, Outbox
folder, door, yard = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
rng = random.Random(5)
lanes = {"door": Lane(synchronous=door), "yard": Lane(synchronous=yard)}
ack = os.open(folder / "o.ack", os.O_WRONLY | os.O_CREAT, 0o600)
with Outbox(folder / "o.db", lanes=lanes) as outbox:
    outbox._db.execute("PRAGMA wal_autocheckpoint = 25")
    for number in range(240):
        stream = rng.choice(("door", "yard"))
        text = b"%d " % number + b"x" * rng.randrange(1500)
        seq = outbox.append(stream, stream, lambda seq: b"%d %s" % (seq, text))
        os.write(ack, b"%s %d\\n" % (stream.encode(), seq))
        if number % 7 == 6:
            gone = outbox.pending(0, rng.randrange(1, 5))
            for row in gone:
                words = row.payload.split(b" ")
                os.write(ack, b"-%s %s\\n" % (row.topic.encode(), words[0]))
            outbox.delete([row.id for row in gone])
"""
CUTS = 120


@dataclass(frozen=True)
class Cut:
    """A moment at which the power fails.

    Args:
        files: what o.db and o.db-wal hold afterwards.
        given: the numbers that `append` had returned, by stream, in order.
        forgotten: what had been deleted since.
    """

    files: tuple[bytes, bytes]
    given: tuple[tuple[str, int], ...]
    forgotten: frozenset[tuple[str, int]]


def cuts(operations: list[Operation], rng: random.Random) -> Iterator[Cut]:
    """Some moments, in order of time, after the file has been made."""
    first = next(i for i, operation in enumerate(operations) if operation.file == 2)
    moments = set(rng.sample(range(first + 1, len(operations)), CUTS))
    disks, said = (Disk(), Disk()), bytearray()
    for moment, operation in enumerate(operations):
        if operation.file == 2:
            said += operation.data
        else:
            disks[operation.file].apply(operation)
        if moment in moments:
            lines = [line.split(" ") for line in said.decode().splitlines()]
            yield Cut(
                (disks[0].after_power_cut(rng), disks[1].after_power_cut(rng)),
                tuple((s, int(n)) for s, n in lines if s[0] != "-"),
                frozenset((s[1:], int(n)) for s, n in lines if s[0] == "-"),
            )


def found_after(cut: Cut, folder: Path) -> tuple[set[tuple[str, int]], dict[str, int]]:
    """What is in the outbox when it is opened again, and the next number of each stream."""
    folder.mkdir()
    for name, content in zip(("o.db", "o.db-wal"), cut.files, strict=True):
        (folder / name).write_bytes(content)
    with Outbox(folder / "o.db", lanes={"door": Lane(), "yard": Lane()}) as outbox:
        rows = outbox.pending(0, 10**6)
        assert outbox.state().depth == len(rows)
        following = {s: outbox.append(s, s, lambda seq: b"") for s in ("door", "yard")}
    with closing(sqlite3.connect(folder / "o.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    waiting = [(row.topic, int(row.payload.split(b" ")[0])) for row in rows]
    assert len(waiting) == len(set(waiting)), "a number was given twice"
    for stream in following:
        numbers = [number for name, number in waiting if name == stream]
        assert numbers == sorted(numbers), "the order was lost"
    return set(waiting), following


@pytest.mark.parametrize("seed", [1, 2])
def test_full_loses_nothing_and_gives_no_number_twice(seed: int, tmp_path: Path) -> None:
    """At any moment, whatever the disk had not been waited for: all that was stored is there."""
    rng = random.Random(seed)
    operations = record_run(tmp_path, WRITER, "full", "full")
    assert sum(op.what == "S" and op.file == 1 for op in operations) >= 240
    for number, cut in enumerate(cuts(operations, rng)):
        waiting, following = found_after(cut, tmp_path / f"cut-{number}")
        missing = set(cut.given) - cut.forgotten - waiting
        assert missing == set()
        for stream, given in cut.given:
            assert following[stream] > given


def test_normal_is_never_corrupt_and_loses_only_the_last(tmp_path: Path) -> None:
    """What is lost is the end of what was stored, of both streams together: no hole before it.

    Must fire too: some cut does lose something, or the simulation would prove nothing.
    """
    operations = record_run(tmp_path, WRITER, "normal", "normal")
    losses = 0
    for number, cut in enumerate(cuts(operations, random.Random(3))):
        waiting, following = found_after(cut, tmp_path / f"cut-{number}")
        kept = [pair in waiting for pair in cut.given if pair not in cut.forgotten]
        assert kept == sorted(kept, reverse=True)
        losses += kept.count(False)
        for stream, given in waiting:
            assert following[stream] > given
    assert losses > 0


def test_what_a_full_stream_stored_is_safe_beside_a_normal_one(tmp_path: Path) -> None:
    """One file for both: waiting for the disk for one makes safe what came before of the other."""
    operations = record_run(tmp_path, WRITER, "full", "normal")
    losses = 0
    for number, cut in enumerate(cuts(operations, random.Random(4))):
        waiting, following = found_after(cut, tmp_path / f"cut-{number}")
        kept = {pair: pair in waiting for pair in cut.given if pair not in cut.forgotten}
        last_door = max((i for i, p in enumerate(cut.given) if p[0] == "door"), default=-1)
        for place, pair in enumerate(cut.given):
            assert kept.get(pair, True) or place > last_door
        losses += list(kept.values()).count(False)
        for stream, given in cut.given:
            assert following[stream] > given or stream == "yard"
    assert losses > 0


def test_a_write_ahead_log_that_ends_in_rubbish_is_read_up_to_there(tmp_path: Path) -> None:
    """Cut short, zeroed or overwritten from any place on: what was whole before it is there."""
    rng = random.Random(6)
    with Outbox(tmp_path / "o.db") as outbox:
        sizes = []
        for _ in range(40):
            outbox.append("door", "door", lambda seq: b"%d %s" % (seq, b"x" * 700))
            sizes.append((tmp_path / "o.db-wal").stat().st_size)
        whole = (tmp_path / "o.db").read_bytes(), (tmp_path / "o.db-wal").read_bytes()
    for number in range(60):
        at = rng.randrange(32, len(whole[1]))
        tail = {
            0: b"",
            1: bytes(len(whole[1]) - at),
            2: rng.randbytes(len(whole[1]) - at),
        }[number % 3]
        cut = Cut((whole[0], whole[1][:at] + tail), (), frozenset())
        waiting, following = found_after(cut, tmp_path / f"cut-{number}")
        kept = sum(size <= at for size in sizes)
        assert {("door", n) for n in range(1, kept + 1)} <= waiting
        assert following["door"] == len(waiting) + 1
