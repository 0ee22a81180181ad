"""Real images for the comparison, read from the data folder as they lie there.

Each source yields (image, target): an image as a camera gives it, and what the last layer
is fitted to: a class, a map of classes, a text, or objects (M, 5).
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from conversion.nets import Photos

from edge_agent.common.arrays import F32, U8
from pipeline.data.readers.images import decode_image

Target: TypeAlias = int | U8 | str | F32
Sample: TypeAlias = tuple[U8, Target]

FILES: dict[Photos, str] = {
    "cifar10": "cifar10/cifar10_train_jpeg.npz",
    "pets": "pets-seg/pets600.tar.gz",
    "masks": "pets-seg/pets600.tar.gz",
    "street": "coco256/coco256_yolo.tar.gz",
    "words": "iiit5k/iiit5k-train.tar.gz",
}
# What a trimap's values mean: 1 the pet, 2 the background, 3 the border between.
TRIMAP_FIRST = 1


def read(photos: Photos, root: Path, count: int, seed: int) -> list[Sample]:
    """`count` images of a source in a random order that `seed` fixes."""
    path = root / FILES[photos]
    if photos == "cifar10":
        return _cifar10(path, count, seed)
    with tarfile.open(path) as archive:
        names = sorted(m.name for m in archive.getmembers() if m.name.endswith(".jpg"))
        chosen = np.random.default_rng(seed).permutation(names)[:count].tolist()
        files = dict(_contents(archive, _wanted(photos, chosen)))
    texts = _texts(files) if photos == "words" else {}
    return [(_decode(files[name]), _target(photos, name, files, texts)) for name in chosen]


def _cifar10(path: Path, count: int, seed: int) -> list[Sample]:
    with np.load(path) as arrays:
        blob, offsets, labels = arrays["blob"], arrays["offsets"], arrays["labels"]
    chosen = np.random.default_rng(seed).permutation(len(labels))[:count]
    return [(_decode(blob[offsets[i] : offsets[i + 1]].tobytes()), int(labels[i])) for i in chosen]


def _wanted(photos: Photos, chosen: list[str]) -> set[str]:
    wanted = set(chosen)
    if photos == "masks":
        wanted |= {_trimap(name) for name in chosen}
    if photos == "street":
        wanted |= {_objects(name) for name in chosen}
    if photos == "words":
        wanted.add("train_labels.tsv")
    return wanted


def _contents(archive: tarfile.TarFile, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        file = archive.extractfile(member) if member.name in wanted else None
        if file is not None:
            yield member.name, file.read()


def _target(photos: Photos, name: str, files: dict[str, bytes], texts: dict[str, str]) -> Target:
    if photos == "masks":
        return _decode(files[_trimap(name)]) - np.uint8(TRIMAP_FIRST)
    if photos == "street":
        lines = files[_objects(name)].decode().splitlines()
        return np.array([line.split() for line in lines], np.float32).reshape(-1, 5)
    return texts[name] if photos == "words" else 0


def _texts(files: dict[str, bytes]) -> dict[str, str]:
    lines = files["train_labels.tsv"].decode().splitlines()
    return dict(line.split("\t", 1) for line in lines if line)


def _objects(name: str) -> str:
    return name.replace("images/", "labels/").replace(".jpg", ".txt")


def _trimap(name: str) -> str:
    return name.replace("images/", "trimaps/").replace(".jpg", ".png")


def _decode(data: bytes) -> U8:
    return decode_image(np.frombuffer(data, np.uint8))
