"""Named tensors into a network: by name, else by order; every shape is checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from pipeline.common.errors import WeightsError
from pipeline.models import ModelSpec
from pipeline.models.names import NameMap, external_names
from pipeline.recipe import Arch
from pipeline.weights.known import SAFE
from pipeline.weights.read import read_tensors

# A counter that no inference looks at, and that not every file has.
COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Loaded:
    """What a network has taken from a file.

    Args:
        tensors: how many of its tensors.
        head: whether the classifier is among them; else it starts afresh.
        found: the classes that the file's classifier has; None where it has none.
    """

    tensors: int
    head: bool
    found: int | None


def load_weights(module: nn.Module, spec: ModelSpec, path: Path) -> Loaded:
    """Put the weights of the file at `path` into `module`.

    All but the classifier have to be there and to fit; the classifier is taken where its shape
    fits and stays as it is elsewhere.

    Raises:
        WeightsError: the file is damaged, or the weights are of another network.
    """
    tensors = {n: t for n, t in read_tensors(path).items() if not n.endswith(COUNTER)}
    wanted = {n: t for n, t in module.state_dict().items() if not n.endswith(COUNTER)}
    head = _head(module)
    names = _names(wanted, tensors, head, f"{path}", spec.arch)
    _check(wanted, tensors, names, head, f"{path}", spec.arch)
    fits = all(n in names and tensors[names[n]].shape == wanted[n].shape for n in head)
    taken = [name for name in names if fits or name not in head]
    with torch.no_grad():
        for name in taken:
            wanted[name].copy_(tensors[names[name]])
    last = names.get(head[0])
    return Loaded(len(taken), fits, None if last is None else tensors[last].shape[0])


def _head(module: nn.Module) -> tuple[str, ...]:
    """The tensors of the last layer that has any: the classifier."""
    *_, (name, layer) = ((n, m) for n, m in module.named_modules() if list(m.parameters(False)))
    return tuple(f"{name}.{own}" for own, _ in layer.named_parameters(recurse=False))


def _names(
    wanted: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    head: tuple[str, ...],
    place: str,
    arch: str,
) -> dict[str, str]:
    """What the file calls each tensor of the network; a name of the classifier may be missing."""
    body = [name for name in wanted if name not in head]
    known = [NameMap("edgeward", {name: name for name in wanted})]
    known += external_names(arch) if arch in get_args(Arch) else ()
    lacking = {}
    for names in known:
        lacking[names.library] = [
            names.theirs[name] for name in body if names.theirs[name] not in tensors
        ]
        if not lacking[names.library]:
            return {n: names.theirs[n] for n in wanted if names.theirs.get(n) in tensors}
    library, missing = min(lacking.items(), key=lambda one: len(one[1]))
    if len(missing) < len(body) / 2:
        raise WeightsError(
            f"{place}: tensor {missing[0]!r}: expected with the {len(body) - len(missing)} others "
            f"of {arch} as {library} names them, found none"
        )
    if place.lower().endswith(SAFE):
        libraries = ", ".join(names.library for names in known)
        raise WeightsError(
            f"{place}: tensor {min(tensors)!r}: expected {arch} as named by one of {libraries}, "
            "found others; a safetensors file has no order to go by"
        )
    return dict(_in_order(wanted, tensors, head, place, arch))


def _in_order(
    wanted: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    head: tuple[str, ...],
    place: str,
    arch: str,
) -> Iterator[tuple[str, str]]:
    """The tensors of both in their order; a norm's own four have to be called the same."""
    for ours, theirs in zip_longest(wanted, tensors):
        if ours is None:
            raise WeightsError(
                f"{place}: tensor {theirs!r}: expected the {len(wanted)} tensors of {arch}, "
                f"found {len(tensors)}"
            )
        if theirs is None and ours in head:
            return
        if theirs is None:
            raise WeightsError(
                f"{place}: expected the {len(wanted)} tensors of {arch}, found {len(tensors)}: "
                f"the one for {ours!r} of shape {_shape(wanted[ours])} is missing"
            )
        if ours not in head and (
            _leaf(ours) != _leaf(theirs) or wanted[ours].shape != tensors[theirs].shape
        ):
            raise WeightsError(_misfit(place, arch, (ours, wanted), (theirs, tensors)))
        yield ours, theirs


def _check(
    wanted: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
    head: tuple[str, ...],
    place: str,
    arch: str,
) -> None:
    for ours, theirs in names.items():
        if ours not in head and wanted[ours].shape != tensors[theirs].shape:
            raise WeightsError(_misfit(place, arch, (ours, wanted), (theirs, tensors)))
        if not tensors[theirs].is_floating_point():
            raise WeightsError(
                f"{place}: tensor {theirs!r}: expected floating point, "
                f"found {str(tensors[theirs].dtype).removeprefix('torch.')}"
            )


def _misfit(
    place: str,
    arch: str,
    ours: tuple[str, Mapping[str, Tensor]],
    theirs: tuple[str, Mapping[str, Tensor]],
) -> str:
    return (
        f"{place}: tensor {theirs[0]!r}: expected the shape {_shape(ours[1][ours[0]])} of "
        f"{ours[0]!r} of {arch}, found {_shape(theirs[1][theirs[0]])}"
    )


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
