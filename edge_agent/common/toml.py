"""Strict TOML: a recipe's or a configuration's bytes as a frozen value, or one clear error."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")
Hook = Callable[[type[Any], object], object]

# As msgspec words it: the key, then the path of the table it stands in.
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$\.?(.*)`)?", re.DOTALL)


def decode_toml(data: bytes, kind: type[_T], hook: Hook | None = None) -> _T:
    """The value of type `kind` that `data` holds.

    Args:
        data: UTF-8, with or without the mark that some editors put before it.
        kind: a strict msgspec type.
        hook: makes what msgspec does not know, as its `dec_hook`.

    Raises:
        ValueError: not TOML, or a key missing, unknown, of the wrong type or out of range;
            the message names the key.
    """
    try:
        return msgspec.toml.decode(data.removeprefix(b"\xef\xbb\xbf"), type=kind, dec_hook=hook)
    except msgspec.DecodeError as error:
        raise ValueError(_explain(str(error), kind)) from error
    except RecursionError as error:
        raise ValueError("expected TOML, found one nested too deeply") from error


def _explain(message: str, kind: type[Any]) -> str:
    found = _UNKNOWN.fullmatch(message)
    if found is None:
        return message
    key, path = found[1], found[2] or ""
    keys = _keys(kind, path)
    expected = f", expected one of {', '.join(keys)}" if keys else ""
    return f"unknown key {key!r}{f' in {path}' if path else ''}{expected}"


def _keys(kind: type[Any], path: str) -> tuple[str, ...]:
    """The keys of the table at `path` in a struct; none where that is not one certain type."""
    node: msgspec.inspect.Type = msgspec.inspect.type_info(kind)
    for name in path.split(".") if path else ():
        fields = node.fields if isinstance(node, msgspec.inspect.StructType) else ()
        inner = [f.type for f in fields if f.encode_name == name]
        if not inner:
            return ()
        node = _struct(inner[0])
    fields = node.fields if isinstance(node, msgspec.inspect.StructType) else ()
    return tuple(field.encode_name for field in fields)


def _struct(node: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """The one struct in a union such as `Prune | None`; else the node itself."""
    members = node.types if isinstance(node, msgspec.inspect.UnionType) else (node,)
    structs = [m for m in members if isinstance(m, msgspec.inspect.StructType)]
    return structs[0] if len(structs) == 1 else node
