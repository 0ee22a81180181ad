"""Strict TOML: a recipe's or a configuration's bytes as a frozen value, or one clear error."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

_T = TypeVar("_T")
Hook = Callable[[type[Any], object], object]

_MARK = b"\xef\xbb\xbf"
# As msgspec words it: the key, then the path of the table it stands in.
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$\.?(.*)`)?", re.DOTALL)

_INVALID = re.compile(r"Invalid (?:enum )?value (.*) - at `\$\.(.*)`", re.DOTALL)
_PART = re.compile(r"\[\d+\]|[^.\[\]]+")


@dataclass(frozen=True)
class Inner:
    """A table that the type has and the file has not: its keys stand in the table around it.

    Args:
        name: of its field; nothing that anybody would write.
        keys: what may stand in it, for errors.
        fold: makes a document that has such tables of one that has not.
    """

    name: str
    keys: tuple[str, ...]
    fold: Callable[[dict[str, Any]], dict[str, Any]]


def decode_toml(
    data: bytes, kind: type[_T], hook: Hook | None = None, inner: Inner | None = None
) -> _T:
    """The value of type `kind` that `data` holds.

    Args:
        data: UTF-8, with or without the mark that some editors put before it.
        kind: a strict msgspec type.
        hook: makes what msgspec does not know, as its `dec_hook`.
        inner: of a type with tables that the file has not.

    Raises:
        ValueError: not TOML, or a key missing, unknown, of the wrong type or out of range;
            the message names the key.
    """
    document: Any = None
    try:
        document = msgspec.toml.decode(data.removeprefix(_MARK))
        if inner is not None:
            document = inner.fold(document)
        return msgspec.convert(
            document, kind, builtin_types=(datetime, date, time), str_keys=True, dec_hook=hook
        )
    except msgspec.DecodeError as error:
        raise ValueError(_explain(str(error), kind, document, inner)) from error
    except RecursionError as error:
        raise ValueError("expected TOML, found one nested too deeply") from error


def _explain(message: str, kind: type[Any], document: Any, inner: Inner | None) -> str:
    found = _UNKNOWN.fullmatch(message)
    if found is not None:
        key, path = found[1], found[2] or ""
        structs = _structs(_at(kind, path, document))
        # Of several kinds of table only what is certain is said.
        keys = [field.encode_name for field in structs[0].fields] if len(structs) == 1 else []
        keys = [key for each in keys for key in _written(each, inner)]
        expected = f", expected one of {', '.join(keys)}" if keys else ""
        return _outer(f"unknown key {key!r}{f' in {path}' if path else ''}{expected}", inner)
    found = _INVALID.fullmatch(message)
    choices = _choices(kind, found[2], document) if found is not None else []
    if found is None or not choices:
        return _outer(message, inner)
    return _outer(
        f"expected one of {', '.join(choices)}, found {found[1]} - at `$.{found[2]}`", inner
    )


def _written(key: str, inner: Inner | None) -> tuple[str, ...]:
    """A key as the file has it: of a table that it has not, what stands in that."""
    return inner.keys if inner is not None and key == inner.name else (key,)


def _outer(message: str, inner: Inner | None) -> str:
    """`message`, its paths without the table that the file has not."""
    return message if inner is None else message.replace(f".{inner.name}", "")


def _choices(kind: type[Any], path: str, document: Any) -> list[str]:
    """What may stand at `path`: the values of a literal, or the tags of tables."""
    above, _, name = path.rpartition(".")
    structs = _structs(_at(kind, above, document, tagged=False))
    tags = [str(struct.tag) for struct in structs if struct.tag_field == name]
    nodes = _at(kind, path, document)
    literals = [v for n in nodes if isinstance(n, inspect.LiteralType) for v in n.values]
    if literals and any(isinstance(n, inspect.IntType | inspect.FloatType) for n in nodes):
        literals.append("a number")
    return tags or list(dict.fromkeys(str(value) for value in literals))


def _at(kind: type[Any], path: str, document: Any, *, tagged: bool = True) -> list[inspect.Type]:
    """The types of what stands at `path`.

    Args:
        kind: of the whole.
        path: as msgspec writes it: `stream[0].source`.
        document: it says which of several tables is meant.
        tagged: whether it is asked so for the last part, too.
    """
    value = document
    nodes: list[inspect.Type] = [inspect.type_info(kind)]
    parts = _PART.findall(path)
    for number, part in enumerate(parts):
        if part.startswith("["):
            nodes = [i for n in nodes if (i := getattr(n, "item_type", None)) is not None]
            value = value[int(part[1:-1])] if isinstance(value, list) else None
        else:
            structs = _structs(nodes)
            nodes = [f.type for s in structs for f in s.fields if f.encode_name == part]
            value = value.get(part) if isinstance(value, dict) else None
        nodes = [m for n in nodes for m in _members(n)]
        if isinstance(value, dict) and (tagged or number < len(parts) - 1):
            table = value
            meant = [s for s in _structs(nodes) if s.tag_field and table.get(s.tag_field) == s.tag]
            nodes = [*meant] or nodes
    return nodes


def _members(node: inspect.Type) -> list[inspect.Type]:
    """What a type may be: the members of a union, without what is only said about them."""
    if isinstance(node, inspect.Metadata):
        return _members(node.type)
    if isinstance(node, inspect.UnionType):
        return [m for each in node.types for m in _members(each)]
    return [node]


def _structs(nodes: list[inspect.Type]) -> list[inspect.StructType]:
    return [node for node in nodes if isinstance(node, inspect.StructType)]
