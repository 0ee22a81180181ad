"""A file of weights to named tensors, without running any code that it may hold."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from pipeline.common.errors import WeightsError
from pipeline.weights.hashes import file_sha256
from pipeline.weights.known import SAFE

# Under which keys a training's file has the weights beside the rest of its state.
WRAPPERS = ("state_dict", "model", "model_state_dict")
# What PyTorch's wrappers of networks put before every name.
PREFIXES = ("module.", "_orig_mod.", "model.")

_REFUSED = re.compile(r"GLOBAL ([\w.]+)")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in the file at `path` by name, on the CPU; of a pickled file in its order.

    A `.safetensors` file has no order.

    Raises:
        WeightsError: it is damaged, empty, or a pickle of more than tensors.
    """
    file_sha256(path)
    if path.stat().st_size == 0:
        raise WeightsError(f"{path}: expected a file of weights, found an empty one")
    return _safe(path) if path.suffix.lower() == SAFE else _pickled(path)


def _safe(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(path.read_bytes())
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{path}: expected a whole safetensors file, found: {error}") from error
    return _named(tensors, path)


def _pickled(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            # Torch warns of a protocol that it did not write; the error says what matters.
            warnings.simplefilter("ignore", UserWarning)
            # Tensors and plain containers alone: anything else ends before it is made.
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler fails in as many ways as bytes can be wrong
        refused = _REFUSED.search(str(error))
        if isinstance(error, pickle.UnpicklingError) and refused is not None:
            raise WeightsError(
                f"{path}: expected tensors alone, found a pickle that makes a {refused[1]}; "
                "it was not loaded"
            ) from error
        raise WeightsError(
            f"{path}: expected a whole file of weights, found a damaged one"
        ) from error
    return _named(_unwrapped(content, path), path)


def _unwrapped(content: Any, path: Path) -> Mapping[Any, Any]:
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            return _unwrapped(content[key], path)
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path}: expected tensors by name, alone or under {' or '.join(WRAPPERS)}, "
            f"found a {type(content).__name__}"
        )
    return content


def _named(content: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    tensors = {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    if not tensors:
        keys = ", ".join(map(repr, list(content)[:3])) or "nothing"
        raise WeightsError(
            f"{path}: expected tensors by name, alone or under {' or '.join(WRAPPERS)}, "
            f"found {keys}"
        )
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise WeightsError(f"{path}: tensor {name!r}: expected finite values, found others")
    return _without_prefix(tensors)


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            return _without_prefix({n.removeprefix(prefix): t for n, t in tensors.items()})
    return tensors
