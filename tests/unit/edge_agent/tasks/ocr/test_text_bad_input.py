"""What a camera shows that nobody meant: rejected with a reason, never a made-up reading."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import write_config
from support.brokers import free_port
from support.lookers import look_at, text_looker
from support.stripes import HEIGHT, STRIPE, WIDTH, stripes

from edge_agent.bundle.archive import Bundle
from edge_agent.cli import main
from edge_agent.common.arrays import U8
from edge_agent.common.exit_codes import ExitCode
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.sources.base import bgr_frame
from edge_agent.tasks.ocr.answer import Page, Reading
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

HIGH, WIDE = 240, 320


@pytest.fixture(name="network", scope="module")
def _network(stripes_bundle: Bundle) -> Iterator[TfliteRecognizer]:
    with TfliteRecognizer(stripes_bundle) as recognize:
        yield recognize


def read(network: TfliteRecognizer, image: U8, region: TextRegion) -> Reading | Page:
    """What `region` of a grey `image` says."""
    reader = text_looker(network, region)
    colour = np.repeat(image[:, :, np.newaxis], 3, axis=2)
    answer = look_at(reader, bgr_frame(colour, 0))[0].answer
    assert isinstance(answer, Reading | Page)
    return answer


def stripes_of(width: int) -> U8:
    """A frame of black and white bars, each `width` pixels wide."""
    row = np.where(np.arange(WIDE) // width % 2, 255, 0).astype(np.uint8)
    return np.tile(row, (HIGH, 1))


FRAMES = {
    "white": np.full((HIGH, WIDE), 255, np.uint8),
    "black": np.zeros((HIGH, WIDE), np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (HIGH, WIDE), np.uint8),
    "bars": stripes_of(7),
}


@pytest.mark.parametrize("picture", FRAMES)
@pytest.mark.parametrize("page", [False, True])
@pytest.mark.parametrize(
    ("width", "height"), [(4, 4), (4, HIGH), (30, 4), (WIDE, HIGH), (WIDE, 45)]
)
def test_regions_of_every_shape_are_answered(
    network: TfliteRecognizer, picture: str, page: bool, width: int, height: int
) -> None:
    """The smallest and the narrowest that may be configured: an answer or a reason, no crash."""
    region = TextRegion(name="a", rect=Region(x=0, y=0, w=width, h=height), page=page)
    answer = read(network, FRAMES[picture], region)
    if isinstance(answer, Page):
        assert bool(answer.why) == (not answer.lines)
        return
    assert bool(answer.why) == (answer.state != "accepted")
    if picture in ("white", "black"):
        assert (answer.state, answer.text) == ("rejected", "")


def test_a_text_longer_than_the_model_is_wide_is_not_accepted(network: TfliteRecognizer) -> None:
    """Must not fire: twice as many characters as steps allow, squeezed into the region."""
    rng = np.random.default_rng(1)
    believed = []
    for _ in range(20):
        texts = ["".join(rng.choice(list("0123"), 8)) for _ in range(3)]
        line = np.concatenate([stripes(text) for text in texts], axis=1)  # (16, 192)
        assert line.shape == (HEIGHT, 3 * WIDTH)
        image = np.full((HIGH, WIDE), 255, np.uint8)
        # As wide as may be configured: the model sees three characters in the place of one.
        image[:HEIGHT, : 2 * WIDTH] = cv2.resize(
            line, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_AREA
        )
        region = TextRegion(name="a", rect=Region(x=0, y=0, w=2 * WIDTH, h=HEIGHT))
        answer = read(network, image, region)
        assert isinstance(answer, Reading)
        believed += [answer.text] if answer.state == "accepted" else []
    assert believed == []


def test_half_of_a_display_is_no_value(network: TfliteRecognizer) -> None:
    """A camera that was pushed: what is left of the digits is not the meter's number."""
    image = np.full((HIGH, WIDE), 255, np.uint8)
    image[:HEIGHT, :WIDTH] = stripes("0123")
    image[:, : 4 * STRIPE] = 255  # the first two digits are out of sight
    rules = MeterRules(digits=4, confirm=1, confirm_jump=1)
    rect = Region(x=0, y=0, w=WIDTH, h=HEIGHT)
    answer = read(network, image, TextRegion(name="a", rect=rect, meter=rules))
    assert isinstance(answer, Reading)
    assert (answer.state, answer.text, answer.value) == ("rejected", "23", None)
    assert answer.why == "expected 4 digits, found '23'"


def test_an_unreadable_picture_is_named_by_check(
    tmp_path: Path, stripes_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cut-off file is no frame."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    region = """
task = "ocr"
regions = [{ name = "a", rect = { x = 0, y = 0, w = 64, h = 16 } }]
"""
    source = f'{{ kind = "images", path = "{tmp_path}/images" }}'
    url = f"mqtt://127.0.0.1:{free_port()}"
    config = write_config(tmp_path, url, stripes_path, source, stream=region)
    assert main(["check", "--config", str(config)]) == ExitCode.SOURCE
    assert (
        f"failed  source of front: {tmp_path}/images: expected an image, found none that OpenCV "
        "can read; mend its path"
    ) in capsys.readouterr().out.splitlines()
