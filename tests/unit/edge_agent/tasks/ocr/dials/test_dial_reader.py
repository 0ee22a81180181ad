"""Regions of dials: in a row, anywhere, seen from the side, and behind wheels."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.drawn_dials import (
    Style,
    alternating,
    draw_dials,
    positions_of,
    random_style,
    random_wear,
)
from support.lookers import look_at
from support.stripes import stripes

from edge_agent.bundle.archive import Bundle
from edge_agent.common.arrays import U8
from edge_agent.common.errors import ConfigError
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.service.plan import stream_looker
from edge_agent.sources.base import Frame, bgr_frame
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.ocr.answer import Reading, Text
from edge_agent.tasks.ocr.dials.dials import Dials
from edge_agent.tasks.ocr.dials.reader import DialReader
from edge_agent.tasks.ocr.meters.meter import Verdict
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.picture.rectify import rectify
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region
from edge_agent.tasks.task import Looker

WHEELS = Region(x=10, y=10, w=128, h=32)


def row(image: U8, **fields: Any) -> TextRegion:
    """All of `image`, as a region of dials."""
    height, width = image.shape[:2]
    rect = Region(x=0, y=0, w=width, h=height)
    return TextRegion(name="gas", rect=rect, dials=Dials(**fields))


def read(image: U8, region: TextRegion) -> tuple[Text, Verdict]:
    return DialReader(region, "place")(rectify(image, region, "place").image, "bgr")


def test_a_row_of_dials_is_read() -> None:
    """Digits, and of each its hand's position and how sure that is; the least of them is all's."""
    image = draw_dials([4.07154, 0.7154, 7.154, 1.54, 5.4], alternating(5))
    text, verdict = read(image, row(image, count=5))
    assert (text.text, verdict.state, text.sure) == ("40715", "accepted", True)
    positions = [score.position for score in text.characters]
    assert positions == pytest.approx([4.07, 0.72, 7.15, 1.54, 5.4], abs=0.06)
    assert text.confidence == min(score.confidence for score in text.characters)
    assert text.confidence > 0.3


def test_a_column_and_a_single_dial_are_read() -> None:
    """From top to bottom; and one alone in the middle of its region."""
    image = draw_dials([3.0, 0.5], [True, True])
    upright = np.hstack([image[:, :80], image[:, -80:]])
    column = np.vstack([upright[:, :80], upright[:, 80:]])
    text, _ = read(column, row(column, count=2, directions="clockwise"))
    assert text.text == "30"
    text, _ = read(image[:, :80], row(image[:, :80], count=1))
    assert text.text in ("2", "3")  # it stands on the mark


def test_dials_anywhere_are_read_in_their_order() -> None:
    """By their centres in the frame, also where the region is not at its corner."""
    image = np.full((240, 320, 3), 250, np.uint8)
    places = [(200, 160), (90, 80), (240, 60)]
    for (x, y), position in zip(places, [5.825, 8.25, 2.5], strict=True):
        image[y - 40 : y + 40, x - 40 : x + 40] = draw_dials([position], [True])
    dials = Dials(centres=tuple(places), radius=40, directions="clockwise")
    region = TextRegion(name="g", rect=Region(x=30, y=10, w=280, h=210), dials=dials)
    assert read(image, region)[0].text == "582"


def test_dials_seen_from_the_side_are_straightened() -> None:
    """In a row, and by their centres in the frame as it is."""
    flat = draw_dials([2.4685, 4.685, 6.85, 8.5], alternating(4))
    height, width = flat.shape[:2]
    corners = ((40.0, 60.0), (590.0, 30.0), (600.0, 120.0), (50.0, 160.0))
    box = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(box, np.array(corners, np.float32))
    image = np.asarray(cv2.warpPerspective(flat, matrix, (640, 200)), np.uint8)
    centres = [[40 + i * (width - 80) / 3, 40] for i in range(4)]
    there = cv2.perspectiveTransform(np.array([centres], np.float32), matrix)[0]
    placed = Dials(centres=tuple((float(x), float(y)) for x, y in there), radius=49)
    for dials in (Dials(count=4), placed):
        region = TextRegion(name="g", corners=corners, dials=dials)
        text, verdict = read(image, region)
        assert (text.text, verdict) == ("2468", Verdict("accepted"))


def test_the_order_of_colours_does_not_matter() -> None:
    """A red hand on white is read from RGB as from BGR."""
    image = draw_dials([2.5], [True], style=Style(colour=(30, 30, 220)))
    reader = DialReader(row(image, count=1), "place")
    assert reader(image, "bgr") == reader(np.ascontiguousarray(image[..., ::-1]), "rgb")


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (np.full((80, 190, 3), 200, np.uint8), "blank: expected a contrast"),
        (np.full((80, 190, 3), 3, np.uint8), "dark: expected a contrast"),
        (draw_dials([1.0, 5.0], [False, True]), "hands disagree: hand 1 stands at "),
        (
            np.hstack([draw_dials([3.0], [True]), np.full((80, 104, 3), 250, np.uint8)]),
            "hand 2 of 2: ",
        ),
    ],
    ids=["blank", "dark", "hands disagree", "one is missing"],
)
def test_what_cannot_be_read_is_rejected(image: U8, why: str) -> None:
    """Must not fire: no digits, no confidence, and the hand that is to blame by its number."""
    text, verdict = read(image, row(image, count=2))
    assert (text.text, text.confidence, text.characters) == ("", 0.0, ())
    assert verdict.state == "rejected"
    assert verdict.why.startswith(why)


def test_a_hand_that_is_not_sure_enough_is_rejected() -> None:
    """By the threshold of the configuration."""
    image = draw_dials([3.0], [True])
    _, verdict = read(image, row(image, count=1, min_confidence=1.0))
    assert verdict.state == "rejected"
    assert verdict.why.startswith("hand 1 of 1: not sure: 0.")
    assert verdict.why.endswith(" of 1.000")


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        (
            Dials(centres=((50.0, 10.0), (5.0, 10.0)), radius=10.0),
            "place: expected dial 2 inside the region",
        ),
        (
            Dials(centres=((50.0, 10.0),), radius=5.0),
            "place: expected dials with a radius of 9 pixels or more, found 5.0",
        ),
    ],
)
def test_dials_that_cannot_be_read_are_refused_before_anything_runs(
    dials: Dials, message: str
) -> None:
    """Outside their region, or too small."""
    region = TextRegion(name="g", rect=Region(x=20, y=0, w=100, h=20), dials=dials)
    with pytest.raises(ConfigError) as caught:
        DialReader(region, "place")
    assert str(caught.value) == message


def test_drawn_meters_are_read_or_rejected_but_not_misread() -> None:
    """Of fifty of every style and wear, three in four are read, none off by more than one."""
    accepted = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        value = int(rng.integers(10_000))
        positions = positions_of(value, 4)
        style, wear = random_style(rng), random_wear(rng)
        size = int(rng.integers(18, 36))
        image = draw_dials(positions, alternating(4), size, style=style, wear=wear, rng=rng)
        text, verdict = read(image, row(image, count=4))
        if verdict.state == "accepted":
            accepted += 1
            # The last hand stands on its mark: a hair decides.
            assert (int(text.text) - value + 1) % 10_000 <= 2, seed
    assert accepted >= 38


@pytest.mark.data
def test_photographs_of_streets_have_no_dials() -> None:
    """Must not fire: of 300 crops none is a row of four hands."""
    data = os.environ.get("EDGEWARD_DATA")
    if data is None:
        pytest.skip("EDGEWARD_DATA names no data")
    rng = np.random.default_rng(1)
    for image in streets(Path(data) / "penn-fudan" / "penn_fudan.tar.gz", 150):
        for _ in range(2):
            h = int(rng.integers(24, 80))
            y, x = rng.integers(0, image.shape[0] - h), rng.integers(0, image.shape[1] - 4 * h)
            crop = np.ascontiguousarray(image[y : y + h, x : x + 4 * h])
            assert read(crop, row(crop, count=4))[1].state == "rejected"


def streets(path: Path, count: int) -> Iterator[U8]:
    with tarfile.open(path) as archive:
        names = sorted(n for n in archive.getnames() if n.endswith(".png") and "ask" not in n)
        for name in names[:count]:
            member = archive.extractfile(name)
            assert member is not None
            data = np.frombuffer(member.read(), np.uint8)
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
            if image.shape[1] > 4 * 80:
                yield image


@pytest.fixture(name="network", scope="module")
def _network(stripes_bundle: Bundle) -> Iterator[TfliteRecognizer]:
    with TfliteRecognizer(stripes_bundle) as recognize:
        yield recognize


def water(network: TfliteRecognizer) -> Looker:
    """Three wheels of whole ones, and three hands of its tenths to thousandths."""
    hands = TextRegion(
        name="water",
        rect=Region(x=10, y=60, w=264, h=80),
        dials=Dials(count=3, directions="clockwise", wheels="wheels"),
        meter=MeterRules(digits=6, decimals=3, max_per_hour=5),
    )
    stream = StreamConfig(
        name="s",
        bundle=Path("b"),
        source=ImagesConfig(path=Path("p")),
        options=TextOptions(
            regions=(TextRegion(name="wheels", rect=WHEELS, pattern="[0-3]{3}"), hands)
        ),
    )
    return stream_looker(stream, network.bundle, network)


def shown(wheels: str, hands: int, seq: int) -> Frame:
    image = np.full((160, 320, 3), 250, np.uint8)
    image[10:42, 10:138] = stripes(wheels, scale=2)[:, :, np.newaxis]
    image[60:140, 10:274] = draw_dials([*positions_of(hands, 3)[:2], hands % 10 + 0.5], [True] * 3)
    return replace(bgr_frame(image, seq), monotonic_s=600.0 * seq)


def test_wheels_and_hands_are_one_value(network: TfliteRecognizer) -> None:
    """The digits of both, counted as one meter; at a carry a wheel that hangs is not believed."""
    reader = water(network)
    given = [("012", part) for part in [625] * 14 + [985] * 4 + [25] * 4]
    last = [look_at(reader, shown(*each, seq))[1].answer for seq, each in enumerate(given)]
    assert all(isinstance(reading, Reading) for reading in last)
    readings = [reading for reading in last if isinstance(reading, Reading)]
    texts = [reading.text for reading in readings]
    assert texts == ["012625"] * 14 + ["012985"] * 4 + ["013025"] * 4
    assert readings[-1].value == 13.025
    assert [c.position is None for c in readings[0].characters] == [True] * 3 + [False] * 3


def test_hands_without_their_wheels_say_why(network: TfliteRecognizer) -> None:
    """Must not fire: wheels that cannot be read leave no value; nor do those that may turn."""
    reader = water(network)
    answers = [seen.answer for seen in look_at(reader, shown("", 625, 0))]
    assert isinstance(answers[1], Reading)
    assert (answers[1].state, answers[1].text) == ("rejected", "")
    assert answers[1].why.startswith("its wheels: blank")
    answers = [seen.answer for seen in look_at(reader, shown("012", 985, 1))]
    assert isinstance(answers[1], Reading)
    assert (answers[1].state, answers[1].why) == ("held", "its last wheel may be turning")
