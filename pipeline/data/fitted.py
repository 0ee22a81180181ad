"""`Fitted`: a split at the network's size, ready for training, calibration and evaluation."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.arrays import U8
from edge_agent.atomic import whole_file
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import fit
from pipeline.data.base import Dataset, ImageSequence, Split, SplitName
from pipeline.progress import SILENT, Progress


@dataclass(frozen=True, eq=False)
class Fitted:
    """Images after `fit`, before `normalise`.

    Args:
        pixels: (N, H, W, C) uint8, RGB or grey.
        labels: (N,) int64.
    """

    pixels: U8
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def fit_split(
    split: Split, spec: InputSpec, progress: Progress = SILENT, *, name: str = "images"
) -> Fitted:
    """Every image of `split` through the device's own `fit`; `name` is for the progress."""
    return Fitted(fit_images(split.images, spec, progress, name=name), split.labels)


def fit_images(
    images: ImageSequence, spec: InputSpec, progress: Progress = SILENT, *, name: str = "images"
) -> U8:
    """Every one of `images` through the device's own `fit`: (N, H, W, C) uint8."""
    total = len(images)
    pixels = np.empty((total, spec.height, spec.width, spec.channels), np.uint8)
    with progress.task(f"fit {name}", total) as task:
        for number in range(total):
            pixels[number] = fit(images[number], spec)
            task.advance()
    return pixels


def fit_cached(
    dataset: Dataset,
    name: SplitName,
    spec: InputSpec,
    folder: Path,
    progress: Progress = SILENT,
) -> Fitted:
    """`fit_split` of the split `name`, kept in `folder` for the next stage.

    The file's name carries a hash of the data set and of `spec`, so another one never
    answers for it; a damaged file is made again.
    """
    identity = msgspec.json.encode((dataset.sha256, name, spec))
    path = folder / f"{name}-{hashlib.sha256(identity).hexdigest()[:16]}.npz"
    kept = _read(path, len(dataset.split(name)), spec)
    if kept is not None:
        return kept
    fitted = fit_split(dataset.split(name), spec, progress, name=name)
    with whole_file(path) as stream:
        np.savez(stream, pixels=fitted.pixels, labels=fitted.labels)
    return fitted


def _read(path: Path, count: int, spec: InputSpec) -> Fitted | None:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            pixels, labels = arrays["pixels"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    expected = (count, spec.height, spec.width, spec.channels)
    if pixels.shape != expected or pixels.dtype != np.uint8 or labels.shape != (count,):
        return None
    return Fitted(pixels, labels.astype(np.int64))
