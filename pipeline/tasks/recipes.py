"""Recipes as they are written: decoded with the kinds of data and the tables of every task."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import msgspec

from edge_agent.common.toml import decode_toml
from pipeline.arch import check_arch, check_own_keys
from pipeline.common.errors import RecipeError
from pipeline.data_recipe import DataRecipe, RecipeValue
from pipeline.recipe import DistillRecipe, Recipe
from pipeline.tasks import TASKS, task_of
from pipeline.tasks.task import HostTask
from pipeline.weights.check import check_weights

_Value = TypeVar("_Value", bound=RecipeValue)


def whole_recipe(tasks: tuple[HostTask, ...]) -> type[Recipe]:
    """`Recipe` with the kinds of data, and the tables, of `tasks`."""
    kinds = tuple(kind for task in tasks for kind in task.kinds)
    tables = [(name, table | None, None) for task in tasks for name, table in task.tables.items()]
    literal: Any = Literal
    kind = literal[tuple(kind.name for kind in kinds)]
    data = _extended(DataRecipe, [("kind", kind)], {"kinds": kinds})
    checks = {"check_task": lambda recipe: check_recipe(recipe, tasks)}
    return _extended(Recipe, [("data", data), *tables], checks)


def _extended(
    base: type[_Value], fields: Sequence[tuple[Any, ...]], namespace: dict[str, Any]
) -> type[_Value]:
    """`base` with more, or other, fields; as strict as it is."""
    made = msgspec.defstruct(
        base.__name__,
        fields,
        bases=(base,),
        namespace=namespace,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return cast("type[_Value]", made)


def check_recipe(recipe: Recipe, tasks: tuple[HostTask, ...]) -> None:
    """Raise unless data, tables, network, output and budget of `recipe` are all of one task.

    Raises:
        ValueError: names the key that is of another task, or missing.
    """
    kind, task = recipe.data.kind, task_of(recipe)
    for other in tasks:
        for name in other.tables:
            if (getattr(recipe, name) is not None) != (other is task):
                kinds = _and(one.name for one in other.kinds)
                raise ValueError(
                    f"{name}: expected with {kinds} only, where it must be, found kind {kind!r}"
                )
    task.check(recipe)
    try:
        check_arch(recipe.model.network, task.arches, f" for kind {kind!r}", own=task.own_networks)
    except ValueError as error:
        raise ValueError(f"model.{error}") from error
    check_own_keys(recipe.model)
    check_weights(recipe.model)
    if recipe.distill is not None:
        _check_teacher(recipe.distill, task, kind)
    for key, given in recipe.keys_of_some():
        if given and not task.takes(key):
            words = " or ".join(other.labels for other in tasks if other.takes(key))
            raise ValueError(f"{key}: expected with {words} only, found kind {kind!r}")


def _check_teacher(distill: DistillRecipe, task: HostTask, kind: str) -> None:
    """Raise `ValueError` unless the teacher is a network of ours for the task, and can learn."""
    teacher, place = distill.teacher, "distill.teacher"
    try:
        check_arch(teacher.network, task.arches, f" for kind {kind!r}", own=False)
        check_own_keys(teacher)
    except ValueError as error:
        raise ValueError(f"{place}.{str(error).removeprefix('model.')}") from error
    check_weights(teacher, place)
    if teacher.weights is None and distill.train.epochs == 0:
        raise ValueError(
            "distill.train: expected epochs for a teacher that starts from nothing, found none; "
            f"a classifier alone can be learnt with {place}.weights"
        )


def _and(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


_RECIPE = whole_recipe(TASKS)


def read_recipe(path: Path) -> bytes:
    """The bytes of the recipe file at `path`.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecipeError(
            f"{path}: expected a recipe file, found none ({error.strerror})"
        ) from error


def load_recipe(path: Path) -> Recipe:
    """The recipe in the TOML file at `path`; see `decode_recipe`."""
    return decode_recipe(read_recipe(path), str(path))


def decode_recipe(data: bytes, place: str) -> Recipe:
    """The recipe in the TOML text `data`.

    Raises:
        RecipeError: not TOML, or a key that is unknown, missing, of the wrong type or out
            of range; the message starts with `place` and names the key.
    """
    try:
        return decode_toml(data, _RECIPE)
    except ValueError as error:
        raise RecipeError(f"{place}: {error}") from error
