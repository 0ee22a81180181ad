"""The bench: a rung's figures are those of the device's own code on the validation split."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from support.answers import classification

from edge_agent.bundle.archive import open_bundle
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import fit
from edge_agent.inference.recognizer import TfliteRecognizer
from pipeline.common.progress import SILENT
from pipeline.ladder.bench import LadderBench
from pipeline.ladder.ladder import Ladder
from pipeline.measure.evaluate import accuracy, agreement, expected_drop, float_scores
from pipeline.measure.temperature import fit_temperature
from pipeline.run.run import Run
from pipeline.run.stages.quantize import FLOAT_FILE, _bench, load_ladder, validation_pixels


@pytest.fixture(name="ladder")
def _ladder(built: Path, open_tiny: Callable[..., Run]) -> Ladder:
    return load_ladder(open_tiny(built))


def test_a_rung_has_the_devices_answers_to_the_validation_split(
    built: Path, ladder: Ladder, open_tiny: Callable[..., Run]
) -> None:
    """Image by image as the recogniser of the bundle answers, from the images as they are."""
    val = open_tiny(built).dataset.val
    with TfliteRecognizer(open_bundle(built / "export" / "candidate")) as recognize:
        answers = [classification(recognize(val.images[i])).index for i in range(len(val))]
    right = int((np.array(answers) == val.labels).sum())
    (rung,) = ladder.rungs
    assert rung.figures.score.value == right / len(val)
    assert rung.figures.score.samples == len(val)
    assert rung.figures.size_bytes == len(open_bundle(built / "export" / "candidate").model)
    assert rung.figures.latency_ms > 0


def test_a_drop_is_that_from_the_float_network(
    built: Path, ladder: Ladder, open_tiny: Callable[..., Run]
) -> None:
    """Counted, and expected, on the same images; with the agreement beside it."""
    run = open_tiny(built)
    val = run.dataset.val
    model = (built / "quantize" / FLOAT_FILE).read_bytes()
    with SILENT.task("", len(val)) as task:
        real = float_scores(model, val.images, run.recipe.input, task)
    (rung,) = ladder.rungs
    assert ladder.float_score == accuracy(real, val.labels)
    assert rung.figures.drop == ladder.float_score.value - rung.figures.score.value
    bench = _bench(run, model)
    assert bench.temperature == fit_temperature(real, val.labels)
    assert 0 <= rung.figures.expected_drop < 0.05
    assert (rung.figures.expected_drop == 0) == (rung.figures.agreement == 1)


def test_images_at_the_networks_size_are_what_the_device_makes_of_the_originals(
    built: Path, open_tiny: Callable[..., Run]
) -> None:
    """Fitted once and kept, they give the float network's scores bit for bit."""
    run = open_tiny(built)
    model = (built / "quantize" / FLOAT_FILE).read_bytes()
    val = run.dataset.val
    with SILENT.task("", len(val)) as task:
        real = float_scores(model, val.images, run.recipe.input, task)
    bench = LadderBench.of(
        ("pruned", model),
        validation_pixels(run),
        run.task.truth("val"),
        run.recipe.input,
        SILENT,
    )
    np.testing.assert_array_equal(bench.scores, real)
    assert bench.float_score == accuracy(real, val.labels)
    assert agreement(bench.scores, real) == 1
    assert expected_drop(bench.scores, real, bench.temperature) == 0


@pytest.mark.parametrize("resize", ["stretch", "crop", "letterbox"])
@pytest.mark.parametrize("colour", ["rgb", "gray"])
@pytest.mark.parametrize("size", [(28, 28), (17, 40), (33, 12)])
def test_an_image_at_the_networks_size_is_not_fitted_again(
    resize: Literal["stretch", "crop", "letterbox"],
    colour: Literal["rgb", "gray"],
    size: tuple[int, int],
) -> None:
    """Why the kept images stand for the originals: of any form, fitting leaves them alone."""
    values = (0.5,) * (3 if colour == "rgb" else 1)
    spec = InputSpec(
        height=size[0], width=size[1], colour=colour, resize=resize, mean=values, std=values
    )
    image = np.random.default_rng(1).integers(0, 256, (37, 50, 3), np.uint8)
    once = fit(image, spec)
    again = fit(once if colour == "rgb" else once[..., 0], spec)
    np.testing.assert_array_equal(again, once)
