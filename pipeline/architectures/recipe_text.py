"""A recipe's text for another architecture: the lines that differ are written anew, no others."""

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.common.errors import RecipeError
from pipeline.recipe import Recipe
from pipeline.tasks.recipes import decode_recipe
from pipeline.weights.check import is_name
from pipeline.weights.known import known

_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")


def for_architecture(text: bytes, place: str, arch: str) -> bytes:
    """The recipe `text` with another architecture, and with the name and the weights for it.

    Weights that have a name are taken where that name is known for `arch`, with the normalisation
    that they were trained with; else, and in place of a file of weights, it starts from scratch.

    Args:
        text: the recipe.
        place: where it was read from, for errors.
        arch: the architecture.

    Raises:
        RecipeError: the recipe is wrong, or wrong for that architecture; or it is written in a
            way in which its keys are not found.
    """
    recipe = decode_recipe(text, place)
    changes = _changes(recipe, arch)
    lines = text.decode().removeprefix("\ufeff").splitlines()
    for (table, key), value in changes.items():
        lines = _with_key(lines, table, key, value)
    lines.insert(0, f"# Made of the recipe {recipe.name} for the architecture {arch}.")
    made = "".join(f"{line}\n" for line in lines).encode()
    found = decode_recipe(made, f"{place} with arch {arch}")
    if _keys(found) != {**_keys(recipe), **changes}:
        named = ", ".join(f"{table}.{key}".lstrip(".") for table, key in changes)
        raise RecipeError(f"{place}: expected {named} each on a line of its table, found otherwise")
    return made


def _changes(recipe: Recipe, arch: str) -> dict[tuple[str, str], Any]:
    """What is written anew, by table and key; None takes a key out."""
    changes: dict[tuple[str, str], Any] = {
        ("", "name"): f"{recipe.name}-{folder_name(arch)}",
        ("model", "arch"): arch,
    }
    weights = recipe.model.weights
    if weights is None or arch == recipe.model.arch:
        return changes
    row = known(weights, arch) if is_name(weights) else None
    changes["model", "weights"] = None if row is None else weights
    if row is not None and recipe.input.colour == "rgb":
        changes["input", "mean"], changes["input", "std"] = list(row.mean), list(row.std)
    return changes


def folder_name(arch: str) -> str:
    """An architecture as the name of a folder; that of the zoo as it is."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", arch).strip("-.")


def _keys(recipe: Recipe) -> dict[tuple[str, str], Any]:
    """Every value of the tables, and the others by their key alone."""
    found: dict[tuple[str, str], Any] = {}
    for name, value in msgspec.json.decode(msgspec.json.encode(recipe)).items():
        if isinstance(value, dict):
            found |= {(name, key): inner for key, inner in value.items()}
        else:
            found["", name] = value
    return found


def _with_key(lines: Sequence[str], table: str, key: str, value: Any) -> list[str]:
    """`lines` with `key` of `table` written anew, or taken out where `value` is None."""
    heads = [(place, found[1]) for place, line in enumerate(lines) if (found := _head(line))]
    first_head = heads[0][0] if heads else len(lines)
    places = {name: place for place, name in heads}
    if table and table not in places:
        return _with_inline(lines[:first_head], table, key, value) + list(lines[first_head:])
    start = places[table] + 1 if table else 0
    end = next((place for place, _ in heads if place >= start), len(lines))
    return [
        *lines[:start],
        *_with_line(lines[start:end], key, value),
        *lines[end:],
    ]


def _head(line: str) -> re.Match[str] | None:
    return _HEADER.match(line)


def _with_line(lines: Sequence[str], key: str, value: Any) -> list[str]:
    """The lines of one table with the line of `key` written anew, at the top where it is none."""
    place = next((n for n, line in enumerate(lines) if re.match(rf"\s*{key}\s*=", line)), None)
    new = [] if value is None else [f"{key} = {toml_value(value)}"]
    if place is None:
        return [*new, *lines]
    return [*lines[:place], *new, *lines[place + 1 :]]


def _with_inline(lines: Sequence[str], table: str, key: str, value: Any) -> list[str]:
    """The same for a table that is written on one line: `model = { arch = "resnet8" }`."""
    found = list(lines)
    for place, line in enumerate(found):
        if re.match(rf"\s*{table}\s*=\s*\{{", line):
            values = {**tomllib.loads(line)[table], key: value}
            kept = {name: one for name, one in values.items() if one is not None}
            found[place] = f"{table} = {toml_value(kept)}"
    return found


def toml_value(value: Any) -> str:
    """A value as TOML has it on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
