"""`ReadAhead`: the next item is made while the last one is used."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")

# Enough to even out one slow item; each more is an image of memory.
DEPTH = 2


class ReadAhead(Generic[Item]):
    """Iterates over `items` in a thread of its own, at most `depth` ahead.

    Nothing is dropped and the order stays. An exception of `items` comes out where the
    next item would. A context manager: leaving it ends the thread after its current item.
    """

    def __init__(self, items: Iterable[Item], depth: int = DEPTH) -> None:
        self._items, self._depth = items, depth
        self._changed = threading.Condition()  # guards all below
        self._ready: deque[Item] = deque()
        self._finished = self._left = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._fill, name="read-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._left = True
            self._changed.notify_all()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._finished)
                if not self._ready:
                    break
                item = self._ready.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def _fill(self) -> None:
        try:
            for item in self._items:
                with self._changed:
                    self._changed.wait_for(lambda: len(self._ready) < self._depth or self._left)
                    if self._left:
                        break
                    self._ready.append(item)
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error
        with self._changed:
            self._finished = True
            self._changed.notify_all()
