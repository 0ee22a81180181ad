"""`own_source`: where a network of one's own is, and the hash of all that it is made of."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.arch import ModuleArch, OnnxArch, own_arch
from pipeline.common.errors import RecipeError
from pipeline.models.own.code import find_code
from pipeline.models.spec import OwnSource
from pipeline.recipe import ModelRecipe


def own_source(model: ModelRecipe, recipe_folder: Path, labels: Sequence[str]) -> OwnSource | None:
    """Where the network that `model` names is; None where it is one of ours.

    Args:
        model: the recipe's table.
        labels: what its outputs have to stand for, in this order.
        recipe_folder: where a module or a relative file is looked for first; a module then in
            the current folder and among what is installed.

    Raises:
        RecipeError: it is not there, or has no such output.
    """
    arch = own_arch(model.network)
    if isinstance(arch, ModuleArch):
        code = find_code(arch.module, recipe_folder)
        return OwnSource(str(code.folder), code.sha256, dict(model.options))
    if isinstance(arch, OnnxArch):
        path = (recipe_folder / Path(arch.file).expanduser()).resolve()
        options = OnnxOptions(rows=_rows(model.labels, labels), bgr=model.bgr)
        return OwnSource(str(path), file_sha256(path), msgspec.to_builtins(options))
    return None


class OnnxOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to the network of an ONNX file.

    Args:
        rows: which of its outputs are kept, in which order; None keeps all as they are.
        bgr: whether it takes blue first.
    """

    rows: tuple[int, ...] | None = None
    bgr: bool = False


def _rows(theirs: Sequence[str], ours: Sequence[str]) -> tuple[int, ...] | None:
    if not theirs:
        return None
    missing = [label for label in ours if label not in theirs]
    if missing:
        raise RecipeError(
            f"model.labels: expected every class of the data, found no {missing[0]!r} among "
            f"the network's {len(theirs)}"
        )
    return tuple(theirs.index(label) for label in ours)


def file_sha256(path: Path) -> str:
    """The hash of an ONNX file.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RecipeError(
            f"model: expected an ONNX file at {path}, found none ({error.strerror})"
        ) from error
