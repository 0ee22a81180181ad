"""Thinning: a coarse history of what is old in the place of none."""

import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.outbox import thinning
from edge_agent.outbox.outbox import Lane, Limits, Outbox
from edge_agent.outbox.thinning import multiple

LANES = {"door": Lane(importance=9), "yard": Lane(importance=1)}


def payload(seq: int) -> bytes:
    return b"%09d" % seq


def numbers(outbox: Outbox) -> dict[str, list[int]]:
    """What waits, by topic."""
    found = defaultdict[str, list[int]](list)
    for row in outbox.pending(0, 10**6):
        found[row.topic].append(int(row.payload))
    return dict(found)


def thinly(rows: int) -> Limits:
    """Room for so many messages of ten bytes."""
    return Limits(max_bytes=10 * rows, when_full="thin")


@pytest.mark.parametrize("times", [2, 4, 10])
def test_the_newer_half_stays_whole_and_the_older_evenly_thinned(
    tmp_path: Path, times: int
) -> None:
    """However long the absence: it reaches back to the beginning, in steps of a power of two."""
    count = 2000
    with Outbox(tmp_path / "o.db", thinly(count)) as outbox:
        for _ in range(times * count):
            outbox.append("a", "t", payload)
        kept, state = numbers(outbox)["t"], outbox.state()
    newer = count * 4 // 10
    assert kept[-newer:] == list(range(times * count - newer + 1, times * count + 1))
    steps = [after - before for before, after in pairwise(kept)]
    # As coarse as it must be, and twice that at the most, where the last pass has come by already.
    assert max(steps) <= 4 * times
    assert kept[0] <= 16 * times
    assert state.depth + state.evicted == times * count
    # When a pass finds nothing in bounded time, the oldest makes room.
    assert 0 <= state.evicted - state.thinned <= 20


def test_the_oldest_first_is_the_default(tmp_path: Path) -> None:
    """Must not fire: nobody's outbox changes its ways with an update."""
    with Outbox(tmp_path / "o.db", Limits(max_bytes=100)) as outbox:
        for _ in range(30):
            outbox.append("a", "t", payload)
        assert numbers(outbox)["t"] == list(range(21, 31))
        assert outbox.state().thinned == 0


def test_the_least_important_are_thinned_first(tmp_path: Path) -> None:
    """Importance counts before age, as it does without thinning; each stream stays even."""
    with Outbox(tmp_path / "o.db", thinly(1000), LANES) as outbox:
        for _ in range(700):
            outbox.append("door", "d", payload)
            outbox.append("yard", "y", payload)
        kept = numbers(outbox)
        assert kept["d"] == list(range(1, 701))
        assert len(kept["y"]) <= 300
        assert outbox.evictions().keys() == {"yard"}


def test_streams_of_one_importance_are_thinned_alike(tmp_path: Path) -> None:
    """One result a second beside one in ten: each loses the same share of what is old."""
    with Outbox(tmp_path / "o.db", thinly(1100)) as outbox:
        for second in range(4000):
            outbox.append("often", "o", payload)
            if second % 10 == 0:
                outbox.append("seldom", "s", payload)
        kept = numbers(outbox)
    assert 0.5 <= 10 * len(kept["s"]) / len(kept["o"]) <= 2


def test_an_outbox_that_was_emptied_is_thinned_from_the_beginning(tmp_path: Path) -> None:
    """How thin the last absence was does not count in the next one."""
    with Outbox(tmp_path / "o.db", thinly(400)) as outbox:
        for _ in range(8000):
            outbox.append("a", "t", payload)
        outbox.delete([row.id for row in outbox.pending(0, 1000)])
        for _ in range(500):
            outbox.append("a", "t", payload)
        kept = numbers(outbox)["t"]
    steps = [after - before for before, after in pairwise(kept)]
    assert max(steps) <= 4


def test_it_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    """In small steps with restarts between them the same is kept as in one go."""
    kept = []
    for step in (4000, 157):
        path = tmp_path / f"{step}.db"
        for start in range(0, 4000, step):
            with Outbox(path, thinly(500)) as outbox:
                for _ in range(min(step, 4000 - start)):
                    outbox.append("a", "t", payload)
                found, state = numbers(outbox), outbox.state()
        kept.append((found, state))
    assert kept[0] == kept[1]


WRITER = """
import sys
from pathlib import Path
from edge_agent.outbox.outbox import Limits, Outbox
outbox = Outbox(Path(sys.argv[1]), Limits(max_bytes=3000, when_full="thin"))
while True:
    print(outbox.append("a", "t", lambda seq: b"%09d" % seq), flush=True)
"""


def test_sigkill_in_the_middle_of_it_leaves_true_counts(tmp_path: Path) -> None:
    """Every number waits or is counted, and the file's counts are those of its rows."""
    path = tmp_path / "o.db"
    for turn in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(700 + 31 * turn):
            told = int(writer.stdout.readline())
        writer.kill()
        told = int((writer.stdout.read().split() or [str(told)])[-1])
        writer.wait()
        writer.stdout.close()
        with Outbox(path, thinly(300)) as outbox:
            kept, state = numbers(outbox)["t"], outbox.state()
        assert told <= kept[-1] <= told + 1
        assert state.depth == len(kept)
        assert state.depth + state.evicted == kept[-1]
        assert state.thinned > 0.9 * state.evicted


def test_the_work_for_one_result_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it finds: so many rows are looked at, no more, and room is made all the same."""
    monkeypatch.setattr(thinning, "BATCH", 16)
    monkeypatch.setattr(thinning, "MOST_BATCHES", 2)
    with Outbox(tmp_path / "o.db", thinly(300)) as outbox:
        reads: list[str] = []
        outbox._db.set_trace_callback(reads.append)
        for _ in range(3000):
            reads.clear()
            outbox.append("a", "t", payload)
            looked = [text for text in reads if text.startswith("SELECT id, stream")]
            assert len(looked) <= 2 + 1  # and once for the oldest
        assert outbox.state().bytes <= 3000


@pytest.mark.parametrize(("seq", "power"), [(1, 0), (2, 1), (12, 2), (1024, 10), (0, 63)])
def test_multiples_of_powers_of_two(seq: int, power: int) -> None:
    """What has no number (of the first layout) is never thinned."""
    assert multiple(seq) == power


STEPS = st.lists(
    st.tuples(st.sampled_from(["door", "yard", "hall", "gone", "again"]), st.integers(1, 40)),
    max_size=30,
)


@settings(max_examples=25, deadline=None)
@given(STEPS, st.sampled_from([3, 20, 60]))
def test_the_counts_hold_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], rows: int
) -> None:
    """Stored, acknowledged, opened again: within bounds, and none unaccounted for."""
    path = tmp_path_factory.mktemp("thinning") / "o.db"
    outbox, stored, acknowledged = Outbox(path, thinly(rows), LANES), 0, 0
    try:
        for step, count in steps:
            if step == "gone":
                ids = [row.id for row in outbox.pending(0, count)]
                outbox.delete(ids)
                acknowledged += len(ids)
            elif step == "again":
                outbox.close()
                outbox = Outbox(path, thinly(rows), LANES)
            else:
                for _ in range(count):
                    outbox.append(step, step[0], payload)
                stored += count
            state, kept = outbox.state(), numbers(outbox)
            assert state.bytes == 10 * state.depth <= 10 * rows
            assert state.depth == sum(len(found) for found in kept.values())
            assert state.depth + state.evicted + acknowledged == stored
            assert state.thinned <= state.evicted == sum(outbox.evictions().values())
            assert all(found == sorted(set(found)) for found in kept.values())
    finally:
        outbox.close()
