"""Reading a flatbuffer without trusting it: every offset is checked before it is followed.

The C++ runtimes read the same bytes without checks. The rules are those of the format's own
verifier (https://flatbuffers.dev/internals/), and one more: a field that the schema at hand does
not know is refused, as nobody has looked at it.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from edge_agent.common.errors import BundleError

Fields: TypeAlias = dict[str, Any]
# Where something stands, from the root on: put into words only for an error.
_Path: TypeAlias = "tuple[_Path, str | int] | None"

# As the format's own verifier: what is written by hand to take for ever, takes no longer.
MAX_TABLES = 200_000
MAX_DEPTH = 16

_SCALARS = {
    kind: struct.Struct(form)
    for kind, form in (
        ("i1", "<b"),
        ("u1", "<B"),
        ("u2", "<H"),
        ("i4", "<i"),
        ("u4", "<I"),
        ("i8", "<q"),
        ("u8", "<Q"),
        ("f4", "<f"),
    )
}
_DTYPES = {kind: np.dtype(f"<{kind}") for kind in _SCALARS}
_EMPTY = {kind: np.empty(0, dtype) for kind, dtype in _DTYPES.items()}
_OFFSET, _BACK, _SHORT, _BYTE = (_SCALARS[kind] for kind in ("u4", "i4", "u2", "u1"))


@dataclass(frozen=True)
class Field:
    """One field of a table.

    Args:
        name: the schema's.
        kind: a scalar as numpy names it (`i4`), `str`, the name of a table, either of the first
            and the last in brackets: a vector of it; or the name of a union, whose field comes
            right behind the one that says which of its tables it is.
        default: what a scalar is where the table leaves it out.
    """

    name: str
    kind: str
    default: int = 0

    @property
    def width(self) -> int:
        """How many bytes of its table it takes: those of an offset, if it is no scalar."""
        return _SCALARS[self.kind].size if self.kind in _SCALARS else _OFFSET.size


Tables: TypeAlias = Mapping[str, tuple[Field, ...]]
Unions: TypeAlias = Mapping[str, Mapping[int, str]]


def tables(text: str) -> dict[str, tuple[Field, ...]]:
    """Tables by name: of each line `Table name:kind name:kind=default ...`, in the file's order."""
    found = {}
    for line in text.strip().splitlines():
        name, *fields = line.split()
        found[name] = tuple(_field(field) for field in fields)
    return found


def _field(text: str) -> Field:
    name, _, kind = text.partition(":")
    kind, _, default = kind.partition("=")
    return Field(name, kind, int(default or 0))


class Reader:
    """Reads tables of a schema out of bytes that may be anything.

    Args:
        data: the file.
        tables: the schema's tables.
        unions: of each of its unions, the tables by their numbers.
        place: names the file in errors.
    """

    def __init__(self, data: bytes, tables: Tables, unions: Unions, place: str) -> None:
        self._data = data
        self._tables = tables
        self._unions = unions
        self._place = place
        self._read = 0

    def root(self, kind: str) -> Fields:
        """The file's own table, with all that hangs on it: a dictionary of every field.

        A scalar is a number, a vector of scalars an array that shares the file's memory, a
        string one of Python's, a table a dictionary. What is left out is None, an empty vector
        or string, or the default of a scalar.

        Raises:
            BundleError: anything lies outside the file, or is not of the schema.
        """
        path = (None, kind)
        return self._table(self._target(0, path), kind, path, 0)

    def _table(self, at: int, kind: str, path: _Path, depth: int) -> Fields:
        self._read += 1
        if self._read > MAX_TABLES or depth > MAX_DEPTH:
            raise self._error(path, f"at most {MAX_TABLES} tables, {MAX_DEPTH} deep", "more")
        slots, size = self._slots(at, path)
        fields = self._tables[kind]
        if any(slots[len(fields) :]):
            raise self._error(path, f"the {len(fields)} fields that are known", f"{len(slots)}")
        found: Fields = {}
        for field, slot in zip(fields, slots + (0,) * (len(fields) - len(slots)), strict=False):
            # Behind the field that says of which table it is: the last one that was read.
            if field.kind in self._unions:
                field = self._chosen(field, next(reversed(found.values())), slot, path)
            if slot:
                self._check_slot(at, slot, size, field, path)
                found[field.name] = self._value(at + slot, field.kind, (path, field.name), depth)
            else:
                found[field.name] = self._absent(field)
        return found

    def _slots(self, at: int, path: _Path) -> tuple[tuple[int, ...], int]:
        """Where each field stands in the table at `at`, 0 if it is left out; and its size."""
        start = at - self._number(at, _BACK, path)
        slots_size, size = self._number(start, _SHORT, path), self._number(start + 2, _SHORT, path)
        if slots_size < 4 or slots_size % 2 or start + slots_size > len(self._data):
            raise self._error(path, "a list of fields", f"{slots_size} bytes at {start}")
        if size < 4 or at + size > len(self._data):
            raise self._error(path, "a table within the file", f"{size} bytes at {at}")
        slots = struct.unpack_from(f"<{slots_size // 2}H", self._data, start)
        return slots[2:], size

    def _check_slot(self, at: int, slot: int, size: int, field: Field, path: _Path) -> None:
        width = field.width
        if slot < 4 or slot + width > size or (at + slot) % min(width, 4):
            inside = (path, field.name)
            raise self._error(inside, f"it in the {size} bytes of its table", f"byte {slot}")

    def _chosen(self, field: Field, number: int, slot: int, path: _Path) -> Field:
        """A union's field as the table that it is here."""
        members = self._unions[field.kind]
        if bool(number) != bool(slot) or (number and number not in members):
            raise self._error(
                (path, field.name), "a table of a number that is known", f"number {number}"
            )
        return Field(field.name, members.get(number, ""))

    def _absent(self, field: Field) -> Any:
        if field.kind in _SCALARS:
            return field.default
        if field.kind.startswith("["):
            return _EMPTY.get(field.kind[1:-1], ())
        return "" if field.kind == "str" else None

    def _value(self, at: int, kind: str, path: _Path, depth: int) -> Any:
        if kind in _SCALARS:
            return self._number(at, _SCALARS[kind], path)
        target = self._target(at, path)
        if kind == "str":
            return self._text(target, path)
        if not kind.startswith("["):
            return self._table(target, kind, path, depth + 1)
        kind = kind[1:-1]
        if kind in _SCALARS:
            return self._array(target, kind, path)
        places = range(target + 4, target + 4 + 4 * len(self._array(target, "u4", path)), 4)
        return [
            self._table(self._target(place, (path, n)), kind, (path, n), depth + 1)
            for n, place in enumerate(places)
        ]

    def _text(self, at: int, path: _Path) -> str:
        raw = bytes(self._array(at, "u1", path))
        if self._number(at + 4 + len(raw), _BYTE, path):
            raise self._error(path, "a string that ends with a zero", "another byte")
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self._error(path, "UTF-8", repr(raw[:64])) from error

    def _array(self, at: int, kind: str, path: _Path) -> Any:
        count, dtype = self._number(at, _OFFSET, path), _DTYPES[kind]
        if at + 4 + count * dtype.itemsize > len(self._data):
            raise self._error(
                path, "a vector within the file", f"{count} of {dtype.itemsize} bytes at {at}"
            )
        return np.frombuffer(self._data, dtype, count, at + 4)

    def _target(self, at: int, path: _Path) -> int:
        """What the offset at `at` points at: always forward, so that nothing is its own part."""
        offset: int = self._number(at, _OFFSET, path)
        if not offset or (at + offset) % 4:
            raise self._error(path, "an offset to a multiple of 4", f"{offset} at {at}")
        return at + offset

    def _number(self, at: int, form: struct.Struct, path: _Path) -> Any:
        if not 0 <= at <= len(self._data) - form.size:
            raise self._error(path, f"it within {len(self._data)} bytes", f"byte {at}")
        return form.unpack_from(self._data, at)[0]

    def _error(self, path: _Path, expected: str, found: str) -> BundleError:
        return BundleError(f"{self._place}: {_words(path)}: expected {expected}, found {found}")


def _words(path: _Path) -> str:
    """`Model.subgraphs[0].tensors[3].shape`."""
    if path is None:
        return ""
    before, last = _words(path[0]), path[1]
    if isinstance(last, int):
        return f"{before}[{last}]"
    return f"{before}.{last}" if before else last
