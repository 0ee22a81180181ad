"""The range of scores: drawn in to what keeps their softmax, and left alone where it must be."""

import msgspec
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from support.onnx_nets import graph_of, net, node

from edge_agent.common.arrays import F32
from quantization.errors import CalibrationError
from quantization.graph.graph import Graph, write
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe
from quantization.scales.answers import keep_softmax
from quantization.scales.calibrate import Ranges, calibrate
from quantization.scales.ranges import Range, affine_of

SOFTMAX = QuantRecipe(outputs="softmax")


def scores(extreme: float) -> F32:
    """400 rows of five classes around 0, one row among them with extreme scores."""
    rows = np.random.default_rng(0).normal(0, 2, (400, 5)).astype(np.float32)
    rows[7] = [extreme, -2 * extreme, 0, 0, 0]
    return rows


def passing(rows: F32, *tail: onnx.NodeProto, outputs: tuple[str, ...] = ("scores",)) -> Graph:
    """A dense layer that returns its input, and what comes after it, folded."""
    k = rows.shape[1]
    constants = {"w": np.eye(k, dtype=np.float32), "b": np.zeros(k, np.float32)}
    constants["steps"] = np.array([1, 1, k])
    dense = node("Gemm", "input", "w", "b", to="scores")
    return graph_of(net([dense, *tail], (1, k), constants, outputs=outputs))


def batches(rows: F32) -> list[F32]:
    return [rows[i : i + 64] for i in range(0, len(rows), 64)]


def answers(rows: F32, chosen: Range) -> NDArray[np.int64]:
    affine = affine_of(chosen)
    best: NDArray[np.int64] = affine.dequantize(affine.quantize(rows)).argmax(axis=1)
    return best


def drawn_in(model: Graph, rows: F32) -> tuple[Ranges, Ranges]:
    """The ranges before and after."""
    before = calibrate(model, batches(rows), QuantRecipe())
    return before, keep_softmax(model, batches(rows), before, ())


def test_an_extreme_image_does_not_cost_the_others_their_answers() -> None:
    """Its scores are cut off; two classes that its scale made equal are told apart again."""
    rows = scores(300)
    before, after = drawn_in(passing(rows), rows)
    wrong = [
        int((answers(rows, ranges.values["scores"]) != rows.argmax(axis=1)).sum())
        for ranges in (before, after)
    ]
    assert wrong[0] > 100
    assert wrong[1] < 20
    assert after.values["input"] == before.values["input"]
    assert after.samples == before.samples


def test_scores_without_extremes_lose_what_their_softmax_does_not_need() -> None:
    """The low end, mostly: no answer changes that did not before, and int8 is finer for it."""
    rows = scores(0)
    before, after = drawn_in(passing(rows), rows)
    wide, narrow = (ranges.values["scores"] for ranges in (before, after))
    assert wide.low < narrow.low <= 0 < narrow.high <= wide.high
    wrong = [(answers(rows, chosen) != rows.argmax(axis=1)).sum() for chosen in (wide, narrow)]
    assert wrong[1] <= wrong[0]


def test_an_output_with_a_fixed_scale_keeps_it() -> None:
    """Behind a softmax TFLite has a scale for all."""
    rows = scores(300)
    tail = node("Softmax", "scores", to="y", axis=-1)
    before, after = drawn_in(passing(rows, tail, outputs=("y",)), rows)
    assert after == before


def test_an_output_that_others_read_keeps_its_range() -> None:
    """What is cut off for the one would be missing to the other."""
    rows = scores(300)
    tail = node("Tanh", "scores", to="y")
    before, after = drawn_in(passing(rows, tail, outputs=("scores", "y")), rows)
    assert after == before


def test_values_at_one_scale_are_drawn_in_together() -> None:
    """A reshaped output has the range of what it was made from."""
    rows = scores(300)
    tail = node("Reshape", "scores", "steps", to="y")  # (1, 1, 5): a sequence of one
    before, after = drawn_in(passing(rows, tail, outputs=("y",)), rows)
    assert after.values["scores"] == after.values["y"] != before.values["y"]


def test_a_recipe_asks_for_it() -> None:
    """The quantised network has the scale; without a word of it, the outputs' values count."""
    rows = scores(300)
    model = passing(rows)
    plain = quantize(model, batches(rows), QuantRecipe())
    kept = quantize(model, batches(rows), SOFTMAX)
    assert plain.ranges == calibrate(model, batches(rows), QuantRecipe())
    assert kept.ranges == keep_softmax(model, batches(rows), plain.ranges, ())
    scales = {
        t.name: float(numpy_helper.to_array(t))
        for t in write(kept.qdq).graph.initializer
        if t.name == "scores:scale"
    }
    assert scales["scores:scale"] == pytest.approx(affine_of(kept.ranges.values["scores"]).scale)


def test_samples_that_can_be_read_once_are_refused() -> None:
    """The ranges are found in one pass, the scores in another."""
    rows = scores(1)
    message = (
        "calibration samples: expected a list, or what else can be read more than once, "
        "for outputs = softmax; found list_iterator"
    )
    with pytest.raises(CalibrationError, match=f"^{message}$"):
        quantize(passing(rows), iter(batches(rows)), SOFTMAX)


def test_a_recipe_is_read_back_with_it() -> None:
    """It is data like the other choices."""
    assert msgspec.json.decode(msgspec.json.encode(SOFTMAX), type=QuantRecipe) == SOFTMAX
