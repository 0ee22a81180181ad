"""`RetainedStates`: which state of each topic the broker has yet to confirm."""

from datetime import UTC, datetime

from msgspec.structs import replace

from edge_agent.contract.messages import BundleRef, StateMessage, decode_message, encode_message
from edge_agent.publish.retained import RetainedStates
from edge_agent.tasks.classify.answer import Classification


def test_only_the_newest_state_of_a_topic_counts() -> None:
    """A newer state replaces an older one that was not confirmed."""
    states = RetainedStates()
    states.put("a", b"1")
    states.put("b", b"1")
    states.put("a", b"2")
    assert {(s.topic, s.payload) for s in states.unsettled()} == {("a", b"2"), ("b", b"1")}


def test_confirming_an_older_state_does_not_settle_an_equal_newer_one() -> None:
    """On, off, on: the confirmation of the first `on` says nothing about the last."""
    states = RetainedStates()
    states.put("a", b"on")
    (first,) = states.unsettled()
    states.put("a", b"off")
    states.put("a", b"on")
    states.settle(first)
    assert [s.payload for s in states.unsettled()] == [b"on"]


def test_a_new_connection_says_everything_again() -> None:
    """The last will has overwritten the status: every topic's newest state is due."""
    states = RetainedStates()
    states.put("a", b"1")
    states.settle(*states.unsettled())
    assert not states.unsettled()
    states.renew()
    assert [s.payload for s in states.unsettled()] == [b"1"]


def state(seq: int) -> StateMessage:
    cat = Classification(label="cat", index=0, confidence=0.9, sure=True, top=())
    return StateMessage(
        device="gate",
        stream="front",
        boot="b",
        seq=seq,
        captured_at=datetime(2026, 11, 21, tzinfo=UTC),
        bundle=BundleRef(name="n", id="i"),
        result=cat,
    )


def test_what_is_said_again_is_marked() -> None:
    """Once it was confirmed; what nobody has heard yet is said for the first time."""
    states = RetainedStates()
    states.put("heard", encode_message(state(1)))
    states.settle(*states.unsettled())
    states.put("new", encode_message(state(2)))
    states.renew()
    found = {s.topic: decode_message(s.payload, s.topic) for s in states.unsettled()}
    assert found == {"heard": replace(state(1), again=True), "new": state(2)}
    states.renew()
    assert len(states.unsettled()) == 2


def test_what_is_on_its_way_is_said_again_all_the_same() -> None:
    """Who asks for it may have come after it was sent."""
    states = RetainedStates()
    states.put("a", b"1")
    (sent,) = states.unsettled()
    states.renew()
    states.settle(sent)
    assert [s.payload for s in states.unsettled()] == [b"1"]
