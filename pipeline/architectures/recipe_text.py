"""A recipe's text for another architecture: the lines that differ are written anew, no others."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from pipeline.architectures.toml_lines import with_key
from pipeline.common.errors import RecipeError
from pipeline.recipe import Recipe, TrainRecipe
from pipeline.tasks.recipes import decode_recipe
from pipeline.weights.check import is_name
from pipeline.weights.known import known

Changes: TypeAlias = dict[tuple[str, str], Any]
"""What is written anew, by table and key; None takes a key out."""

# The keys of a training that make sense with a network that has learnt something already.
OF_WEIGHTS = ("head_epochs", "head_views", "backbone_lr", "layer_decay", "norm_momentum")
# In place of a training that such keys were made for: what `edgeward init --from-scratch` writes
# for up to some 1,300 pictures, with an end where twenty epochs brought nothing.
SCRATCH_EPOCHS, SCRATCH_FINE_TUNING, SCRATCH_PATIENCE = 100, 50, 20
SCRATCH_LR, SCRATCH_BATCH = 0.1, 128


def for_architecture(text: bytes, place: str, arch: str) -> bytes:
    """The recipe `text` with another architecture, and with the name and the weights for it.

    Weights that have a name are taken where that name is known for `arch`, with the normalisation
    that they were trained with. Else, and in place of a file of weights, it starts from scratch:
    a training that was made for weights becomes one from scratch then. `blocks` are those of the
    recipe's own architecture.

    Args:
        text: the recipe.
        place: where it was read from, for errors.
        arch: the architecture.

    Raises:
        RecipeError: the recipe is wrong, or wrong for that architecture; or it is written in a
            way in which its keys are not found.
    """
    recipe = decode_recipe(text, place)
    if not recipe.model.arch:
        raise RecipeError(f"{place}: expected model.arch, in place of which others are built")
    changes = _changes(recipe, arch)
    lines = text.decode().removeprefix("\ufeff").splitlines()
    wanted = tomllib.loads("\n".join(lines))
    for (table, key), value in changes.items():
        _change(wanted, table, key, value)
        lines = with_key(lines, table, key, value)
    lines.insert(0, f"# Made of the recipe {recipe.name} for the architecture {arch}.")
    made = "".join(f"{line}\n" for line in lines)
    if _loaded(made) != wanted:
        named = ", ".join(f"{table}.{key}".lstrip(".") for table, key in changes)
        raise RecipeError(f"{place}: expected {named} each on a line of its table, found otherwise")
    decode_recipe(made.encode(), f"{place} with arch {arch}")
    return made.encode()


def from_scratch(recipe: Recipe, arch: str) -> bool:
    """Whether `arch` would begin without weights though the recipe asks for some."""
    weights = recipe.model.weights
    if weights is None or arch == recipe.model.arch:
        return False
    return not is_name(weights) or known(weights, arch) is None


def _changes(recipe: Recipe, arch: str) -> Changes:
    changes: Changes = {
        ("", "name"): f"{recipe.name}-{folder_name(arch)}",
        ("model", "arch"): arch,
    }
    weights = recipe.model.weights
    if arch == recipe.model.arch:
        return changes
    if recipe.model.blocks is not None:
        changes["model", "blocks"] = None  # another network's are others, if it has any
    if weights is None:
        return changes
    if from_scratch(recipe, arch):
        return changes | {("model", "weights"): None} | dict(_scratch(recipe))
    row = known(weights, arch)
    assert row is not None, "from_scratch has asked"
    if recipe.input.colour == "rgb":
        changes["input", "mean"], changes["input", "std"] = list(row.mean), list(row.std)
    return changes


def _scratch(recipe: Recipe) -> Iterator[tuple[tuple[str, str], Any]]:
    """What makes the trainings of a recipe some that begin from nothing; nothing if they are."""
    if recipe.train is None or not _made_for_weights(recipe.train):
        return
    yield from _scratch_training("train", recipe.train, SCRATCH_EPOCHS, SCRATCH_LR)
    yield ("train", "keep"), "best"
    yield ("train", "patience"), SCRATCH_PATIENCE
    if recipe.prune is not None:
        yield ("prune", "groups"), None
        yield ("prune", "correct_norms"), None
        fine = recipe.prune.train
        yield from _scratch_training("prune.train", fine, SCRATCH_FINE_TUNING, SCRATCH_LR / 2)


def _made_for_weights(training: TrainRecipe) -> bool:
    plain = TrainRecipe(epochs=1)
    return any(getattr(training, key) != getattr(plain, key) for key in OF_WEIGHTS)


def _scratch_training(
    table: str, training: TrainRecipe, epochs: int, lr: float
) -> Iterator[tuple[tuple[str, str], Any]]:
    for key in (*OF_WEIGHTS, "optimizer", "weight_decay", "warmup_epochs", "ema"):
        yield (table, key), None
    yield (table, "epochs"), epochs
    # The rate follows the batch size, as in a first recipe.
    yield (table, "lr"), round(lr * training.batch_size / SCRATCH_BATCH, 4)


def folder_name(arch: str) -> str:
    """An architecture as the name of a folder; that of the zoo as it is."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", arch).strip("-.")


def _change(document: dict[str, Any], table: str, key: str, value: Any) -> None:
    """The same change of the decoded document, to see that the text says it."""
    place = document
    for part in filter(None, table.split(".")):
        place = place.setdefault(part, {})
    if value is None:
        place.pop(key, None)
    else:
        place[key] = value


def _loaded(text: str) -> Mapping[str, Any] | None:
    """The document; None where a line was cut out of a value that has several."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
