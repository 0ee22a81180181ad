"""`Fitted`: a split at the network's size, ready for training, calibration and evaluation."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import fit
from edge_agent.common.arrays import U8
from edge_agent.common.atomic import whole_file
from pipeline.common.progress import SILENT, Progress
from pipeline.data.base import Dataset, ImageSequence, Split, SplitName

ArrayLabels = TypeVar("ArrayLabels", bound=NDArray[Any])


@dataclass(frozen=True, eq=False)
class Fitted(Generic[ArrayLabels]):
    """Images after `fit`, before `normalise`.

    Args:
        pixels: (N, H, W, C) uint8, RGB or grey.
        labels: (N, ...), one for each.
    """

    pixels: U8
    labels: ArrayLabels

    def __len__(self) -> int:
        return len(self.labels)


def fit_split(
    split: Split[ArrayLabels], spec: InputSpec, progress: Progress = SILENT, *, name: str = "images"
) -> Fitted[ArrayLabels]:
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
    dataset: Dataset[ArrayLabels],
    name: SplitName,
    spec: InputSpec,
    folder: Path,
    progress: Progress = SILENT,
) -> Fitted[ArrayLabels]:
    """`fit_split` of the split `name`, its pixels kept in `folder`; see `cached_pixels`."""
    split = dataset.split(name)
    pixels = cached_pixels(split.images, dataset.sha256, name, spec, folder, progress)
    return Fitted(pixels, split.labels)


def cached_pixels(
    images: ImageSequence,
    sha256: str,
    name: SplitName,
    spec: InputSpec,
    folder: Path,
    progress: Progress = SILENT,
) -> U8:
    """`fit_images` of a split, kept in `folder` for the next stage.

    The file's name carries a hash of the data set and of `spec`, so another one never
    answers for it; a damaged file is made again.

    Args:
        images: those of the split `name`.
        sha256: of the data set that it is of.
        name: of the split.
        spec: the network's input.
        folder: where the file is, or will be.
        progress: sees one task where the images have to be read.
    """
    identity = msgspec.json.encode((sha256, name, spec))
    path = folder / f"{name}-{hashlib.sha256(identity).hexdigest()[:16]}.npz"
    kept = _read(path, len(images), spec)
    if kept is not None:
        return kept
    pixels = fit_images(images, spec, progress, name=name)
    with whole_file(path) as stream:
        np.savez(stream, pixels=pixels)
    return pixels


def _read(path: Path, count: int, spec: InputSpec) -> U8 | None:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            pixels = arrays["pixels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    expected = (count, spec.height, spec.width, spec.channels)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        return None
    return np.asarray(pixels, np.uint8)
