"""Reading regions: right texts where there are some, and reasons where there are none."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from support.lookers import look_at, text_looker
from support.stripes import stripes, write_stripes

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.common.arrays import U8
from edge_agent.common.errors import BundleError, ConfigError, TaskError
from edge_agent.contract.messages import BundleRef
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.sources.base import Frame, bgr_frame
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.ocr.answer import Page, Reading
from edge_agent.tasks.ocr.crops import CropRecord
from edge_agent.tasks.ocr.look import TextLooker
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region
from edge_agent.tasks.registry import open_looker
from edge_agent.tasks.task import Opening, Origin

AT = Region(x=60, y=40, w=128, h=32)


@pytest.fixture(name="network", scope="module")
def _network(stripes_bundle: Bundle) -> Iterator[TfliteRecognizer]:
    with TfliteRecognizer(stripes_bundle) as recognize:
        yield recognize


def frame(text: str, seq: int = 0) -> Frame:
    """A white 320x240 frame with `text` at `AT`."""
    return shown(stripes(text, scale=2), seq)


def shown(grey: U8, seq: int = 0) -> Frame:
    image = np.full((240, 320), 255, np.uint8)
    image[AT.y : AT.y + AT.h, AT.x : AT.x + AT.w] = grey
    return coloured(image, seq)


def coloured(grey: U8, seq: int = 0) -> Frame:
    return bgr_frame(np.repeat(grey[:, :, np.newaxis], 3, axis=2), seq)


def reader(network: TfliteRecognizer, *regions: TextRegion) -> TextLooker:
    return text_looker(network, *(regions or (TextRegion(name="a", rect=AT),)))


def read(network: TfliteRecognizer, given: Frame, **fields: Any) -> Reading:
    region = msgspec.structs.replace(TextRegion(name="a", rect=AT), **fields)
    (seen,) = look_at(reader(network, region), given)
    assert isinstance(seen.answer, Reading)
    return seen.answer


def test_a_region_is_read(network: TfliteRecognizer) -> None:
    """Text, confidence of it and of every character, box, and no doubt to be labelled."""
    (seen,) = look_at(reader(network), frame("23.1"))
    reading = seen.answer
    assert isinstance(reading, Reading)
    assert (reading.state, reading.why, reading.text) == ("accepted", "", "23.1")
    assert reading.confidence > 0.98
    assert [c.character for c in reading.characters] == list("23.1")
    assert min(c.confidence for c in reading.characters) > 0.99
    assert reading.box == ((60, 40), (188, 40), (188, 72), (60, 72))
    assert (reading.value, reading.unit) == (None, "")
    assert seen.doubts == ()


def test_a_region_seen_from_the_side_is_read(network: TfliteRecognizer) -> None:
    """Straightened before the network sees it."""
    picture = stripes("0123", scale=3)
    height, width = picture.shape
    corners = ((40.0, 60.0), (230.0, 40.0), (240.0, 110.0), (50.0, 100.0))
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(upright, np.array(corners, np.float32))
    image = cv2.warpPerspective(picture, matrix, (320, 240), borderValue=(255,))
    seen_aside = bgr_frame(np.repeat(np.asarray(image)[:, :, np.newaxis], 3, axis=2), 0)
    reading = read(network, seen_aside, rect=None, corners=corners)
    assert reading.text == "0123"


def test_every_region_is_read_in_order(network: TfliteRecognizer) -> None:
    """One answer each, by name."""
    regions = tuple(TextRegion(name=name, rect=AT) for name in ("one", "two"))
    answers = [seen.answer for seen in look_at(reader(network, *regions), frame("1"))]
    assert [answer.key for answer in answers] == ["one", "two"]


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (np.full((32, 128), 255, np.uint8), "blank: expected a contrast"),
        (np.full((32, 128), 3, np.uint8), "dark: expected a contrast"),
        (np.tile(np.linspace(80, 250, 128).astype(np.uint8), (32, 1)), "blurred: expected a sh"),
    ],
    ids=["blank wall", "night frame", "light along a wall"],
)
def test_where_nothing_is_to_be_read_the_reason_is_said(
    network: TfliteRecognizer, picture: U8, why: str
) -> None:
    """Must not fire, under a pattern either: no text, no confidence, and the crop is kept."""
    for pattern in (None, "[0-3]+"):
        region = TextRegion(name="a", rect=AT, pattern=pattern)
        (seen,) = look_at(reader(network, region), shown(picture))
        assert isinstance(seen.answer, Reading)
        assert seen.answer.state == "rejected"
        assert seen.answer.why.startswith(why)
        assert (seen.answer.text, seen.answer.confidence) == ("", 0.0)
        assert len(seen.doubts) == 1


def test_a_line_in_which_the_network_sees_nothing_is_no_text(network: TfliteRecognizer) -> None:
    """Must not fire: a hairline has contrast and edges, but no character."""
    picture = np.full((32, 128), 255, np.uint8)
    picture[0, :] = 0
    reading = read(network, shown(picture))
    assert (reading.state, reading.why, reading.text) == ("rejected", "no text", "")


def test_a_doubtful_reading_is_held_with_its_crop(network: TfliteRecognizer) -> None:
    """A level between two characters: what it would be, how sure, and the threshold."""
    picture = stripes("12", scale=2)
    picture[picture == 48] = 72  # between 1 and 2
    (seen,) = look_at(reader(network), shown(picture))
    reading = seen.answer
    assert isinstance(reading, Reading)
    assert reading.state == "held"
    assert reading.why == f"not sure: {reading.confidence:.3f} of 0.900"
    assert reading.text in ("12", "22", "2")
    (doubt,) = seen.doubts
    assert doubt.image.shape == (32, 128, 3)
    origin = Origin("gate", "s", datetime.now(UTC), True, BundleRef(name="n", id="i"))
    record = doubt.record(origin)
    assert isinstance(record, CropRecord)
    assert (record.stream, record.region, record.text) == ("s", "a", reading.text)
    assert (record.state, record.why, record.box) == ("held", reading.why, reading.box)


def test_a_pattern_that_does_not_fit_rejects(network: TfliteRecognizer) -> None:
    """Must not fire: sure of another text, it is not bent into what was expected."""
    reading = read(network, frame("12"), pattern=r"[0-3]\.[0-3]{3}")
    assert reading.state in ("rejected", "held")
    assert reading.confidence < 0.01
    assert read(network, frame("3.11"), pattern=r"[0-3]\.[0-3]{2}").state == "accepted"


def test_words_are_read(network: TfliteRecognizer) -> None:
    """Must fire on one of them and not on another text."""
    assert read(network, frame("12"), words=("12", "21")).state == "accepted"
    assert read(network, frame("13"), words=("12", "21")).state != "accepted"


def test_a_meter_publishes_what_is_confirmed(network: TfliteRecognizer) -> None:
    """Held until three readings agree; the value is the last confirmed one, in its unit."""
    rules = MeterRules(digits=4, decimals=1, unit="kWh", max_per_hour=3600, confirm_jump=3)
    region = TextRegion(name="a", rect=AT, meter=rules)
    meter = reader(network, region)
    texts = ["0120"] * 3 + ["0121"] * 3 + ["3121", "0121"]
    given = [replace(frame(t, n), monotonic_s=float(n)) for n, t in enumerate(texts)]
    answers = [look_at(meter, f)[0].answer for f in given]
    readings = [answer for answer in answers if isinstance(answer, Reading)]
    assert "".join(r.state[0] for r in readings) == "hhahhaha"
    assert [r.value for r in readings] == [None, None, 12.0, 12.0, 12.0, 12.1, 12.1, 12.1]
    assert {r.unit for r in readings} == {"kWh"}
    assert readings[6].text == "3121"


def test_an_unsure_reading_does_not_move_the_meter(network: TfliteRecognizer) -> None:
    """Must not fire: only what the network is sure of counts."""
    rules = MeterRules(confirm=1, confirm_jump=1)
    region = TextRegion(name="a", rect=AT, meter=rules)
    picture = stripes("12", scale=2)
    picture[picture == 48] = 72
    (seen,) = look_at(reader(network, region), shown(picture))
    assert isinstance(seen.answer, Reading)
    assert (seen.answer.state, seen.answer.value) == ("held", None)


def test_a_page_is_read_line_by_line(network: TfliteRecognizer) -> None:
    """Two blocks of stripes, the lower one first on the left: rows from the top."""
    image = np.full((240, 320), 255, np.uint8)
    image[150:182, 20:148] = stripes("3210", scale=2)
    image[40:72, 60:188] = stripes("0123", scale=2)
    region = TextRegion(name="p", rect=Region(x=10, y=10, w=300, h=200), page=True)
    (seen,) = look_at(
        reader(network, region), bgr_frame(np.repeat(image[:, :, np.newaxis], 3, axis=2), 0)
    )
    page = seen.answer
    assert isinstance(page, Page)
    assert page.why == ""
    (first, second) = page.lines
    for line, x, y in ((first, 60, 40), (second, 20, 150)):
        (left, top), _, (right, bottom), _ = line.box
        assert left <= x < right
        assert top <= y < y + 31 <= bottom


def test_boxes_of_a_turned_page_are_where_its_lines_are(network: TfliteRecognizer) -> None:
    """Four lines of writing, turned by 6 degrees: so are the boxes."""
    image = np.full((240, 320), 255, np.uint8)
    for row in range(4):
        place = (40, 60 + 40 * row)
        cv2.putText(image, "MILK 1.20 A", place, cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0,), 2)
    turn = cv2.getRotationMatrix2D((160, 120), -6, 1)
    turned = np.asarray(cv2.warpAffine(image, turn, (320, 240), borderValue=(255,)))
    region = TextRegion(name="p", rect=Region(x=5, y=5, w=310, h=230), page=True)
    (seen,) = look_at(
        reader(network, region), bgr_frame(np.repeat(turned[:, :, np.newaxis], 3, axis=2), 0)
    )
    assert isinstance(seen.answer, Page)
    boxes = [np.array(line.box) for line in seen.answer.lines]
    assert len(boxes) >= 2  # the tiny network takes some writing for stripes
    slopes = [np.degrees(np.arctan2(*(box[1] - box[0])[::-1])) for box in boxes]
    assert slopes == pytest.approx([6.0] * len(boxes), abs=1.0)


def test_an_empty_page_says_so(network: TfliteRecognizer) -> None:
    """Must not fire."""
    region = TextRegion(name="p", rect=Region(x=0, y=0, w=320, h=240), page=True)
    (seen,) = look_at(reader(network, region), shown(np.full((32, 128), 255, np.uint8)))
    assert seen.answer == Page(region="p", lines=(), why="no lines of text")


def test_a_picture_that_stands_still_is_rejected(network: TfliteRecognizer) -> None:
    """After so long without a changed bit; a change begins anew."""
    still = reader(network, TextRegion(name="a", rect=AT, frozen_after_s=60))
    given = [("12", 0.0), ("12", 59.0), ("12", 61.0), ("21", 62.0), ("21", 130.0)]
    answers = [look_at(still, replace(frame(text), monotonic_s=at))[0].answer for text, at in given]
    readings = [answer for answer in answers if isinstance(answer, Reading)]
    assert "".join(r.state[0] for r in readings) == "aarar"
    assert readings[2].why == "frozen: expected a change within 60 s, found none for 61 s"


def test_a_region_outside_the_frame_is_refused(network: TfliteRecognizer) -> None:
    """At the first frame, by name."""
    region = TextRegion(name="a", rect=Region(x=300, y=0, w=64, h=16))
    with pytest.raises(ConfigError, match="stream 's', region 'a': expected a region inside the"):
        look_at(reader(network, region), frame("1"))


def test_a_pattern_that_cannot_match_is_refused_at_the_start(network: TfliteRecognizer) -> None:
    """The model has no letters."""
    with pytest.raises(ConfigError, match=r"region 'a': pattern '\[A-Z\]' cannot match"):
        reader(network, TextRegion(name="a", rect=AT, pattern="[A-Z]"))


def test_a_line_too_long_for_the_model_is_refused_at_the_start(network: TfliteRecognizer) -> None:
    """Instead of being squeezed into something else."""
    with pytest.raises(ConfigError, match=r"expected at most 8\.0 times as wide as high"):
        reader(network, TextRegion(name="a", rect=Region(x=0, y=0, w=170, h=20)))


@pytest.mark.parametrize(("task", "other"), [("ocr", "classify"), ("classify", "ocr")])
def test_a_bundle_for_another_task_is_refused(
    bright_bundle: Bundle, network: TfliteRecognizer, task: str, other: str
) -> None:
    """Both are named, and the stream."""
    bundle = bright_bundle if task == "ocr" else network.bundle
    text = TextOptions(regions=(TextRegion(name="a", rect=AT),))
    options = text if task == "ocr" else ClassifyOptions()
    opening = Opening("s", bundle.manifest.output, bundle.manifest.input, options, network)
    with pytest.raises(TaskError) as caught:
        open_looker(opening, None, "b.edgeward")
    assert str(caught.value) == (
        f"b.edgeward: expected a bundle for the task {task}, as stream 's' says, "
        f"found one for {other}"
    )


def test_golden_frames_of_a_text_bundle_are_replayed(
    tmp_path: Path, stripes_bundle: Bundle
) -> None:
    """A stored output that decodes to another text is refused, both texts named."""
    with TfliteRecognizer(stripes_bundle) as recognize:
        assert recognize.golden_quanta <= 1
        texts = [recognize(frame.image).brief() for frame in stripes_bundle.golden]
        assert texts == ["012", "3.11"]
    picture = stripes("12")
    picture[picture == 48] = 66  # between 1 and 2: a few quanta decide
    with TfliteRecognizer(stripes_bundle) as recognize:
        (scores,) = recognize.scores(recognize.prepare(picture))
    affine = stripes_bundle.manifest.outputs[0].affine
    assert affine is not None
    raw = affine.quantize(scores).reshape(16, 6)
    first, second = np.argsort(-raw[0].astype(int))[:2]
    assert 0 < int(raw[0, first]) - int(raw[0, second]) < 32
    tipped = raw.copy()
    tipped[0, [first, second]] = raw[0, [second, first]]
    wide = msgspec.structs.replace(stripes_bundle.manifest.golden, tolerance_quanta=32, frames=1)
    manifest = msgspec.structs.replace(stripes_bundle.manifest, golden=wide)
    golden = (GoldenFrame(picture, (tipped[np.newaxis],)),)
    with pytest.raises(BundleError, match=r"golden frame 0 on .*: expected '\d+', found '\d+'$"):
        TfliteRecognizer(replace(stripes_bundle, manifest=manifest, golden=golden))


def test_another_number_of_steps_than_the_models_is_refused(tmp_path: Path) -> None:
    """The manifest's T and K are compared with the interpreter's own."""
    write_stripes(tmp_path / "b")
    bundle = open_bundle(tmp_path / "b")
    output = msgspec.structs.replace(bundle.manifest.output, steps=15)
    (port,) = bundle.manifest.outputs
    ports = (msgspec.structs.replace(port, shape=output.shape),)
    manifest = msgspec.structs.replace(bundle.manifest, output=output, outputs=ports)
    wrong = replace(bundle, manifest=manifest)
    with pytest.raises(
        BundleError, match=r"disagree on the output 'scores': .*\(1, 15, 6\).*\(1, 16, 6\)"
    ):
        TfliteRecognizer(wrong)
