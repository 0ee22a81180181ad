"""What `arch` may say: a name of the zoo, or where a network of one's own is.

Read here, where nothing loads torch; `pipeline.models.own` makes the network.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard, get_args

from pipeline.recipe import Arch, ModelRecipe, TextArch

# All of ours.
ZOO_NAMES: tuple[str, ...] = (*get_args(Arch), *get_args(TextArch))
MODULE, ONNX = "module:", "onnx:"


@dataclass(frozen=True)
class ModuleArch:
    """A class of a Python module that makes a torch network.

    Args:
        module: as it is imported: `package.networks`.
        name: the class, or a function that returns the network.
    """

    module: str
    name: str


@dataclass(frozen=True)
class OnnxArch:
    """The network of an ONNX file; a relative path starts at the recipe's folder."""

    file: str


OwnArch: TypeAlias = ModuleArch | OnnxArch


def in_zoo(arch: str) -> TypeGuard[Arch | TextArch]:
    """Whether `arch` is the name of a network of ours."""
    return arch in ZOO_NAMES


def own_arch(arch: str) -> OwnArch | None:
    """Where the network of one's own is that `arch` names; None where it names none.

    Raises:
        ValueError: it begins as such a one and goes on otherwise.
    """
    if arch.startswith(ONNX):
        if not arch.removeprefix(ONNX).strip():
            raise ValueError(f'arch: expected "{ONNX}FILE", found {arch!r}')
        return OnnxArch(arch.removeprefix(ONNX))
    if not arch.startswith(MODULE):
        return None
    module, _, name = arch.removeprefix(MODULE).rpartition(".")
    parts = (*module.split("."), name)
    if not all(part.isidentifier() for part in parts):
        raise ValueError(f'arch: expected "{MODULE}package.Class", found {arch!r}')
    return ModuleArch(module, name)


def check_arch(arch: str, zoo: Collection[str], where: str = "", *, own: bool = True) -> None:
    """Raise `ValueError` unless `arch` is one that can be built.

    Args:
        arch: as a recipe says it.
        zoo: the names of ours that will do.
        where: what they will do for, for errors.
        own: whether a network of one's own will do.
    """
    if arch in zoo or (own and own_arch(arch) is not None):
        return
    forms = f' or "{MODULE}package.Class" or "{ONNX}FILE"' if own else ""
    raise ValueError(f"arch: expected {' or '.join(zoo)}{forms}{where}, found {arch!r}")


def check_own_keys(model: ModelRecipe) -> None:
    """Raise `ValueError` unless the keys beside `arch` are of the form that it has."""
    own = own_arch(model.network)
    module, onnx = isinstance(own, ModuleArch), isinstance(own, OnnxArch)
    rules = (
        ("width", model.width != 1.0, own is None, "a network of ours"),
        ("blocks", model.blocks is not None, own is None, "a network of ours"),
        ("options", bool(model.options), module, f'arch = "{MODULE}package.Class"'),
        ("labels", bool(model.labels), onnx, "an ONNX file"),
        ("bgr", model.bgr, onnx, "an ONNX file"),
        ("weights", model.weights is not None, not onnx, "another network than an ONNX file's"),
    )
    for key, given, right, what in rules:
        if given and not right:
            raise ValueError(f"model.{key}: expected with {what} only, found it with another")
