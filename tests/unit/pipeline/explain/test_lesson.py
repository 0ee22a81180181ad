"""The page of one image: what stands on it, and what cannot be explained."""

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.pages import Page

from edge_agent.bundle.archive import Bundle, open_bundle
from pipeline.common.errors import DataError, RunError
from pipeline.explain.lesson import Lesson, lesson, open_target, read_picture
from pipeline.explain.page import render


@pytest.fixture(name="bundle", scope="module")
def _bundle(built: Path) -> Bundle:
    return open_target(built)


@pytest.fixture(name="digit", scope="module")
def _digit(bundle: Bundle) -> Lesson:
    """The bundle's first golden frame, explained."""
    return lesson(bundle, read_picture(None, bundle))


def test_a_run_is_explained_by_the_bundle_that_ships(built: Path, built_copy: Path) -> None:
    """Of one that was not verified by its candidate; before there is one there is an error."""
    assert open_target(built).manifest.verified
    shutil.rmtree(built_copy / "verify")
    assert not open_target(built_copy).manifest.verified
    shutil.rmtree(built_copy / "export")
    with pytest.raises(RunError, match="expected a run with an int8 network, found none"):
        open_target(built_copy)
    verified = next((built / "verify").glob("*.edgeward"))
    assert open_target(verified).id == open_bundle(verified).id


def test_the_picture_goes_through_every_step(digit: Lesson) -> None:
    """From the golden frame to the answer that it has to have, and as the device computes it."""
    assert digit.proven
    assert [step.number for step in digit.steps] == list(range(1, len(digit.steps) + 1))
    assert digit.steps[0].operator.name == "CONV_2D"
    best = int(digit.steps[-1].output.q.argmax())
    assert digit.answer.answer == digit.labels[best]
    differing, quanta = digit.differ
    assert differing <= digit.outputs == 10
    assert quanta <= 1


def test_the_page_says_what_happens(digit: Lesson) -> None:
    """Each layer once, its shapes and scale, and one value worked out."""
    page = Page(render(digit, "2026-12-01 10:00 UTC"))
    for part in (
        "tiny, step by step", "its first golden frame", "real = scale \u00d7 (q \u2212 zero point)",
        "Convolution 3\u00d73", "One value worked out: row", "Add the bias", "Dense layer",
        f"{len(digit.steps)} steps",
    ):  # fmt: skip
        assert part in page.text
    articles = [a["id"] for tag, a in page.tags if tag == "article"]
    assert articles == [f"step-{step.number}" for step in digit.steps]
    # What an operator does is said once.
    assert page.text.count("A small window slides over the maps") == 1


def test_the_page_stands_alone(digit: Lesson) -> None:
    """One file: pictures are in it, and its script is the one its policy allows."""
    html = render(digit, "now")
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "default-src 'none'" in html
    assert html.count("<script>") == 1


def test_a_picture_of_ones_own_is_read_as_predict_reads_it(bundle: Bundle, tmp_path: Path) -> None:
    """Colour order and size are the network's; what cannot be read is one error."""
    path = tmp_path / "mine.png"
    cv2.imwrite(str(path), np.full((40, 30, 3), (255, 0, 0), np.uint8))
    found = lesson(bundle, read_picture(path, bundle))
    assert found.picture == "mine.png"
    assert found.image[0, 0].tolist() == [0, 0, 255]
    assert found.fitted.shape == (8, 8, 1)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="expected a picture, found none that can be read"):
        read_picture(tmp_path / "broken.png", bundle)
    with pytest.raises(DataError, match=r"gone\.png"):
        read_picture(tmp_path / "gone.png", bundle)


def test_a_reader_of_text_is_explained_too(stripes_bundle: Bundle) -> None:
    """Its outputs are no classes: its page has no bars with names."""
    found = lesson(stripes_bundle, read_picture(None, stripes_bundle))
    assert found.labels == ()
    assert "step by step" in Page(render(found, "now")).text
