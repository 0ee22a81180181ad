"""Regions with text in agent.toml: what is understood, and what is said about mistakes."""

from pathlib import Path
from typing import Any

import pytest
from support.stripes import text_spec

from edge_agent.common.errors import ConfigError
from edge_agent.config import load_config
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion, allowed_texts, check_width
from edge_agent.tasks.places import Region

HEAD = """
[device]
name = "gate"
[outbox]
path = "outbox.db"
[[stream]]
name = "cellar"
task = "ocr"
bundle = "b"
source = { kind = "camera", index = 0 }
"""
RECT = "rect = { x = 1, y = 2, w = 30, h = 10 }"


def load(folder: Path, text: str) -> StreamConfig:
    file = folder / "agent.toml"
    file.write_text(HEAD + text)
    return load_config(file).streams[0]


def problem(folder: Path, text: str) -> str:
    """What is said about `text`, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value).removeprefix(f"{folder / 'agent.toml'}: ")


def test_every_key_of_a_region_is_understood(tmp_path: Path) -> None:
    """A meter on four corners, a page on a rectangle, words."""
    stream = load(
        tmp_path,
        """
[[stream.regions]]
name = "water"
corners = [[10, 10], [110, 12], [109, 40], [11, 38.5]]
pattern = '[0-9]{5}\\.[0-9]'
frozen_after_s = 60
[stream.regions.meter]
decimals = 1
unit = "m³"
digits = 6
max_per_hour = 2.5
rollover = true
[[stream.regions]]
name = "label"
rect = { x = 1, y = 2, w = 300, h = 100 }
page = true
[[stream.regions]]
name = "gate"
rect = { x = 1, y = 2, w = 30, h = 10 }
words = ["OPEN", "SHUT"]
""",
    )
    assert isinstance(stream.options, TextOptions)
    water, label, gate = stream.options.regions
    assert water.corners == ((10, 10), (110, 12), (109, 40), (11, 38.5))
    assert water.meter == MeterRules(
        decimals=1, unit="m³", digits=6, max_per_hour=2.5, rollover=True
    )
    assert water.pattern == r"[0-9]{5}\.[0-9]"
    assert (label.rect, label.page) == (Region(x=1, y=2, w=300, h=100), True)
    assert gate.words == ("OPEN", "SHUT")


def region(fields: str) -> str:
    return f'[[stream.regions]]\nname = "a"\n{fields}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            region("page = true"),
            "region 'a': expected either rect or corners, found neither - "
            "at `$.stream[0].regions[0]`",
        ),
        (
            region(RECT + "\ncorners = [[0, 0], [9, 0], [9, 9], [0, 9]]"),
            "region 'a': expected either rect or corners, found both",
        ),
        (
            region("corners = [[0, 0], [0, 9], [9, 9], [9, 0]]"),
            "region 'a': expected corners clockwise from the top left, found them the other way "
            "round: [0, 0], [0, 9], [9, 9], [9, 0]",
        ),
        (
            region("corners = [[0, 0], [9, 9], [9, 0], [0, 9]]"),
            "region 'a': expected the corners of a convex quadrilateral, "
            "found [0, 0], [9, 9], [9, 0], [0, 9]",
        ),
        (
            region("corners = [[0, 0], [9, 0], [18, 0], [27, 0]]"),
            "region 'a': expected the corners of a convex quadrilateral",
        ),
        (
            region("corners = [[5, 5], [5, 5], [5, 5], [5, 5]]"),
            "region 'a': expected the corners of a convex quadrilateral",
        ),
        (
            region("corners = [[0, 0], [90, 0], [90, 3], [0, 3]]"),
            "region 'a': expected sides of 4 pixels or more, found 3.0",
        ),
        (
            region("rect = { x = 5, y = 5, w = 90, h = 3 }"),
            "region 'a': expected sides of 4 pixels or more, found 3.0",
        ),
        (
            region("corners = [[0, 0], [90, 0], [90, inf], [0, 9]]"),
            "Expected `float` <= 65536.0 - at `$.stream[0].regions[0].corners[2][1]`",
        ),
        (region("corners = [[0, 0], [9, 0], [9, 9]]"), "Expected `array` of length 4, got 3"),
        (
            region(RECT + "\npattern = '[0-9'"),
            "pattern '[0-9' at 5: expected `]`, found its end - at `$.stream[0].regions[0]`",
        ),
        (
            region(RECT + "\npattern = 'A'\nwords = ['B']"),
            "region 'a': expected a pattern or words, found both",
        ),
        (
            region(RECT + "\npage = true\n[stream.regions.meter]\nunit = 'l'"),
            "region 'a': expected no meter with page = true",
        ),
        (
            region(RECT + "\n[stream.regions.meter]\nrollover = true"),
            "rollover: expected digits, monotone = true and max_per_hour with it - "
            "at `$.stream[0].regions[0].meter`",
        ),
        (
            region(RECT) + region(RECT),
            "stream 'cellar': expected regions of distinct names, found 'a' twice",
        ),
        (
            "",
            "stream 'cellar': expected one or more [[stream.regions]] with task = \"ocr\", "
            "found none",
        ),
        (
            "region = { x = 0, y = 0, w = 1, h = 1 }\n" + region(RECT),
            "stream 'cellar': expected one or more [[stream.regions]] with task = \"ocr\", "
            "found region",
        ),
    ],
)
def test_a_region_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message says which region, what was expected and what was found."""
    assert problem(tmp_path, text).startswith(message)


def test_regions_without_the_task_are_refused(tmp_path: Path) -> None:
    """Left out, the task is to classify, and regions would be passed over in silence."""
    file = tmp_path / "agent.toml"
    file.write_text(HEAD.replace('task = "ocr"\n', "") + region(RECT))
    with pytest.raises(ConfigError, match="stream 'cellar': expected task = \"ocr\" with regions"):
        load_config(file)


def text_region(**fields: Any) -> TextRegion:
    known: dict[str, Any] = {"name": "a", "rect": Region(x=0, y=0, w=40, h=10)}
    return TextRegion(**(known | fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"pattern": "[A-Z]+"},
            "stream 's', region 'a': pattern '[A-Z]+' cannot match: no text of the model's "
            "characters would do",
        ),
        (
            {"words": ("12", "AB")},
            "stream 's', region 'a': words: expected characters of the model's, "
            "found 'AB' with 'A'",
        ),
        (
            {"pattern": "[0-3]{17}"},
            "stream 's', region 'a': pattern '[0-3]{17}': expected texts that fit the 16 steps of "
            "the model along a line, found none below 17",
        ),
        (
            {"pattern": "0{9}"},
            "stream 's', region 'a': pattern '0{9}': expected texts that fit the 16 steps of "
            "the model along a line, found none below 17",
        ),
        (
            {"words": ("12", "2" * 9)},
            "stream 's', region 'a': words: expected texts that fit the 16 steps of the model "
            "along a line, found '222222222' which takes 17",
        ),
        (
            {"meter": MeterRules(digits=2), "pattern": "[0-3]{3}"},
            "stream 's', region 'a': expected a pattern or words for what the meter shows, "
            "\\d{2}, found none of its readings allowed",
        ),
    ],
)
def test_what_the_model_cannot_write_is_refused(fields: dict[str, object], message: str) -> None:
    """Found when the bundle is opened, not as a region that is silent for months."""
    with pytest.raises(ConfigError) as caught:
        allowed_texts(text_region(**fields), text_spec(), "s")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "fields",
    [
        {"pattern": "0{8}"},
        {"words": ("12", "2" * 8)},
        {"meter": MeterRules(digits=3, decimals=1), "pattern": r"[0-3]{2}\.[0-3]"},
        {"meter": MeterRules(digits=3, decimals=1), "pattern": "[0-3]{3}"},
        {"meter": MeterRules(monotone=False)},
    ],
)
def test_what_just_fits_is_not_refused(fields: dict[str, object]) -> None:
    """Must not fire: fifteen steps of sixteen, and every way to write what a meter shows."""
    allowed_texts(text_region(**fields), text_spec(), "s")


def test_a_meter_for_a_model_without_digits_is_refused() -> None:
    """Even where no pattern is asked for: nothing it reads could be counted."""
    with pytest.raises(ConfigError) as caught:
        allowed_texts(text_region(meter=MeterRules()), text_spec(charset=("a", "b")), "s")
    assert str(caught.value) == (
        "stream 's', region 'a': expected a model that writes what the meter shows, \\d+, "
        "found one of the characters 'ab'"
    )


def test_a_line_that_is_too_long_for_the_model_is_refused() -> None:
    """Squeezed to half of its width it may be read; beyond, it would be made up."""
    check_width(text_region(rect=Region(x=0, y=0, w=80, h=10)), 4.0, "s")
    with pytest.raises(ConfigError) as caught:
        check_width(text_region(rect=Region(x=0, y=0, w=81, h=10)), 4.0, "s")
    assert str(caught.value) == (
        "stream 's', region 'a': expected at most 8.0 times as wide as high for this model, "
        "found 81x10"
    )
    check_width(text_region(rect=Region(x=0, y=0, w=81, h=10), page=True), 4.0, "s")
