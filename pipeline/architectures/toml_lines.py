"""One key of a TOML text written anew, its comments and all other lines as they were."""

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")


def with_key(lines: Sequence[str], table: str, key: str, value: Any) -> list[str]:
    """`lines` with `key` of `table` written anew, or taken out where `value` is None.

    Values that go over several lines are not understood: whoever asks has to read the result.

    Args:
        lines: of a TOML document.
        table: its dotted name; empty for the keys before all tables.
        key: the key in it.
        value: a string, number, truth value, list or table.
    """
    heads = [(place, found[1]) for place, line in enumerate(lines) if (found := _head(line))]
    places = {name: place for place, name in heads}
    parts = table.split(".") if table else []
    # The table itself, or the one around it that has it on a line.
    depth = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in places), 0)
    start = places[".".join(parts[:depth])] + 1 if depth else 0
    end = next((place for place, _ in heads if place >= start), len(lines))
    inner = parts[depth:]
    own = lines[start:end]
    changed = _in_line(own, inner, key, value) if inner else _with_line(own, key, value)
    return [*lines[:start], *changed, *lines[end:]]


def _head(line: str) -> re.Match[str] | None:
    return _HEADER.match(line)


def _with_line(lines: Sequence[str], key: str, value: Any) -> list[str]:
    """The lines of one table with the line of `key` written anew, at the top where it is none."""
    place = next((n for n, line in enumerate(lines) if re.match(rf"\s*{key}\s*=", line)), None)
    new = [] if value is None else [f"{key} = {toml_value(value)}"]
    if place is None:
        return [*new, *lines]
    return [*lines[:place], *new, *lines[place + 1 :]]


def _in_line(lines: Sequence[str], inner: Sequence[str], key: str, value: Any) -> list[str]:
    """The same for a table that is written on one line: `model = { arch = "resnet8" }`."""
    found = list(lines)
    name, *deeper = inner
    for place, line in enumerate(found):
        if re.match(rf"\s*{name}\s*=\s*\{{", line):
            table = tomllib.loads(line)[name]
            at = table
            for part in deeper:
                at = at.setdefault(part, {})
            at.pop(key, None)
            at |= {} if value is None else {key: value}
            found[place] = f"{name} = {toml_value(table)}"
    return found


def toml_value(value: Any) -> str:
    """A value as TOML has it on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
