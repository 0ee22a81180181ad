"""`Latest`: a slot for one item, overwritten by fresher ones."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Latest(Generic[Item]):
    """Between a thread that captures and one that looks; neither waits for the other's work."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._closed = False
        self.dropped = 0

    def put(self, item: Item) -> Item | None:
        """`item` is the freshest; the one that nobody took is dropped, counted and returned.

        When closed that is `item` itself, and it does not count.
        """
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self.dropped += replaced is not None
            self._changed.notify()
            return replaced

    def take(self, timeout_s: float | None = None) -> Item | None:
        """The freshest item, each once; None after `timeout_s` without one, or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return item

    def clear(self) -> Item | None:
        """What waits is not fresh any more: it is dropped, counted and returned."""
        return self.clear_if(lambda _: True)

    def clear_if(self, stale: Callable[[Item], bool]) -> Item | None:
        """As `clear`, if what waits is `stale`."""
        with self._changed:
            if self._item is None or not stale(self._item):
                return None
            item, self._item = self._item, None
            self.dropped += 1
            return item

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._item is None

    def close(self) -> Item | None:
        """Wake whoever waits; nothing can be taken any more. What waited is returned."""
        with self._changed:
            self._closed = True
            item, self._item = self._item, None
            self._changed.notify_all()
            return item
