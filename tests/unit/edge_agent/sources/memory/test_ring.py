"""Slots in shared memory: whose they are, and how large."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from edge_agent.common.errors import SourceError
from edge_agent.sources.memory.ring import SLOTS, RingReader, RingWriter, make_memory, slot_bytes

SHAPE = (5, 7, 3)


@pytest.fixture(name="memory")
def _memory() -> Iterator[int]:
    memory = make_memory()
    yield memory
    os.close(memory)


def test_what_is_written_is_read(memory: int) -> None:
    """Each slot by itself; a copy does not change with the slot."""
    writer = RingWriter(memory, SHAPE)
    reader = RingReader(memory, SHAPE)
    for slot in range(SLOTS):
        writer.view(slot)[...] = slot + 1
    copy = reader.copy(2)
    assert [int(reader.copy(slot).max()) for slot in range(SLOTS)] == [1, 2, 3, 4]
    writer.view(2)[...] = 99
    assert copy.min() == copy.max() == 3
    assert reader.copy(2).min() == 99


def test_the_reader_cannot_write(memory: int) -> None:
    """A mistake here cannot change what the camera's process sees."""
    RingWriter(memory, SHAPE)
    reader = RingReader(memory, SHAPE)
    with pytest.raises(ValueError, match="read-only"):
        reader._views[0][...] = 1


def test_a_slot_is_free_until_it_is_handed_over_and_again_when_given_back(memory: int) -> None:
    """None is left when the reader has them all; one given back twice is there once."""
    writer = RingWriter(memory, SHAPE)
    for _ in range(SLOTS):
        slot = writer.free()
        assert slot is not None
        writer.hand_over(slot)
    assert writer.free() is None
    writer.take_back(2)
    writer.take_back(2)
    assert writer.free() == 2
    assert writer.free(but=2) is None


def test_the_memory_is_as_large_as_needed(memory: int) -> None:
    """Slots begin at pages; a reader does not look where nothing is."""
    assert slot_bytes((1, 1365, 3)) == 4096
    assert slot_bytes((1, 1366, 3)) == 8192
    RingWriter(memory, SHAPE)
    assert os.fstat(memory).st_size == SLOTS * 4096
    with pytest.raises(SourceError, match="expected 32768 bytes of frames, found fewer"):
        RingReader(memory, (1, 1366, 3))


def test_absurd_frames_are_refused() -> None:
    """A camera that lies about its size must not take all memory."""
    with pytest.raises(SourceError, match=r"expected frames of at most \d+ bytes, found 65536x"):
        slot_bytes((65536, 65536, 3))


def test_without_memfd_a_deleted_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system forbids it, or an old library lacks it."""

    def forbidden(name: str) -> int:
        raise PermissionError(name)

    monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    memory = make_memory()
    try:
        writer = RingWriter(memory, SHAPE)
        writer.view(3)[...] = np.uint8(9)
        assert RingReader(memory, SHAPE).copy(3).min() == 9
        assert os.fstat(memory).st_nlink == 0
    finally:
        os.close(memory)
