"""Drawn gauges: the needle is where the label says, and every picture is another gauge."""

import numpy as np
import pytest

from edge_agent.tasks.regress.spec import Quantity
from pipeline.common.errors import RecipeError
from pipeline.tasks.recipes import decode_recipe
from pipeline.tasks.regress.drawn import draw_gauges
from pipeline.tasks.regress.gauges import START_DEG, SWEEP_DEG, GaugeLook, draw_gauge

LOOK = GaugeLook(
    centre=(0.5, 0.5),
    radius=0.45,
    face=(250, 250, 250),
    ink=(250, 250, 250),
    needle=(200, 0, 0),
    wall=(128, 128, 128),
    ticks=5,
    subticks=2,
    length=0.9,
    tail=0.0,
    width=0.05,
    turn_deg=0.0,
)
PRESSURE = Quantity(name="pressure", unit="bar", low=0, high=10)


@pytest.mark.parametrize("reading", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_the_needle_points_where_the_reading_is(reading: float) -> None:
    """Clockwise from lower left over the top to lower right."""
    image = draw_gauge(LOOK, reading, 120).astype(int)
    rows, columns = np.nonzero(image[..., 0] - image[..., 1] > 100)
    angle = np.degrees(np.arctan2(columns.mean() - 59.5, 59.5 - rows.mean()))
    wanted = START_DEG + SWEEP_DEG * reading
    assert (angle - wanted + 180) % 360 - 180 == pytest.approx(0, abs=2)


def test_a_seed_gives_the_same_gauges_and_another_one_others() -> None:
    """No picture is there twice, and labels are what the device could answer."""
    source, again = (draw_gauges(PRESSURE, 12, 32, 5).train for _ in range(2))
    assert source.digests == again.digests
    assert len(set(source.digests)) == 12
    assert set(source.digests).isdisjoint(draw_gauges(PRESSURE, 12, 32, 6).train.digests)
    assert len(set(source.split.sources)) == 12
    for (value,) in source.split.labels:
        assert PRESSURE.value(PRESSURE.share(value)) == value


def test_a_drawn_gauge_has_one_needle() -> None:
    """A recipe with two quantities needs pictures of its own."""
    quantity = '{ name = "%s", low = 0, high = 1 }'
    recipe = f"""
name = "two"
data = {{ kind = "gauges" }}
values = {{ quantities = [{quantity % "a"}, {quantity % "b"}] }}
input = {{ height = 16, width = 16, colour = "gray", mean = [0.5], std = [0.5] }}
model = {{ arch = "resnet8" }}
train = {{ epochs = 1 }}
"""
    with pytest.raises(RecipeError, match=r"values.quantities: expected one with kind 'gauges'"):
        decode_recipe(recipe.encode(), "job")
