"""Near copies among real photographs: cats and dogs, cells under a microscope, a film."""

import os
import tarfile
from pathlib import Path
from typing import IO

import cv2
import numpy as np
import pytest
from support.near_pictures import CHANGES

from edge_agent.common.arrays import U8
from pipeline.near.copies import find_copies
from pipeline.near.thumbnail import thumbnail

pytestmark = pytest.mark.data


def _place(name: str) -> Path:
    path = Path(os.environ.get("EDGEWARD_DATA", "nowhere"), name)
    if not path.exists():
        pytest.skip(f"needs {name} under the folder that EDGEWARD_DATA names")
    return path


def _photographs(archive: str, count: int) -> list[U8]:
    """The first pictures of an archive, in the order of its names."""
    with tarfile.open(_place(archive)) as files:
        names = sorted(name for name in files.getnames() if name.endswith(".jpg"))
        chosen = names[:: len(names) // count][:count]
        return [_decoded(files.extractfile(name)) for name in chosen]


def _decoded(file: IO[bytes] | None) -> U8:
    assert file is not None
    return np.asarray(cv2.imdecode(np.frombuffer(file.read(), np.uint8), 1), np.uint8)


def _thumbs(images: list[U8]) -> U8:
    return np.stack([thumbnail(image) for image in images])


def test_changed_photographs_are_found_among_others() -> None:
    """Of forty-four changed ones all but two are joined to their own, and none to another."""
    photographs = _photographs("cats-dogs/cats-dogs-train.tar.gz", 220)
    changes = list(CHANGES.values())
    changed = [changes[n % len(changes)](photographs[5 * n]) for n in range(44)]
    found = find_copies(_thumbs([*photographs, *changed]))
    pairs = {(pair.first, pair.second) for pair in found.pairs}
    expected = {(5 * n, len(photographs) + n) for n in range(44)}
    assert pairs <= expected
    assert len(pairs) >= 42


def test_photographs_of_cells_are_not_one_group() -> None:
    """They all look alike, and yet each is a field of its own; overlapping fields are not."""
    found = find_copies(_thumbs(_photographs("bccd/bccd.tar.gz", 364)))
    assert found.means == "picture"
    assert 3 <= len(found.pairs) <= 8


def test_a_film_falls_into_few_groups() -> None:
    """One frame in five of a film from a camera that hangs still, each joined to the next."""
    film = cv2.VideoCapture(str(_place("videos/one-by-one-person-detection.mp4")))
    frames: list[U8] = []
    while len(frames) < 60:
        read, frame = film.read()
        if not read:
            break
        for _ in range(4):
            film.grab()
        frames.append(np.asarray(frame, np.uint8))
    film.release()
    found = find_copies(_thumbs(frames))
    assert len(frames) - len(found.pairs) <= len(frames) // 3
