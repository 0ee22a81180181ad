"""Folders of pictures that the tiny bundles answer in a known way."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.stripes import stripes

DARK, BRIGHT = 30, 230


def write_level(path: Path, level: int) -> None:
    """A grey picture of one level, which `bright` takes for dark or bright."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((20, 30, 3), level, np.uint8))


@pytest.fixture(name="photos")
def _photos(tmp_path: Path) -> Path:
    """Three dark and two bright pictures in folders of their class; one of each is mislabelled."""
    root = tmp_path / "photos"
    levels = {"dark": (DARK, DARK + 5, BRIGHT), "bright": (BRIGHT, DARK)}
    for label, row in levels.items():
        for number, level in enumerate(row):
            write_level(root / label / f"{number}.png", level)
    return root


@pytest.fixture(name="lines")
def _lines(tmp_path: Path) -> Path:
    """Pictures of three texts with a table, one of them with a wrong text."""
    root = tmp_path / "lines"
    root.mkdir()
    table = {"a.png": ("012", "012"), "b.png": ("3.1", "3.1"), "c.png": ("210", "213")}
    for name, (shown, _) in table.items():
        assert cv2.imwrite(str(root / name), stripes(shown, 3))
    rows = "".join(f"{name}\t{text}\n" for name, (_, text) in table.items())
    (root / "labels.tsv").write_text(rows, encoding="utf-8")
    return root


@pytest.fixture(name="clip")
def _clip(tmp_path: Path) -> Path:
    """A video of four frames: dark, dark, bright, bright."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 24))
    for level in (DARK, DARK, BRIGHT, BRIGHT):
        writer.write(np.full((24, 32, 3), level, np.uint8))
    writer.release()
    return path
