"""`Stop`: the flag that ends everything."""

import threading
import time

from edge_agent.common.stop import Stop


def test_setting_wakes_sleepers_and_calls_every_waker_once() -> None:
    """A thread in `wait` returns at once, and wakers run."""
    stop, called = Stop(), list[int]()
    stop.on_set(lambda: called.append(1))
    sleeper = threading.Thread(target=stop.wait, args=(30,))
    sleeper.start()
    start = time.monotonic()
    stop.set()
    stop.set()
    sleeper.join(20)
    assert not sleeper.is_alive()
    assert time.monotonic() - start < 20
    assert called == [1]


def test_a_waker_that_comes_late_is_called_at_once() -> None:
    """Registering after the end must not wait for ever."""
    stop, called = Stop(), list[int]()
    stop.set()
    stop.on_set(lambda: called.append(1))
    assert called == [1]


def test_it_is_not_set_by_itself() -> None:
    """Must not fire: waiting out a timeout leaves it clear."""
    stop = Stop()
    assert not stop.wait(0.01)
    assert not stop.is_set()
