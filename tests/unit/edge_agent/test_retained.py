"""`RetainedStates`: which state of each topic the broker has yet to confirm."""

from edge_agent.retained import RetainedStates


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
