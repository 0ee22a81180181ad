"""`Ledger`: gaps, duplicates, late comers and new beginnings."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.client import ledger as ledger_module
from edge_agent.client import numbering as numbering_module
from edge_agent.client.ledger import Account, Entry, Ledger
from edge_agent.contract.messages import BundleRef, ResultMessage
from edge_agent.tasks.classify.answer import Classification


def message(
    seq: int, boot: str = "b1", stream: str = "s", device: str = "d", *, late: bool = False
) -> ResultMessage:
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
        late=late,
    )


def total(*seqs: int | tuple[int, str]) -> Account:
    ledger = Ledger()
    for seq in seqs:
        ledger.record(message(*seq) if isinstance(seq, tuple) else message(seq))
    return ledger.total()


def late(seq: int, boot: str = "b1") -> ResultMessage:
    return message(seq, boot, late=True)


def told(*messages: ResultMessage) -> tuple[list[Entry], Account]:
    ledger = Ledger()
    return [ledger.record(each) for each in messages], ledger.total()


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
    gaps = numbering_module.MAX_GAPS + 100
    ledger = Ledger()
    for seq in range(1, 2 * gaps + 2, 2):
        ledger.record(message(seq))
    assert ledger.total() == Account(received=gaps + 1, lost=gaps)
    (stream,) = ledger._streams.values()
    assert len(stream.numberings[0].gaps) == numbering_module.MAX_GAPS


@given(st.lists(st.integers(1, 30), min_size=1))
def test_the_account_is_that_of_sets(seqs: list[int]) -> None:
    """Whatever the order: received are the distinct numbers, lost the holes between them."""
    account = total(*seqs)
    distinct = set(seqs)
    assert account.received == len(distinct)
    assert account.duplicated == len(seqs) - len(distinct)
    assert account.lost == max(distinct) - min(distinct) + 1 - len(distinct)
    assert account.resets == 0


def test_a_backlog_that_comes_beside_what_is_new_is_missing_until_it_has_come() -> None:
    """The new ones jump ahead; the late ones fill what they left out, from below."""
    ledger = Ledger()
    for each in (message(1), message(2), message(901), late(3), message(902), late(4)):
        ledger.record(each)
    assert ledger.total() == Account(received=6, lost=896, out_of_order=2)
    for seq in range(5, 901):
        assert ledger.record(late(seq)) == Entry("late")
    assert ledger.record(late(900)) == Entry("duplicate")
    assert ledger.total() == Account(received=902, duplicated=1, out_of_order=898)


def test_starts_that_gave_only_late_results_are_no_new_beginning() -> None:
    """The device was restarted twice while it was away; the newest start speaks first."""
    entries, account = told(
        message(1, "a"), message(7, "d"), late(2, "a"), late(3, "b"), late(4, "b"), late(5, "c"),
        late(6, "c"), message(8, "d"),
    )  # fmt: skip
    assert [entry.kind for entry in entries] == ["new", "new", *["late"] * 5, "new"]
    assert account == Account(received=8, out_of_order=5)


def test_joining_while_a_backlog_comes_counts_it() -> None:
    """First a new one of the newest start, then late ones of a start that we never heard of."""
    _, account = told(message(9, "d"), late(5, "b"), late(6, "c"), message(10, "d"), late(7, "c"))
    assert account == Account(received=5, lost=1, out_of_order=3)


def test_a_new_beginning_that_is_late_is_noticed() -> None:
    """The outbox was deleted while the device was away: its numbers are in another's range."""
    _, account = told(message(1, "a"), message(2, "a"), message(3, "a"), late(1, "b"), late(2, "b"))
    assert account == Account(received=5, resets=1)


def test_two_agents_of_one_name_lose_nothing() -> None:
    """Each counts for itself, wherever it began and whoever is ahead; neither is called a copy."""
    for one, other in ((1, 1), (501, 501), (101, 5001), (5001, 101), (100, 101), (101, 100)):
        pairs = [(message(one + step, "a"), message(other + step, "b")) for step in range(200)]
        entries, account = told(*(each for pair in pairs for each in pair))
        assert "duplicate" not in [entry.kind for entry in entries]
        assert account.received == 400
        assert (account.lost, account.duplicated, account.resets) == (0, 0, 0)
        assert account.rivals == 1
        assert sum(entry.rival for entry in entries) == 1


def test_two_agents_are_told_apart_over_a_restart_of_each() -> None:
    """A new start goes on from the numbers that are next below its own."""
    turns = [(1, "a"), (1001, "b"), (2, "a"), (1002, "b"), (3, "a2"), (1003, "b2"), (4, "a2")]
    _, account = told(*(message(*turn) for turn in turns))
    assert account == Account(received=7, rivals=1)


def test_a_device_that_was_exchanged_has_no_rival() -> None:
    """Must not fire: the first is never heard of again, but for what it had sent before."""
    turns = [(1, "a"), (2, "a"), (3, "a"), (1, "b"), (3, "a"), (2, "b"), (3, "b"), (4, "b")]
    _, account = told(*(message(*turn) for turn in turns))
    assert account == Account(received=7, duplicated=1, resets=1)


def test_what_comes_of_a_forgotten_gap_is_never_called_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be new, and who throws copies away would lose it."""
    monkeypatch.setattr(numbering_module, "MAX_GAPS", 2)
    entries, account = told(*map(message, (1, 3, 5, 7, 9)), late(2), late(6), late(6))
    assert [entry.kind for entry in entries[5:]] == ["late", "late", "duplicate"]
    assert (account.lost, account.received) == (3, 7)


class Device:
    """An agent with an outbox, as far as the order of its results goes."""

    def __init__(self, name: str, first: int) -> None:
        self.name, self.seq, self.starts = name, first - 1, 1
        self.waiting: list[ResultMessage] = []

    def restart(self) -> None:
        self.starts += 1

    def store(self) -> ResultMessage:
        self.seq += 1
        return message(self.seq, f"{self.name}{self.starts}")

    def wait(self) -> None:
        each = self.store()
        self.waiting.append(message(each.seq, each.boot, late=True))


STEPS = st.lists(st.sampled_from(["new", "wait", "late", "again", "restart"]), max_size=60)


@given(STEPS, st.integers(1, 5))
def test_whatever_one_agent_does_its_account_is_right(steps: list[str], first: int) -> None:
    """Away, back, restarted, sending again: at the end all has come, once, from one agent."""
    ledger, device, sent = Ledger(), Device("a", first), list[ResultMessage]()
    ledger.record(device.store())
    for step in [*steps, "new"]:
        if step == "new":
            sent.append(device.store())
            assert ledger.record(sent[-1]).kind == "new"
        elif step == "wait":
            device.wait()
        elif step == "late" and device.waiting:
            sent.append(device.waiting.pop(0))
            assert ledger.record(sent[-1]).kind != "duplicate"
        elif step == "again" and sent:
            assert ledger.record(sent[-1]) == Entry("duplicate")
        elif step == "restart":
            device.restart()
    account = ledger.total()
    assert account.lost == len(device.waiting)
    for each in device.waiting:
        assert ledger.record(each).kind == "late"
    account = ledger.total()
    assert account.received == device.seq - first + 1
    assert (account.lost, account.resets, account.rivals) == (0, 0, 0)


@given(
    st.lists(st.sampled_from("ab"), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 9)
)
def test_of_two_agents_no_result_is_called_a_copy(turns: list[str], one: int, other: int) -> None:
    """However they take turns, and however near their numbers are."""
    ledger, devices = Ledger(), {"a": Device("a", one), "b": Device("b", other)}
    for turn in turns:
        assert ledger.record(devices[turn].store()).kind != "duplicate"
    assert ledger.total().received == len(turns)
