"""`Ledger`: gaps, duplicates, late comers and new beginnings."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import ledger as ledger_module
from edge_agent.ledger import Account, Entry, Ledger
from edge_agent.messages import BundleRef, ResultMessage
from edge_agent.results import Classification


def message(seq: int, boot: str = "b1", stream: str = "s", device: str = "d") -> ResultMessage:
    return ResultMessage(
        device=device,
        stream=stream,
        boot=boot,
        seq=seq,
        frame=0,
        captured_at=datetime.now(UTC),
        latency_ms=1.0,
        bundle=BundleRef(name="n", id="0" * 12),
        result=Classification(label="a", index=0, confidence=1.0, sure=True, top=()),
    )


def total(*seqs: int | tuple[int, str]) -> Account:
    ledger = Ledger()
    for seq in seqs:
        ledger.record(message(*seq) if isinstance(seq, tuple) else message(seq))
    return ledger.total()


def test_an_unbroken_run_has_lost_nothing() -> None:
    """Must not fire: numbers in order, across a restart of the agent."""
    assert total(1, 2, (3, "b1"), (4, "b2"), (5, "b2")) == Account(received=5)


def test_a_gap_is_a_loss() -> None:
    """Must fire: 3 and 4 are missing between 2 and 5."""
    assert total(1, 2, 5) == Account(received=3, lost=2)
    ledger = Ledger()
    ledger.record(message(2))
    assert ledger.record(message(5)) == Entry("new", gap=2)


def test_a_gap_across_a_restart_is_a_loss() -> None:
    """The numbering goes on over restarts, so the proof does too."""
    assert total(1, 2, (4, "b2")) == Account(received=3, lost=1)


def test_a_repetition_is_a_duplicate() -> None:
    """Resent after a broken connection, by the same start of the agent or the next."""
    assert total(1, 2, 2, 1, 3, (4, "b2"), 3) == Account(received=4, duplicated=3)


def test_a_late_comer_fills_its_gap_once() -> None:
    """It was not lost after all; a second time it is a duplicate."""
    assert total(1, 5, 3) == Account(received=3, lost=2, out_of_order=1)
    assert total(1, 5, 3, 2, 4, 3) == Account(received=5, duplicated=1, out_of_order=3)


def test_joining_in_the_middle_counts_from_there() -> None:
    """What came before is unknown, not lost; a transmission repeated from its start is news."""
    assert total(7, 8) == Account(received=2)
    assert total(7, 5, 6, 7, 8) == Account(received=4, duplicated=1, out_of_order=2)


def test_a_new_beginning_is_noticed() -> None:
    """A device that lost its outbox starts at 1 again, under a new boot."""
    assert total(1, 2, 3, (1, "b2"), (2, "b2")) == Account(received=5, resets=1)
    assert total(1, 3, (2, "b2")) == Account(received=3, lost=2, resets=1)


def test_streams_and_devices_are_counted_apart() -> None:
    """The same number of two streams is no duplicate."""
    ledger = Ledger()
    for device in ("d1", "d2"):
        for stream in ("s1", "s2"):
            ledger.record(message(1, device=device, stream=stream))
    assert ledger.total() == Account(received=4)
    assert set(ledger.accounts()) == {(d, s) for d in ("d1", "d2") for s in ("s1", "s2")}


def test_invented_streams_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest silent leave the list and stay in the total; who speaks, stays."""
    monkeypatch.setattr(ledger_module, "MAX_STREAMS", 2)
    ledger = Ledger()
    for seq, stream in ((1, "a"), (1, "b"), (3, "a"), (1, "c")):
        ledger.record(message(seq, stream=stream))
    assert list(ledger.accounts()) == [("d", "a"), ("d", "c")]
    assert ledger.total() == Account(received=4, lost=1)
    assert ledger.record(message(7, stream="b")) == Entry("new")


def test_memory_is_bounded_and_losses_stay_counted() -> None:
    """Older gaps than are remembered are lost for good, not forgotten."""
    gaps = ledger_module.MAX_GAPS + 100
    ledger = Ledger()
    for seq in range(1, 2 * gaps + 2, 2):
        ledger.record(message(seq))
    assert ledger.total() == Account(received=gaps + 1, lost=gaps)
    (stream,) = ledger._streams.values()
    assert len(stream.gaps) == ledger_module.MAX_GAPS


@given(st.lists(st.integers(1, 30), min_size=1))
def test_the_account_is_that_of_sets(seqs: list[int]) -> None:
    """Whatever the order: received are the distinct numbers, lost the holes between them."""
    account = total(*seqs)
    distinct = set(seqs)
    assert account.received == len(distinct)
    assert account.duplicated == len(seqs) - len(distinct)
    assert account.lost == max(distinct) - min(distinct) + 1 - len(distinct)
    assert account.resets == 0
