"""Photographs in front of a camera that is to read a display: nothing may be accepted."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import sklearn.datasets
from support.lookers import look_at, text_looker
from support.stripes import stripes, write_stripes

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.sources.base import bgr_frame
from edge_agent.tasks.ocr.answer import Page, Reading
from edge_agent.tasks.ocr.look import TextLooker
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

PHOTOS = Path(sklearn.datasets.__file__).parent / "images"
DISPLAY = "[0-3]{4}"


@pytest.fixture(name="strict", scope="module")
def _strict(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny text bundle with the threshold of one that is to be trusted."""
    path = tmp_path_factory.mktemp("bundles") / "strict"
    write_stripes(path, min_confidence=0.99)
    return open_bundle(path)


def reader(network: TfliteRecognizer, region: TextRegion) -> TextLooker:
    return text_looker(network, region)


@pytest.mark.parametrize("photo", ["china.jpg", "flower.jpg"])
def test_photographs_give_no_accepted_text(strict: Bundle, photo: str) -> None:
    """Must not fire: two hundred crops of each as a display of four digits, and as a page.

    The tiny network knows nothing but grey levels, so this is about patterns, probabilities
    and thresholds; what a trained network makes of photographs is measured where it is built.
    """
    image = np.asarray(cv2.imread(str(PHOTOS / photo)), np.uint8)
    rng = np.random.default_rng(0)
    with TfliteRecognizer(strict) as network:
        for number in range(200):
            h = int(rng.integers(16, 80))
            x, y = int(rng.integers(0, 640 - 4 * h)), int(rng.integers(0, 427 - h))
            region = TextRegion(name="a", rect=Region(x=x, y=y, w=4 * h, h=h), pattern=DISPLAY)
            (seen,) = look_at(reader(network, region), bgr_frame(image, number))
            assert isinstance(seen.answer, Reading)
            assert seen.answer.state != "accepted"
        whole = Region(x=0, y=0, w=640, h=427)
        page = TextRegion(name="p", rect=whole, page=True, pattern=DISPLAY)
        (seen,) = look_at(reader(network, page), bgr_frame(image, 0))
    assert isinstance(seen.answer, Page)
    assert [line for line in seen.answer.lines if line.state == "accepted"] == []


def test_a_display_in_the_photograph_is_accepted(strict: Bundle) -> None:
    """Must fire: the same threshold and pattern, where there is something to read."""
    image = np.asarray(cv2.imread(str(PHOTOS / "china.jpg")), np.uint8)
    image[100:132, 200:328] = stripes("0123", scale=2)[:, :, np.newaxis]
    region = TextRegion(name="a", rect=Region(x=200, y=100, w=128, h=32), pattern=DISPLAY)
    with TfliteRecognizer(strict) as network:
        (seen,) = look_at(reader(network, region), bgr_frame(image, 0))
    assert isinstance(seen.answer, Reading)
    assert (seen.answer.state, seen.answer.text) == ("accepted", "0123")
