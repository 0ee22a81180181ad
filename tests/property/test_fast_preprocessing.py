"""The fast road from image to int8 input is the reference road, bit for bit, for every spec."""

from typing import Literal

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from edge_agent.bundle.manifest import LARGEST, InputSpec
from edge_agent.bundle.preprocess import ColourOrder, FastPreprocessor, preprocess
from edge_agent.common.arrays import U8

sides = st.integers(1, 48)
means = st.floats(-4, 4) | st.floats(-LARGEST, LARGEST)
# Usual ones, and the ends of what a manifest may say.
stds = st.floats(0.01, 4) | st.floats(1 / LARGEST, LARGEST)
affines = st.builds(Affine, st.floats(2**-20, 2**10, width=32), st.integers(QMIN, QMAX))


@st.composite
def specs(draw: st.DrawFn, largest: int = 48) -> InputSpec:
    """Any input that a manifest may describe, of at most `largest` pixels a side."""
    colour: Literal["rgb", "gray"] = draw(st.sampled_from(("rgb", "gray")))
    channels = 3 if colour == "rgb" else 1
    return InputSpec(
        height=draw(st.integers(1, largest)),
        width=draw(st.integers(1, largest)),
        colour=colour,
        mean=tuple(draw(means) for _ in range(channels)),
        std=tuple(draw(stds) for _ in range(channels)),
        resize=draw(st.sampled_from(("stretch", "crop", "letterbox"))),
        interpolation=draw(st.sampled_from(("area", "linear"))),
        pad=draw(st.integers(0, 255)),
    )


@st.composite
def images(draw: st.DrawFn) -> U8:
    """Any frame: colour or grey, any size, every level."""
    shape = (draw(sides), draw(sides), *draw(st.sampled_from(((), (3,)))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(0, 256, shape, np.uint8)


def both(spec: InputSpec, affine: Affine, image: U8, order: ColourOrder) -> None:
    reference = affine.quantize(preprocess(image, spec, order))
    fast = FastPreprocessor(spec, affine)(image, order)
    assert fast.dtype == np.int8
    assert fast.shape == spec.shape == reference.shape
    np.testing.assert_array_equal(fast, reference)


@settings(max_examples=300, deadline=None)
@given(specs(), affines, images(), st.sampled_from(("rgb", "bgr")))
def test_any_frame_any_spec(spec: InputSpec, affine: Affine, image: U8, order: ColourOrder) -> None:
    """Every resize, colour, order, mean, std, scale and zero point; frames larger and smaller."""
    both(spec, affine, image, order)


@settings(max_examples=200, deadline=None)
@given(specs(largest=1), affines)
@example(
    InputSpec(
        height=1, width=1, colour="rgb", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
    Affine(0.018658, -14),
)
def test_every_level_of_every_channel(spec: InputSpec, affine: Affine) -> None:
    """All 256 levels, unresized: the whole table is what the reference says."""
    whole = InputSpec(
        height=16, width=16, colour=spec.colour, mean=spec.mean, std=spec.std, resize="stretch"
    )
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    both(whole, affine, levels, "rgb")
    shuffled = np.stack([levels, levels[::-1], levels.T], axis=2)
    both(whole, affine, np.ascontiguousarray(shuffled), "bgr")


@settings(max_examples=50, deadline=None)
@given(specs(), affines, images())
def test_a_part_of_a_frame_is_that_part(spec: InputSpec, affine: Affine, image: U8) -> None:
    """A region is a view into the frame, with gaps between its rows: the same as its copy."""
    part = image[image.shape[0] // 3 :, image.shape[1] // 3 :]
    fast = FastPreprocessor(spec, affine)
    np.testing.assert_array_equal(fast(part), fast(np.ascontiguousarray(part)))
