"""What hands count together, and what a configuration may say of dials."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.drawn_dials import positions_of

from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.ocr.dials.dials import Dials, DisagreementError, counted, joined
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

AT = Region(x=0, y=0, w=100, h=20)


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        ((1.23, 2.34, 3.4, 4.0), "1234"),
        ((3.0, 9.9, 9.0), "299"),  # the first hand is at 3, and has not been
        ((3.0, 0.05, 0.5), "300"),
        ((2.8, 9.9, 9.0), "299"),  # play in the gears, to either side
        ((3.2, 9.9, 9.0), "299"),
        ((0.05, 9.95, 9.5), "999"),  # all but a turn
        ((9.95, 0.02, 0.2), "000"),
        ((4.99,), "4"),
        ((9.999, 9.999), "99"),
    ],
)
def test_the_hand_below_decides_between_two_digits(positions: tuple[float, ...], text: str) -> None:
    """Before its mark the one above has not turned; behind it, it has."""
    assert counted(positions, 0.35) == text


def test_every_value_is_counted_with_play_in_the_gears() -> None:
    """Must fire: each of four digits, where every hand but the last is off by up to 0.3."""
    rng = np.random.default_rng(1)
    for value in range(10_000):
        exact = positions_of(value, 4)
        played = [(p + rng.uniform(-0.3, 0.3)) % 10 for p in exact[:-1]]
        assert counted((*played, exact[-1]), 0.35) == f"{value:04}"


def test_hands_that_cannot_stand_together_are_refused() -> None:
    """Must not fire: at a half nobody knows which hand is wrong; both are named."""
    with pytest.raises(DisagreementError) as caught:
        counted((1.2, 3.5, 0.1), 0.35)
    assert str(caught.value) == (
        "hands disagree: hand 2 stands at 3.50, which cannot be where the next one stands at 0.10"
    )


@pytest.mark.parametrize(
    ("wheels", "hands", "before", "text"),
    [
        ("0012", "345", None, "0012345"),  # far from a carry nothing else is needed
        ("0013", "950", 12_900, "0012950"),  # the wheel was read early
        ("0012", "950", 12_900, "0012950"),
        ("0012", "050", 12_990, "0013050"),  # the wheel was read late
        ("0013", "050", 12_990, "0013050"),
        ("0013", "000", 13_000, "0013000"),  # at rest on the mark
        ("0012", "999", 13_000, "0012999"),  # a hair before it, as its hands are read
        ("9999", "010", 9_999_995, "0000010"),  # all wheels turn
        ("0012", "950", None, None),  # nothing to go on from
        ("0012", "950", 12_100, None),  # too long ago
        ("0040", "950", 12_900, None),  # another meter
    ],
)
def test_a_wheel_beside_its_carry_goes_on_from_what_was_shown(
    wheels: str, hands: str, before: int | None, text: str | None
) -> None:
    """Early or late, it is taken for what it was or will be; where that is unknown, for none."""
    assert joined(wheels, hands, before) == text


def test_directions_are_as_meters_have_them() -> None:
    """The last one clockwise and neighbours never alike, all alike, or as listed."""
    assert Dials(count=5).clockwise() == (True, False, True, False, True)
    assert Dials(count=4).clockwise() == (False, True, False, True)
    assert Dials(count=2, directions="clockwise").clockwise() == (True, True)
    listed = Dials(count=2, directions=("counterclockwise", "clockwise"))
    assert listed.clockwise() == (False, True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "dials: expected either count or centres, found neither"),
        (
            {"count": 2, "centres": ((1.0, 2.0),), "radius": 5.0},
            "dials: expected either count or centres, found both",
        ),
        (
            {"centres": ((1.0, 2.0),)},
            "dials: expected centres and radius together, found one of them",
        ),
        (
            {"count": 3, "directions": ("clockwise",)},
            "dials: expected 3 directions, one a dial, found 1",
        ),
    ],
)
def test_dials_that_contradict_themselves_are_refused(fields: dict[str, Any], message: str) -> None:
    """By the key."""
    with pytest.raises(ValueError, match="dials") as caught:
        Dials(**fields)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"page": True}, "region 'a': expected no page with dials"),
        ({"pattern": "[0-9]+"}, "region 'a': expected no pattern with dials"),
        (
            {"meter": MeterRules(digits=5)},
            "region 'a': expected meter.digits of 4, one a dial, found 5",
        ),
        (
            {"dials": Dials(count=4, wheels="w"), "meter": MeterRules(digits=4)},
            "region 'a': expected meter.digits with dials.wheels, for those of the wheels and "
            "the 4 hands, found 4",
        ),
        (
            {"dials": Dials(count=4, wheels="w")},
            "region 'a': expected meter.digits with dials.wheels, for those of the wheels and "
            "the 4 hands, found none",
        ),
    ],
)
def test_a_region_of_dials_is_nothing_else(fields: dict[str, Any], message: str) -> None:
    """No text is read there, and its meter has as many digits as there are hands."""
    known: dict[str, Any] = {"name": "a", "rect": AT, "dials": Dials(count=4)}
    with pytest.raises(ValueError, match="region") as caught:
        TextRegion(**(known | fields))
    assert str(caught.value) == message


def test_wheels_come_before_their_hands() -> None:
    """A region that does not exist, comes later, or is a page holds no wheels."""
    dials = Dials(count=3, wheels="wheels")
    hands = TextRegion(name="hands", rect=AT, dials=dials, meter=MeterRules(digits=7))
    wheels, page = TextRegion(name="wheels", rect=AT), TextRegion(name="wheels", rect=AT, page=True)

    def stream(*regions: TextRegion) -> StreamConfig:
        source = ImagesConfig(path=Path("p"))
        return StreamConfig(
            name="s",
            bundle=Path("b"),
            source=source,
            options=TextOptions(regions=regions),
        )

    assert stream(wheels, hands)
    for wrong in ((hands,), (hands, wheels), (page, hands)):
        with pytest.raises(ValueError, match=r"expected dials\.wheels to name a line of"):
            stream(*wrong)
