"""Where a resize samples its input: ONNX's many rules against TFLite's three."""

from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from quantization.lower.graph import Operation

Places: TypeAlias = NDArray[np.float64]


class Sampling(Enum):
    """TFLite's rules."""

    ASYMMETRIC = "asymmetric"
    HALF_PIXEL = "half_pixel"
    ALIGN_CORNERS = "align_corners"


# Half of what a place may be off, in elements: float32 kernels compute it less exactly.
TOLERANCE = 1e-3


def sampling(operation: Operation) -> Sampling | None:
    """TFLite's rule that samples the same places as an ONNX Resize; None if there is none."""
    node, x, y = operation.node, operation.value(), operation.output
    mode = node.text("mode", "nearest")
    if (
        mode not in ("nearest", "linear")
        or node.integer("antialias", 0)
        or node.integer("exclude_outside", 0)
        or "axes" in node.attributes
    ):
        return None
    for rule in Sampling:
        if all(
            _same(operation, mode, rule, before, after, i)
            for i, (before, after) in enumerate(zip(x.shape[2:], y.shape[2:], strict=True))
        ):
            return rule
    return None


def _same(
    operation: Operation, mode: str, rule: Sampling, before: int, after: int, axis: int
) -> bool:
    scales = operation.parameter(2)
    scale = after / before if scales is None or not scales.size else float(scales[2 + axis])
    transform = operation.node.text("coordinate_transformation_mode", "half_pixel")
    theirs = onnx_places(transform, before, after, scale)
    if theirs is None:
        return False
    if mode == "linear":
        ours = tflite_places(rule, before, after)
        found = np.abs(np.clip(ours, 0, before - 1) - np.clip(theirs, 0, before - 1)).max()
        return bool(found <= TOLERANCE)
    wanted = onnx_rounded(theirs, operation.node.text("nearest_mode", "round_prefer_floor"))
    found_indices = tflite_nearest(rule, before, after)
    return bool((np.clip(wanted, 0, before - 1) == found_indices).all())


def onnx_places(transform: str, before: int, after: int, scale: float) -> Places | None:
    """Where each of `after` elements lies among `before`, by ONNX's Resize specification."""
    i = np.arange(after, dtype=np.float64)
    if transform == "asymmetric":
        return i / scale
    if transform == "align_corners":
        return i * ((before - 1) / (after - 1)) if after > 1 else np.zeros(1)
    if transform == "pytorch_half_pixel" and after == 1:
        return np.zeros(1)
    if transform in ("half_pixel", "pytorch_half_pixel"):
        return (i + 0.5) / scale - 0.5
    return None


def onnx_rounded(places: Places, mode: str) -> Places:
    """The nearest element by one of ONNX's four ways to round."""
    if mode == "round_prefer_floor":
        return np.ceil(places - 0.5)
    if mode == "round_prefer_ceil":
        return np.floor(places + 0.5)
    return np.floor(places) if mode == "floor" else np.ceil(places)


def tflite_places(rule: Sampling, before: int, after: int) -> Places:
    """Where RESIZE_BILINEAR samples."""
    i = np.arange(after, dtype=np.float64)
    if rule is Sampling.ALIGN_CORNERS and after > 1:
        return i * ((before - 1) / (after - 1))
    if rule is Sampling.HALF_PIXEL:
        return (i + 0.5) * (before / after) - 0.5
    return i * (before / after)


def tflite_nearest(rule: Sampling, before: int, after: int) -> Places:
    """Which elements RESIZE_NEAREST_NEIGHBOR takes: it computes in float32, as we do here."""
    i = np.arange(after, dtype=np.float32)
    if rule is Sampling.ALIGN_CORNERS and after > 1:
        places = i * np.float32(np.float32(before - 1) / np.float32(after - 1))
        nearest = np.floor(places + np.float32(0.5))
    else:
        offset = np.float32(0.5 if rule is Sampling.HALF_PIXEL else 0)
        nearest = np.floor((i + offset) * np.float32(np.float32(before) / np.float32(after)))
    result: Places = np.minimum(nearest, before - 1).astype(np.float64)
    return result
