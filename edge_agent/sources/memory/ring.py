"""Frames in memory that two processes share: a few slots, each belonging to one side at a time.

The process that captures fills a slot of its own and says so in a message; the slot then belongs
to the reader until it is given back, in a message again. Nobody looks at a slot of the other's,
so no frame is torn, whatever the processors do to the order of writes: passing a message
through the kernel is the barrier. No lock is shared either, which a killed process would keep.

The memory is a file without a name: nothing to clean up, whoever dies.
"""

import mmap
import os
import tempfile
from typing import TypeAlias

import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError

# One is written, one is the newest, one or two are being looked at.
SLOTS = 4
PAGE = 4096
# Four times 8K video; beyond it something is wrong with what says so.
MAX_BYTES = 4 * 7680 * 4320 * 3

Shape: TypeAlias = tuple[int, int, int]


def make_memory() -> int:
    """A file descriptor of empty memory that has no name; whoever has it closes it.

    Raises:
        OSError: the system has none to give.
    """
    try:
        return os.memfd_create("edgeward-frames")
    except (AttributeError, OSError):
        # An old C library, or forbidden: a file that is deleted already does the same.
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())


def slot_bytes(shape: Shape) -> int:
    """How far apart slots for frames of `shape` begin.

    Raises:
        SourceError: a frame is larger than any camera's.
    """
    height, width, channels = shape
    size = height * width * channels
    if not 0 < size <= MAX_BYTES:
        raise SourceError(
            f"expected frames of at most {MAX_BYTES} bytes, found {width}x{height}x{channels}"
        )
    return -(-size // PAGE) * PAGE


def _views(memory: mmap.mmap, shape: Shape) -> list[U8]:
    step, count = slot_bytes(shape), shape[0] * shape[1] * shape[2]
    return [
        np.frombuffer(memory, np.uint8, count, number * step).reshape(shape)
        for number in range(SLOTS)
    ]


class RingWriter:
    """The side that fills slots.

    Args:
        memory: from `make_memory`; it is made as large as needed.
        shape: (H, W, 3) of every frame.

    Raises:
        SourceError: as `slot_bytes`.
    """

    def __init__(self, memory: int, shape: Shape) -> None:
        self.shape = shape
        size = SLOTS * slot_bytes(shape)
        os.ftruncate(memory, size)
        self._views = _views(mmap.mmap(memory, size), shape)
        self._mine = list(range(SLOTS))

    def free(self, but: int | None = None) -> int | None:
        """A slot that may be filled, not `but`; None if the reader has all others."""
        return next((slot for slot in self._mine if slot != but), None)

    def view(self, slot: int) -> U8:
        """The (H, W, 3) image in `slot`, to write to while it is free."""
        return self._views[slot]

    def hand_over(self, slot: int) -> None:
        """`slot` is filled, and the reader's from now on."""
        self._mine.remove(slot)

    def take_back(self, slot: int) -> None:
        """The reader has given `slot` back; it is filled again after all others."""
        if slot not in self._mine:
            self._mine.append(slot)


class RingReader:
    """The side that looks at slots.

    Args:
        memory: the same as the writer's, which has made it large enough.
        shape: what the writer said.

    Raises:
        SourceError: it is not large enough.
    """

    def __init__(self, memory: int, shape: Shape) -> None:
        size = SLOTS * slot_bytes(shape)
        # Looking behind the end of a file is not an exception but a signal.
        if os.fstat(memory).st_size < size:
            raise SourceError(f"expected {size} bytes of frames, found fewer")
        self._views = _views(mmap.mmap(memory, size, prot=mmap.PROT_READ), shape)

    def copy(self, slot: int) -> U8:
        """What is in `slot`, for as long as one likes."""
        return self._views[slot].copy()
