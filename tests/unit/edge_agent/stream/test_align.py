"""Aligning to a reference: small shifts are mended, and what cannot be told is not believed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.drawn_dials import alternating, draw_dials, positions_of
from support.lookers import look_at
from support.stripes import stripes

from edge_agent.bundle.archive import Bundle
from edge_agent.check import look
from edge_agent.common.arrays import U8
from edge_agent.common.errors import ConfigError, SourceError
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.service.plan import stream_looker
from edge_agent.sources.base import Frame, bgr_frame
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.align import Align, Aligner
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.view import View, moved_back
from edge_agent.tasks.ocr.answer import Page, Reading
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

WIDTH, HEIGHT, MARGIN = 640, 480, 40
AT = Region(x=240, y=300, w=128, h=32)


def scene(seed: int = 1, text: str = "0123", dials: int = 40_715) -> U8:
    """A meter on a wall of things, larger than the frame, so that it can be looked at aside."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN, 3), 200, np.uint8)
    for _ in range(40):
        x, y = int(rng.integers(0, WIDTH + 60)), int(rng.integers(0, HEIGHT + 60))
        end = (x + int(rng.integers(8, 90)), y + int(rng.integers(8, 60)))
        cv2.rectangle(image, (x, y), end, rng.integers(0, 255, 3).tolist(), -1)
    row = draw_dials(positions_of(dials, 5), alternating(5))
    aside = 0 if seed == 1 else 60
    image[200 - aside : 200 - aside + row.shape[0], 110 : 110 + row.shape[1]] = row
    y, x = AT.y + MARGIN + aside, AT.x + MARGIN - aside
    image[y - 8 : y + 40, x - 8 : x + 136] = 255
    image[y : y + 32, x : x + 128] = stripes(text, scale=2)[:, :, np.newaxis]
    return image


def seen(image: U8, right: float = 0, down: float = 0) -> U8:
    """What a camera sees of it in which everything is so far right and down."""
    matrix = np.array([[1, 0, right - MARGIN], [0, 1, down - MARGIN]], np.float64)
    return np.asarray(cv2.warpAffine(image, matrix, (WIDTH, HEIGHT)), np.uint8)


@pytest.fixture(name="config", scope="module")
def _config(tmp_path_factory: pytest.TempPathFactory) -> Align:
    file = tmp_path_factory.mktemp("align") / "reference.png"
    cv2.imwrite(str(file), seen(scene()))
    return Align(reference=file)


@pytest.fixture(name="aligner", scope="module")
def _aligner(config: Align) -> Aligner:
    return Aligner(config)


def noisy(image: U8, light: float, noise: float) -> U8:
    rng = np.random.default_rng(2)
    return np.clip(image * light + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shift", [(0, 0), (7, -4), (-19.5, 11.25), (0.5, 0.5), (31, 23)])
@pytest.mark.parametrize(("light", "noise"), [(1.0, 0.0), (0.3, 4.0), (1.6, 8.0)])
def test_a_shift_is_found_in_any_light(
    aligner: Aligner, shift: tuple[float, float], light: float, noise: float
) -> None:
    """Must fire: to a third of a pixel, with other digits on the meter and every hand moved."""
    moved = noisy(seen(scene(text="3210", dials=92_381), *shift), light, noise)
    found = aligner(moved, "bgr")
    assert found.problem == ""
    assert (found.x, found.y) == pytest.approx(shift, abs=0.35)


def periodic() -> U8:
    return np.tile(np.kron([[40, 210], [210, 40]], np.ones((10, 10))), (24, 32)).astype(np.uint8)


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (seen(scene(seed=9)), "expected "),
        (np.full((HEIGHT, WIDTH, 3), 120, np.uint8), "expected something to go by, found a tex"),
        (noisy(np.full((HEIGHT, WIDTH, 3), 120, np.uint8), 1, 6), "expected "),
        (seen(scene(), 38, 0), "expected a shift of at most 5%, found 38, 0 pixels"),
        (cv2.resize(seen(scene()), (320, 240)), "expected frames of 640x480, as the reference is"),
        (np.ascontiguousarray(np.rot90(seen(scene()), 2)), "expected "),
    ],
    ids=["another scene", "blank", "noise", "too far", "another size", "upside down"],
)
def test_what_cannot_be_aligned_is_not(aligner: Aligner, image: U8, problem: str) -> None:
    """Must not fire: no shift, and the reason."""
    found = aligner(image, "bgr")
    assert found.problem.startswith(problem)
    assert (found.x, found.y) == (0.0, 0.0)


def test_a_texture_that_repeats_itself_is_not_aligned_to(tmp_path: Path) -> None:
    """Must not fire: a chequered wall fits at every other field."""
    cv2.imwrite(str(tmp_path / "wall.png"), periodic())
    with pytest.raises(ConfigError, match="found one that repeats itself within the shifts"):
        Aligner(Align(reference=tmp_path / "wall.png"))


def test_a_reference_has_to_be_one(tmp_path: Path) -> None:
    """Absent, no picture, or a plain one: refused before anything runs."""
    cv2.imwrite(str(tmp_path / "plain.png"), np.full((60, 80), 99, np.uint8))
    (tmp_path / "text.png").write_text("no picture")
    for name, message in (
        ("none.png", "expected a picture to align to, found none that OpenCV can read"),
        ("text.png", "expected a picture to align to, found none that OpenCV can read"),
        ("plain.png", "expected a picture with something in it to align to, found a plain one"),
    ):
        with pytest.raises(ConfigError) as caught:
            Aligner(Align(reference=tmp_path / name))
        assert str(caught.value) == f"{tmp_path / name}: {message}"


def test_a_frame_is_moved_by_whole_pixels() -> None:
    """Nothing is softened; what was outside repeats the edge."""
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1).repeat(3, axis=2)
    assert moved_back(image, 1, 0)[:, :, 0].tolist() == [
        [1, 2, 3, 3],
        [5, 6, 7, 7],
        [9, 10, 11, 11],
    ]
    assert moved_back(image, 0, -1)[:, :, 0].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7]]
    assert moved_back(image, 0, 0) is image


def test_a_region_that_would_leave_the_frame_is_not_believed(config: Align) -> None:
    """Must not fire: what the camera does not see is not made up from the edge."""
    corners = Region(x=0, y=0, w=100, h=60).corners()
    view = View(align=config, inside=[corners])
    frame = bgr_frame(seen(scene(), -12, 3), 0)
    assert view(frame).doubt == (
        "not aligned: a shift of -12, 3 pixels takes a region out of the frame"
    )
    assert view(replace(frame, image=seen(scene(), 12, 3))).doubt == ""


@pytest.fixture(name="network", scope="module")
def _network(stripes_bundle: Bundle) -> Iterator[TfliteRecognizer]:
    with TfliteRecognizer(stripes_bundle) as recognize:
        yield recognize


def stream_of(config: Align, folder: Path) -> StreamConfig:
    return StreamConfig(
        name="s",
        bundle=Path("b"),
        source=ImagesConfig(path=folder),
        options=TextOptions(
            regions=(TextRegion(name="a", rect=AT), TextRegion(name="p", rect=AT, page=True))
        ),
        align=config,
    )


def read(network: TfliteRecognizer, stream: StreamConfig, frame: Frame) -> Reading:
    reader = stream_looker(stream, network.bundle, network)
    found, page = look_at(reader, stream.view()(frame))
    assert isinstance(found.answer, Reading)
    assert isinstance(page.answer, Page)
    assert page.answer.why == found.answer.why
    assert not found.doubts or not frame.doubt
    return found.answer


def test_a_text_is_read_where_it_was(
    network: TfliteRecognizer, config: Align, tmp_path: Path
) -> None:
    """Must fire: shifted by more than a digit's width, the region reads what it did."""
    stream = stream_of(config, tmp_path)
    for shift in ((0, 0), (26, -15)):
        found = read(network, stream, bgr_frame(seen(scene(), *shift), 0))
        assert (found.text, found.state) == ("0123", "accepted")
        assert found.box == ((240, 300), (368, 300), (368, 332), (240, 332))


def test_nothing_is_read_where_nothing_was_aligned(
    network: TfliteRecognizer, config: Align, tmp_path: Path
) -> None:
    """Must not fire: lines and pages are rejected with the reason, and no crop is kept."""
    stream = stream_of(config, tmp_path)
    found = read(network, stream, bgr_frame(seen(scene(), 38, 0), 0))
    assert (found.state, found.text, found.confidence) == ("rejected", "", 0.0)
    assert found.why == "not aligned: expected a shift of at most 5%, found 38, 0 pixels"


def test_check_says_that_a_camera_looks_elsewhere(config: Align, tmp_path: Path) -> None:
    """As the stream would; and finds nothing wrong with a small shift."""
    file = tmp_path / "frame.png"
    cv2.imwrite(str(file), seen(scene(), 9, 9))
    assert look(stream_of(config, file)) == "a frame of 640x480"
    cv2.imwrite(str(file), seen(scene(seed=9)))
    with pytest.raises(SourceError, match="not aligned: expected "):
        look(stream_of(config, file))
