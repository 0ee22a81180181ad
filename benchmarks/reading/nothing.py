"""Pictures with nothing to read in them: photographs, faces, walls, night."""

import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from edge_agent.common.arrays import U8
from pipeline.data.readers.images import decode_image

Crops: TypeAlias = Iterator[U8]
PETS, STREETS = "cats-dogs/cats-dogs-train.tar.gz", "penn-fudan/penn_fudan.tar.gz"
# A region that somebody drew in the wrong place: as high as a display may be, and as wide.
LEAST_HEIGHT, MOST_HEIGHT = 20, 80
ASPECT = 4.0
# Cameras at night: hardly any light, and the noise of a sensor at its highest gain.
NIGHT_LIGHT, NIGHT_NOISE = 0.06, 8.0


def sources(data: Path, count: int, seed: int) -> dict[str, Crops]:
    """`count` crops of each kind, RGB, the same for the same seed."""
    pets, streets = partial(_photographs, data / PETS), partial(_photographs, data / STREETS)
    return {
        "pets (cats-dogs)": _cut(pets(count, seed), seed),
        "streets and people (penn-fudan)": _cut(streets(count, seed), seed),
        "the same at night": _night(_cut(streets(count, seed), seed + 1), seed),
        "bare walls": _walls(count, seed),
    }


def _photographs(path: Path, count: int, seed: int) -> Iterator[U8]:
    """`count` pictures out of an archive, each as often as there are too few."""
    with tarfile.open(path) as archive:
        names = sorted(
            m.name
            for m in archive.getmembers()
            if m.isfile() and m.name.endswith((".jpg", ".png")) and "ask" not in m.name
        )
        order = np.random.default_rng(seed).permutation(len(names))
        for number in range(count):
            member = archive.extractfile(names[order[number % len(names)]])
            assert member is not None, "only files are listed"
            yield decode_image(np.frombuffer(member.read(), np.uint8))


def _cut(images: Iterator[U8], seed: int) -> Crops:
    """One place out of each picture, where a display might have been."""
    rng = np.random.default_rng(seed)
    for image in images:
        height, width = image.shape[:2]
        most = int(min(MOST_HEIGHT, height, width / ASPECT))
        h = int(rng.integers(min(LEAST_HEIGHT, most), most + 1))
        w = int(h * ASPECT)
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        yield image[y : y + h, x : x + w]


def _night(crops: Crops, seed: int) -> Crops:
    rng = np.random.default_rng(seed)
    for crop in crops:
        noisy = crop * NIGHT_LIGHT + rng.normal(0, NIGHT_NOISE, crop.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def _walls(count: int, seed: int) -> Crops:
    """Grey of any level, lit from one side, with the noise of a good camera to a bad one."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        left, right = rng.uniform(20, 235, 2)
        slope = np.linspace(left, right, 160)[np.newaxis, :, np.newaxis]
        wall = slope + rng.normal(0, rng.uniform(1, 15), (40, 160, 3))
        yield np.clip(wall, 0, 255).astype(np.uint8)
