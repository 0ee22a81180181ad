"""`ReadAhead`: order, bound, exceptions, and leaving early."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from edge_agent.stream.read_ahead import ReadAhead


def test_everything_comes_in_order() -> None:
    """More items than may wait at once."""
    with ReadAhead(range(1000)) as ahead:
        assert list(ahead) == list(range(1000))


def test_the_next_item_is_made_while_the_last_is_used() -> None:
    """Must fire: by the time the first item is taken, the second is being made."""
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    with ReadAhead(items()) as ahead:
        assert next(iter(ahead)) == 1
        assert second.wait(60)


def test_no_more_than_the_depth_is_made_ahead() -> None:
    """Memory is bounded: `depth` wait, and one more is in the maker's hand."""
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in itertools.count():
            made.append(number)
            yield number

    with ReadAhead(items(), depth=3) as ahead:
        assert next(iter(ahead)) == 0
        time.sleep(0.1)
        assert len(made) == 1 + 3 + 1


def test_an_exception_comes_out_after_the_items_before_it() -> None:
    """A corrupt file does not cost the results of the ones before."""

    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    seen = []
    with ReadAhead(items()) as ahead:
        it = iter(ahead)
        seen.append(next(it))
        with pytest.raises(ZeroDivisionError):
            next(it)
    assert seen == [1]


def test_leaving_early_ends_the_thread() -> None:
    """Nobody is left behind making items that nobody wants."""
    before = set(threading.enumerate())
    with ReadAhead(itertools.count()) as ahead:
        assert next(iter(ahead)) == 0
    assert set(threading.enumerate()) <= before
