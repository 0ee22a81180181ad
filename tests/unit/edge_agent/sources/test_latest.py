"""`Latest`: the slot between a camera and the model."""

import threading

from edge_agent.sources.latest import Latest


def test_the_freshest_is_taken_and_the_rest_are_counted() -> None:
    """Three items, one look: two were dropped, and given back to whoever put the next."""
    slot = Latest[str]()
    assert [slot.put(item) for item in "abc"] == [None, "a", "b"]
    assert slot.take(1) == "c"
    assert slot.dropped == 2


def test_an_item_is_taken_once() -> None:
    """Looking at the same frame twice would be a lie about freshness."""
    slot = Latest[str]()
    slot.put("a")
    assert slot.take(1) == "a"
    assert slot.take(0.01) is None
    assert slot.dropped == 0


def test_what_is_cleared_cannot_be_taken() -> None:
    """A camera is lost: what it gave last is not fresh when somebody asks later."""
    slot = Latest[str]()
    slot.put("a")
    assert slot.clear() == "a"
    assert slot.take(0.01) is None
    assert slot.dropped == 1


def test_closing_wakes_whoever_waits() -> None:
    """A dead camera must not keep the agent from ending."""
    slot, got = Latest[str](), list[str | None]()
    waiting = threading.Thread(target=lambda: got.append(slot.take()))
    waiting.start()
    slot.close()
    waiting.join(60)
    assert got == [None]


def test_nothing_is_taken_or_kept_after_closing() -> None:
    """An end is an end: what was in the slot, and what comes later, is given back."""
    slot = Latest[str]()
    slot.put("a")
    assert slot.close() == "a"
    assert slot.put("b") == "b"
    assert slot.take(1) is None
    assert slot.dropped == 0
