"""The gates before the network: must fire on what shows nothing, and not on what is legible."""

import cv2
import numpy as np
import pytest

from edge_agent.bundle.preprocess import to_grey
from edge_agent.common.arrays import F64, U8
from edge_agent.tasks.ocr.picture.quality import quality

H, W = 60, 300


def picture(grey: F64) -> U8:
    return np.asarray(grey.clip(0, 255).astype(np.uint8))


def noise(sigma: float) -> F64:
    return np.random.default_rng(0).normal(0, sigma, (H, W))


def written(text: str, paper: int = 200, ink: int = 30, size: float = 1.4) -> F64:
    page = np.full((H, W), paper, np.uint8)
    cv2.putText(page, text, (10, 45), cv2.FONT_HERSHEY_SIMPLEX, size, (ink,), 3)
    return page.astype(np.float64)


@pytest.mark.parametrize(
    ("grey", "what"),
    [
        (np.full((H, W), 150.0), "blank"),
        (150 + noise(5), "blank"),
        (150 + noise(20), "blank"),
        (np.zeros((H, W)), "dark"),
        (10 + noise(6), "dark"),
        (10 + noise(20), "dark"),
        (np.tile(np.linspace(40, 220, W), (H, 1)), "blurred"),
        (np.tile(np.linspace(40, 220, H)[:, None], (1, W)) + noise(3), "blurred"),
        (cv2.GaussianBlur(written("Total 12.50"), (0, 0), 12), "blurred"),
    ],
    ids=[
        "wall",
        "grainy wall",
        "noisy wall",
        "black",
        "night",
        "noisy night",
        "light along a wall",
        "light down a wall",
        "out of focus",
    ],
)
def test_what_shows_nothing_is_refused(grey: F64, what: str) -> None:
    """Must fire: the network is not asked, so it cannot make anything up."""
    assert quality(picture(grey)).problem().startswith(f"{what}: expected a ")


@pytest.mark.parametrize(
    "grey",
    [
        written("Total 12.50"),
        written("Total 12.50") + noise(12),
        cv2.GaussianBlur(written("Total 12.50"), (0, 0), 4),
        written("Total", paper=150, ink=108),
        written("88888", paper=20, ink=160),
        written("1"),
        written(".", size=1.0),
        written("MWMW#@8888888", size=1.1) + noise(5),
    ],
    ids=["print", "noisy", "soft", "faint", "display", "one digit", "a point", "dense"],
)
def test_what_is_legible_passes(grey: F64) -> None:
    """Must not fire."""
    assert quality(picture(grey)).problem() == ""


def test_the_figures_do_not_depend_on_the_size() -> None:
    """A crop twice as large is as sharp and as rich in contrast."""
    small = picture(written("Total 12.50"))
    large = np.asarray(cv2.resize(small, (2 * W, 2 * H), interpolation=cv2.INTER_CUBIC), np.uint8)
    one, two = quality(small), quality(large)
    assert two.contrast == pytest.approx(one.contrast, rel=0.05)
    assert two.sharpness == pytest.approx(one.sharpness, rel=0.15)


def test_the_message_says_what_was_expected_and_found() -> None:
    """So that a log tells how near it was."""
    assert quality(picture(150 + noise(5))).problem() == (
        "blank: expected a contrast of 24 or more, found 5"
    )


def test_grey_is_made_of_either_order_of_channels() -> None:
    """Red is darker than green, whichever comes first."""
    red = np.zeros((2, 2, 3), np.uint8)
    red[:, :, 0] = 255
    assert to_grey(red, "rgb")[0, 0] == 76
    assert to_grey(red, "bgr")[0, 0] == 29
    assert to_grey(red[:, :, 0], "rgb")[0, 0] == 255
