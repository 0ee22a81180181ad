"""Fixtures of the tests about text: fonts that are always there, small sets, a small reader."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import pytest

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import Checkpoint, fresh
from pipeline.models import ModelSpec
from pipeline.tasks.ocr.charset import BETWEEN, DIGITS, Charset
from pipeline.tasks.ocr.data.fitted import FittedTexts, pad
from pipeline.tasks.ocr.drawing.fonts import Font, find_fonts
from pipeline.tasks.ocr.drawing.render import Synthetic
from pipeline.tasks.ocr.drawing.workers import PicturePool

LINE_INPUT = InputSpec(
    height=32, width=64, colour="gray", resize="letterbox", mean=(0.5,), std=(0.25,)
)


@pytest.fixture(scope="session")
def font_folder() -> Path:
    """The fonts that matplotlib brings: the same on every machine with the same version."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@pytest.fixture(scope="session")
def fonts(font_folder: Path) -> tuple[Font, ...]:
    """Those of them that have the letters and digits."""
    return find_fonts("AZaz09", font_folder)


@pytest.fixture(scope="session")
def synthetic(fonts: tuple[Font, ...]) -> Callable[..., Synthetic]:
    """Describes synthetic pictures: meters, unless something else is said."""

    def make(**changes: Any) -> Synthetic:
        values: dict[str, Any] = {
            "kind": "meter",
            "charset": Charset(DIGITS + ".-" + BETWEEN),
            "fonts": fonts,
            "steps": 32,
            "seed": 1,
        }
        return Synthetic(**(values | changes))

    return make


@pytest.fixture(scope="session")
def digits_charset() -> Charset:
    """Ten digits."""
    return Charset(DIGITS)


@pytest.fixture(scope="session")
def readings(
    synthetic: Callable[..., Synthetic], digits_charset: Charset
) -> Callable[..., FittedTexts]:
    """Makes `count` fitted pictures of counters: `readings(count, seed)`."""

    def make(count: int, seed: int = 7) -> FittedTexts:
        spec = synthetic(
            kind="wheels", charset=digits_charset, steps=16, seed=seed, strength=0.2, empty=0.0
        )
        made = next(PicturePool(spec, LINE_INPUT).batches([range(count)]))
        return FittedTexts(made.pixels, pad(made.texts, digits_charset, 16, made.texts), made.texts)

    return make


@pytest.fixture(scope="session")
def reader(digits_charset: Charset) -> Callable[..., Checkpoint]:
    """Makes an untrained reader of digits, a quarter as wide as the whole one."""

    def make(width: float = 0.25, seed: int = 0) -> Checkpoint:
        classes = digits_charset.outputs
        spec = ModelSpec(arch="ctc_small", classes=classes, input=LINE_INPUT, width=width)
        return fresh(spec, seed)

    return make


@pytest.fixture
def text_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of pictures with a table: `text_folder({name: text}, table=...)`."""

    def make(lines: dict[str, str], table: str = "labels.tsv", folder: Path | None = None) -> Path:
        folder = folder or tmp_path / "texts"
        for number, name in enumerate(lines):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng([number, len(table)])
            cv2.imwrite(str(path), noise.integers(0, 256, (8, 20), np.uint8))
        rows = "".join(f"{name}\t{text}\n" for name, text in lines.items())
        (folder / table).write_text(rows, "utf-8")
        return folder

    return make
