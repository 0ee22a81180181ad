"""How a network of unknown training wants its pictures, as labelled ones tell."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from support.own_networks import template_network

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import F32, U8
from pipeline.common.errors import RecipeError
from pipeline.run.given.normalisation import Normalisation, check_preprocessing, common
from pipeline.tasks.classify.run_task import ClassTruth

NAMES = ("blue", "green", "red")
COLOUR = InputSpec(height=4, width=4, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3)
WAYS = {way.name: way for way in common(COLOUR)}


def shades() -> U8:
    """(3, 4, 4, 3): a bright one between two dark ones, each of another colour."""
    base = np.full((3, 4, 4, 3), 60, np.uint8)
    for k, channel in enumerate((2, 1, 0)):
        base[k] += np.uint8(50 if k == 1 else 0)
        base[k, :, :, channel] += 60
    return base


def pictures(count: int = 120) -> tuple[U8, NDArray[np.int64]]:
    """Those patterns with noise, in turn."""
    labels = np.arange(count) % 3
    noise = np.random.default_rng(0).normal(0, 4, (count, 4, 4, 3))
    return np.clip(shades()[labels] + noise, 0, 255).astype(np.uint8), labels


def templates(way: Normalisation) -> F32:
    """(3, 3, 4, 4): the patterns as a network sees them that was trained in this way."""
    seen = (shades() / 255 - np.array(way.mean)) / np.array(way.std)
    seen = seen[..., ::-1] if way.bgr else seen
    return np.asarray(seen.transpose(0, 3, 1, 2), np.float32)


def check(
    model_way: Normalisation, said: Normalisation, *, order: tuple[int, ...] = (0, 1, 2)
) -> float:
    """What the network of `model_way` gets right when the recipe says `said`."""
    images, labels = pictures()
    planes = templates(replace(model_way, bgr=False))
    planes = planes[:, ::-1] if model_way.bgr != said.bgr else planes
    # Scores of pixels from 0 to 255 are larger: the network's own constant has to be, too.
    model = template_network(np.ascontiguousarray(planes[list(order)]))
    shift = 64 + np.square(planes).sum(axis=(1, 2, 3)).max()
    for tensor in model.graph.initializer:
        if tensor.name == "b":
            bias = np.frombuffer(tensor.raw_data, np.float32) + np.float32(shift)
            tensor.raw_data = bias.tobytes()
    spec = InputSpec(height=4, width=4, colour="rgb", mean=said.mean, std=said.std)
    truth = ClassTruth(labels, NAMES)
    found = check_preprocessing(
        model.SerializeToString(), images, truth, spec, bgr=said.bgr, place="net.onnx",
        classes=labels,
    )  # fmt: skip
    return found.value


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("bgr", [False, True])
def test_what_the_recipe_says_rightly_passes(name: str, bgr: bool) -> None:
    """Must not fire: each common way, red first and blue first."""
    way = replace(WAYS[name], bgr=bgr)
    assert check(way, way) > 0.95


@pytest.mark.parametrize(
    ("trained", "said"),
    [
        ("0 to 1", "-1 to 1"),
        ("-1 to 1", "0 to 1"),
        ("0 to 255", "0 to 1"),
        ("0 to 255 less ImageNet's mean", "0 to 255"),
    ],
)
def test_another_normalisation_is_told_with_the_keys_that_fit(trained: str, said: str) -> None:
    """Both figures, and what to write into the recipe."""
    with pytest.raises(RecipeError) as error:
        check(WAYS[trained], WAYS[said])
    text = str(error.value)
    assert text.startswith("input: expected pictures as net.onnx was trained with, found accuracy ")
    assert f"on validation with {WAYS[said]}, and accuracy" in text
    assert f"with {WAYS[trained]} ({trained})" in text


def test_a_network_for_blue_first_is_told() -> None:
    """The same normalisation with the channels the other way round."""
    way = WAYS["-1 to 1"]
    with pytest.raises(RecipeError) as error:
        check(replace(way, bgr=True), way)
    assert f"with {way}, model.bgr = true (-1 to 1, blue first)" in str(error.value)


def test_a_network_in_another_order_of_classes_is_told_which() -> None:
    """Wrong as the data have them, right in another order."""
    with pytest.raises(RecipeError) as error:
        check(WAYS["-1 to 1"], WAYS["-1 to 1"], order=(1, 2, 0))
    assert str(error.value) == (
        "model.labels: expected the classes in the order of the outputs of net.onnx, found "
        "accuracy 0.0% on validation with those of the data, and accuracy 100.0% with "
        "['green', 'red', 'blue']"
    )


def test_a_network_that_knows_nothing_is_refused() -> None:
    """Answers that have nothing to do with the labels."""
    images, _ = pictures()
    labels = np.random.default_rng(1).integers(0, 3, len(images))
    model = template_network(templates(WAYS["0 to 1"]))
    with pytest.raises(RecipeError) as error:
        check_preprocessing(
            model.SerializeToString(), images, ClassTruth(labels, NAMES), COLOUR, bgr=False,
            place="net.onnx", classes=labels,
        )  # fmt: skip
    assert "model.onnx: expected net.onnx to know the data's classes, found accuracy" in str(
        error.value
    )
    assert "model.labels" not in str(error.value)
