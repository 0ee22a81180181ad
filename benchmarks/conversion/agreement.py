"""How much an int8 file says what its float network says, on samples it never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from conversion.nets import Net
from numpy.typing import NDArray

from edge_agent.common.arrays import F32

F64: TypeAlias = NDArray[np.float64]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Per held-out sample, (N,) each.

    Args:
        cosine: of all outputs, each centred by the float network's mean over the samples and
            divided by its spread, so that neither an offset nor a large output flatters.
        argmax: the share of decisions that are the same; NaN where a sample has none.
    """

    cosine: F64
    argmax: F64


def agreement(path: Path, folder: Path, net: Net) -> Agreement:
    """Run a file by LiteRT over FOLDER/held_out.npy; compare with FOLDER/float_K.npy.

    Raises:
        ValueError: if the file does not load, or its ends are not those of the network.
    """
    wanted = [np.load(p) for p in sorted(folder.glob("float_*.npy"))]
    found = outputs(path, np.load(folder / "held_out.npy"), [y.shape[1:] for y in wanted])
    cosine = np.mean([_cosine(a, b) for a, b in zip(found, wanted, strict=True)], axis=0)
    same, decided = (
        np.sum(counts, axis=0)
        for counts in zip(
            *(_decisions(found[i], wanted[i], net.floor) for i in net.scores), strict=True
        )
    )
    share = np.divide(same, decided, out=np.full(len(same), np.nan), where=decided > 0)
    return Agreement(cosine, share)


def _cosine(found: F32, wanted: F32) -> F64:
    mean = wanted.mean(axis=0)
    a, b = ((y - mean).reshape(len(y), -1).astype(np.float64) for y in (found, wanted))
    scale = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: F64 = (a * b).sum(axis=1) / np.maximum(scale, np.finfo(np.float64).tiny)
    return cosines


def _decisions(found: F32, wanted: F32, floor: float) -> tuple[F64, F64]:
    """Per sample, at how many positions both choose one channel, and at how many wanted does.

    A position whose largest wanted score is below `floor` decides nothing.
    """
    axis = 1 if wanted.ndim == 4 else -1
    decided = wanted.max(axis) >= floor
    same = (found.argmax(axis) == wanted.argmax(axis)) & decided
    return _counts(same), _counts(decided)


def _counts(flags: NDArray[np.bool_]) -> F64:
    return np.asarray(flags.reshape(len(flags), -1).sum(axis=1), np.float64)


def outputs(path: Path, samples: F32, shapes: Sequence[Shape]) -> list[F32]:
    """What LiteRT computes from samples (N, C, H, W): for each of `shapes`, (N, *shape).

    Args:
        path: a TFLite file with one input, channels first or last, int8 or float.
        samples: float32, preprocessed.
        shapes: of the outputs without the batch, in ONNX's order of outputs and of axes.

    Raises:
        ValueError: if the file does not load, or its ends are not those of the network.
    """
    try:
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: LiteRT cannot load it: {error}") from error
    (source,), results = interpreter.get_input_details(), interpreter.get_output_details()
    places = _places([tuple(r["shape"]) for r in results], shapes)
    found: list[list[F32]] = [[] for _ in shapes]
    for sample in samples:
        x = sample[None]
        if tuple(source["shape"]) != x.shape:
            x = np.moveaxis(x, 1, -1)
        interpreter.set_tensor(source["index"], _quantize(x.reshape(source["shape"]), source))
        interpreter.invoke()
        for rows, (i, moved), shape in zip(found, places, shapes, strict=True):
            y = _dequantize(interpreter.get_tensor(results[i]["index"]), results[i])
            rows.append(np.moveaxis(y, -1, 1) if moved else y.reshape(1, *shape))
    return [np.concatenate(rows) for rows in found]


def _places(found: Sequence[Shape], wanted: Sequence[Shape]) -> list[tuple[int, bool]]:
    """For each wanted shape (...) the file's output and whether its channels are last.

    A file may name its outputs in another order; the nets here tell them apart by shape.
    """
    places = []
    for shape in wanted:
        last = (1, *shape[1:], shape[0])
        moved = [(i, True) for i, f in enumerate(found) if len(shape) == 3 and f == last]
        plain = [(i, False) for i, f in enumerate(found) if _bare(f) == _bare(shape)]
        if not moved + plain:
            raise ValueError(f"outputs: expected one of shape {(1, *shape)}, found {found}")
        places.append((moved + plain)[0])
    return places


def _bare(shape: Shape) -> Shape:
    return tuple(n for n in shape if n != 1)


def _quantize(x: F32, port: dict[str, Any]) -> NDArray[Any]:
    scale, zero = port["quantization"]
    if port["dtype"] == np.float32:
        return x
    limits = np.iinfo(port["dtype"])
    return np.asarray(np.clip(np.rint(x / scale + zero), limits.min, limits.max), port["dtype"])


def _dequantize(y: NDArray[Any], port: dict[str, Any]) -> F32:
    scale, zero = port["quantization"]
    if port["dtype"] == np.float32:
        return y
    return np.asarray((y.astype(np.float32) - zero) * scale, np.float32)
