"""The reader of flatbuffers on a few bytes of a schema of our own: each bound, from both sides."""

import struct
from typing import Any

import numpy as np
import pytest

from edge_agent.bundle.tflite import flatbuffer
from edge_agent.bundle.tflite.flatbuffer import MAX_DEPTH, Reader, tables
from edge_agent.common.errors import BundleError

SCHEMA = tables("Root count:u2=7 text:str many:[u2] child:Root")
# Where each number of `made()` stands.
ROOT, SLOTS, SIZE, COUNT_AT, TEXT_AT, MANY_AT, BACK = 0, 4, 6, 8, 10, 12, 16
TEXT, MANY, LENGTH, ZERO, ENTRIES = 20, 24, 36, 42, 44


def made() -> bytearray:
    """Offset; list of fields at 4; table of 20 bytes at 16; text at 36; three numbers at 44."""
    head = struct.pack("<I 6H", 16, 12, 20, 16, 4, 8, 0)
    table = struct.pack("<i III HH", 12, 36 - 20, 44 - 24, 0, 258, 0)
    return bytearray(head + table + struct.pack("<I 4s I 3H", 2, b"hi\0\0", 3, 1, 2, 3))


def read(data: bytes | bytearray) -> dict[str, Any]:
    return Reader(bytes(data), SCHEMA, {}, "m").root("Root")


def changed(*changes: tuple[int, str, int], more: bytes = b"") -> bytes:
    data = made()
    for at, form, number in changes:
        struct.pack_into("<" + form, data, at, number)
    return bytes(data + more)


def test_what_is_sound_is_read_to_its_last_byte() -> None:
    """Must not fire: the vector ends where the file does."""
    found = read(made())
    assert (found["count"], found["text"], found["child"]) == (258, "hi", None)
    np.testing.assert_array_equal(found["many"], [1, 2, 3])


@pytest.mark.parametrize(
    ("changes", "more", "name", "expected"),
    [
        (((ENTRIES, "I", 4),), b"\4\0", "many", [1, 2, 3, 4]),
        (((ENTRIES, "I", 0),), b"", "many", []),
        (((SIZE, "H", 18),), b"", "count", 258),  # the last field ends where the table does
        (((SIZE, "H", 38),), b"", "count", 258),  # the table ends where the file does
        (((SLOTS, "H", 10),), b"", "count", 258),  # the last field is not in the list
        (((COUNT_AT, "H", 0),), b"", "count", 7),
        (((COUNT_AT, "H", 18),), b"", "count", 0),
        (((COUNT_AT, "H", 4), (TEXT_AT, "H", 0), (TEXT, "H", 5)), b"", "count", 5),
        (((LENGTH, "I", 1), (41, "B", 0)), b"", "text", "h"),
    ],
)
def test_up_to_each_bound_it_is_read(
    changes: tuple[Any, ...], more: bytes, name: str, expected: Any
) -> None:
    """Must not fire on the last that fits."""
    assert np.array_equal(read(changed(*changes, more=more))[name], expected)


def test_an_absent_row_of_numbers_is_an_empty_one_of_its_type() -> None:
    """Whoever looks at its values need not ask whether there are any; of tables it has none."""
    wide = tables("Root count:u2=7 bytes:[u1] many:[i4] parts:[Root] child:Root text:str")
    nothing = struct.pack("<I HH i", 8, 4, 4, 4)
    found = Reader(nothing, wide, {}, "m").root("Root")
    assert [(found[n].dtype, found[n].shape) for n in ("bytes", "many")] == [
        (np.dtype("u1"), (0,)),
        (np.dtype("<i4"), (0,)),
    ]
    assert (found["parts"], found["child"], found["text"], found["count"]) == ((), None, "", 7)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (((ENTRIES, "I", 4),), "many: expected a vector within the file, found 4 of 2 bytes at 44"),
        (((LENGTH, "I", 15),), "text: expected a vector within the file, found 15 of 1 bytes"),
        (((ZERO, "B", 1),), "text: expected a string that ends with a zero, found another byte"),
        (((LENGTH, "I", 14),), "text: expected it within 54 bytes, found byte 54"),
        (((TEXT, "I", 0),), "text: expected an offset to a multiple of 4, found 0 at 20"),
        (((TEXT, "I", 17),), "text: expected an offset to a multiple of 4, found 17 at 20"),
        (((MANY, "I", 28),), "many: expected it within 54 bytes, found byte 52"),
        (((ROOT, "I", 0),), "Root: expected an offset to a multiple of 4, found 0 at 0"),
        (((ROOT, "I", 52),), "Root: expected it within 54 bytes, found byte 52"),
        (((BACK, "i", 17),), "Root: expected it within 54 bytes, found byte -1"),
        (((BACK, "i", -37),), "Root: expected it within 54 bytes, found byte 53"),
        (((SIZE, "H", 17),), "count: expected it in the 17 bytes of its table, found byte 16"),
        (((SIZE, "H", 39),), "Root: expected a table within the file, found 39 bytes at 16"),
        (((SIZE, "H", 3),), "Root: expected a table within the file, found 3 bytes at 16"),
        (((SLOTS, "H", 2),), "Root: expected a list of fields, found 2 bytes at 4"),
        (((SLOTS, "H", 11),), "Root: expected a list of fields, found 11 bytes at 4"),
        (((SLOTS, "H", 52),), "Root: expected a list of fields, found 52 bytes at 4"),
        (((SLOTS, "H", 14),), "Root: expected the 4 fields that are known, found 5"),
        (((COUNT_AT, "H", 2),), "count: expected it in the 20 bytes of its table, found byte 2"),
        (((COUNT_AT, "H", 17),), "count: expected it in the 20 bytes of its table, found byte 17"),
        (((COUNT_AT, "H", 20),), "count: expected it in the 20 bytes of its table, found byte 20"),
        (((TEXT_AT, "H", 6),), "text: expected it in the 20 bytes of its table, found byte 6"),
        (((MANY_AT, "H", 18),), "many: expected it in the 20 bytes of its table, found byte 18"),
    ],
)
def test_one_beyond_each_bound_is_refused(changes: tuple[Any, ...], reason: str) -> None:
    """Must fire, with the field, what was expected and what was found."""
    with pytest.raises(BundleError) as raised:
        read(changed(*changes))
    assert reason in str(raised.value)


def chain(tables_deep: int) -> bytes:
    """Tables one in another: each has but its child, behind it."""
    fields = struct.pack("<6H", 12, 8, 0, 0, 0, 4)
    links = b"".join(
        struct.pack("<iI", 12 + 8 * number, 4 if number < tables_deep - 1 else 0)
        for number in range(tables_deep - 1)
    )
    last = struct.pack("<i6H", -4, 12, 4, 0, 0, 0, 0)
    return struct.pack("<I", 16) + fields + links + last


def test_tables_one_in_another_are_read_so_deep_and_no_deeper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of those that are no deeper, so many and no more."""
    found = read(chain(MAX_DEPTH + 1))
    for _ in range(MAX_DEPTH):
        found = found["child"]
    assert found["child"] is None
    with pytest.raises(BundleError, match="tables, 16 deep, found more"):
        read(chain(MAX_DEPTH + 2))
    monkeypatch.setattr(flatbuffer, "MAX_TABLES", 3)
    read(chain(3))
    with pytest.raises(BundleError, match="expected at most 3 tables, 16 deep, found more"):
        read(chain(4))
