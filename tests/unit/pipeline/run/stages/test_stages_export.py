"""Export: the candidate, its temperature, and the golden frames it is recognised by."""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from support.answers import classification
from support.bright import DATA, bright_manifest

from edge_agent.bundle.archive import Bundle, open_bundle, sha256
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.ports import Ports
from edge_agent.common.arrays import F32, U8
from edge_agent.inference.network import Network
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.classify.decode import classify
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.common.progress import SILENT
from pipeline.data.base import Split
from pipeline.data.classes import ClassDataset, ClassSplit
from pipeline.measure.evaluate import device_scores
from pipeline.measure.temperature import fit_temperature
from pipeline.run.candidate import TOLERANCE_QUANTA
from pipeline.run.run import Run
from pipeline.run.stages.export import GOLDEN_FRAMES, choose_golden
from pipeline.tasks.run_task import RunTask

PORTS = Ports.of(bright_manifest())


@pytest.fixture(name="candidate", scope="module")
def _candidate(built: Path) -> Bundle:
    return open_bundle(built / "export" / "candidate")


@pytest.fixture(name="bright")
def _bright() -> Iterator[Network]:
    """The network that tells dark from bright; the lead grows with the distance from grey."""
    with Network((DATA / "bright.tflite").read_bytes(), PORTS, 1, "bright") as network:
        yield network


def greys(*levels: int, side: int = 8) -> ClassSplit:
    images: list[U8] = [np.full((side, side, 3), level, np.uint8) for level in levels]
    labels = np.array([level > 127 for level in levels], np.int64)
    return Split(images, labels, tuple(map(str, range(len(levels)))))


def scores(network: Network, split: ClassSplit) -> F32:
    with SILENT.task("", len(split)) as task:
        return device_scores(network, split.images, task)


class Classes:
    """Says the best class, and by how much it leads."""

    def answers(self, scores: F32) -> list[int]:
        return [int(row.argmax()) for row in scores]

    def margin(self, output: F32) -> float:
        return float(np.ptp(output))  # of two outputs


# It is asked for these two alone.
CLASSES = cast("RunTask", Classes())


def chosen(network: Network, split: ClassSplit) -> tuple[GoldenFrame, ...]:
    return choose_golden(network, split.images, scores(network, split), CLASSES)


def levels(network: Network, split: ClassSplit) -> list[int]:
    return [int(frame.image[0, 0, 0]) for frame in chosen(network, split)]


def test_golden_frames_of_one_group_come_last(bright: Network) -> None:
    """Near copies exercise nothing more: others go before them, whatever they answer."""
    split = greys(*range(10), 240, 250)
    plain = choose_golden(bright, split.images, scores(bright, split), CLASSES)
    apart = choose_golden(bright, split.images, scores(bright, split), CLASSES, {1, 2, 3, 4, 10})
    assert [int(frame.image[0, 0, 0]) for frame in plain] == [0, 240, 1, 250, 2, 3, 4, 5]
    assert [int(frame.image[0, 0, 0]) for frame in apart] == [0, 250, 5, 6, 7, 8, 9, 240]


def test_a_candidate_is_not_verified(candidate: Bundle) -> None:
    """What nobody has measured carries no metrics and no budget."""
    assert not candidate.manifest.verified
    assert candidate.manifest.budget is None


def test_a_candidate_says_where_it_came_from(
    candidate: Bundle, built: Path, open_tiny: Callable[..., Run]
) -> None:
    """Recipe, data and libraries by hash and version; input and labels are the run's."""
    run, manifest = open_tiny(built), candidate.manifest
    assert manifest.provenance.recipe_sha256 == sha256(run.recipe_text)
    assert manifest.provenance.data_sha256 == run.dataset.sha256
    assert manifest.provenance.versions["torch"] == version("torch")
    assert (manifest.name, manifest.input) == ("tiny", run.recipe.input)
    assert isinstance(manifest.output, ClassifySpec)
    assert isinstance(run.dataset, ClassDataset)
    assert manifest.output.labels == run.dataset.labels


def test_the_least_confidence_is_the_recipes(
    candidate: Bundle, built: Path, open_tiny: Callable[..., Run]
) -> None:
    """An answer below it is not sure; a recipe that says nothing asks for none."""
    shipped = candidate.manifest.output
    assert isinstance(shipped, ClassifySpec)
    assert shipped.min_confidence == 0
    run = open_tiny(built, output="{ min_confidence = 0.6 }")
    spec = run.task.output()
    assert isinstance(spec, ClassifySpec)
    assert spec.min_confidence == 0.6
    scores = np.zeros(10, np.float32)
    assert not classify(scores, spec).sure
    scores[3] = 5
    assert classify(scores, spec).sure


def test_the_temperature_is_fitted_on_the_validation_split(
    candidate: Bundle, built: Path, open_tiny: Callable[..., Run]
) -> None:
    """To the scores of the int8 network, as the device will give them."""
    val, manifest = open_tiny(built).dataset.val, candidate.manifest
    with (
        Network(candidate.model, Ports.of(manifest), 1, "candidate") as network,
        SILENT.task("", len(val)) as task,
    ):
        found = device_scores(network, val.images, task)
    assert isinstance(manifest.output, ClassifySpec)
    assert manifest.output.temperature == fit_temperature(found, val.labels)


def test_golden_frames_replay_and_name_different_answers(candidate: Bundle) -> None:
    """A candidate opens on this machine, exactly, and its frames exercise several outputs."""
    with TfliteRecognizer(candidate) as recognize:
        assert recognize.golden_quanta == 0
        answers = [classification(recognize(frame.image)).label for frame in candidate.golden]
    assert candidate.manifest.golden.frames == len(candidate.golden) == GOLDEN_FRAMES
    assert len(set(answers)) == GOLDEN_FRAMES


def test_each_answer_comes_once_before_any_comes_again(bright: Network) -> None:
    """Three dark ones and two bright ones take turns, in the split's order."""
    assert levels(bright, greys(10, 20, 30, 240, 250)) == [10, 240, 20, 250, 30]


def test_there_are_at_most_eight(bright: Network) -> None:
    """However many images there are."""
    assert len(levels(bright, greys(*range(0, 60, 5)))) == GOLDEN_FRAMES


def test_a_frame_that_is_not_clear_is_left_out(bright: Network) -> None:
    """Must fire at a lead of twice the tolerance: a permitted difference could turn it."""
    middle = greys(120, 135, 10)
    raw = [
        bright(image)[0].reshape(-1).astype(int)
        for image in map(middle.images.__getitem__, range(3))
    ]
    assert abs(raw[0][0] - raw[0][1]) <= 2 * TOLERANCE_QUANTA < abs(raw[2][0] - raw[2][1])
    assert levels(bright, middle) == [10]


def test_where_none_is_clear_the_clearest_stands_alone(bright: Network) -> None:
    """A bundle without a golden frame could not be recognised at all."""
    assert levels(bright, greys(128, 122, 127)) == [122]


def test_a_photograph_is_stored_smaller(bright: Network) -> None:
    """At most 320 pixels long, its expected output being that of the stored picture."""
    split = greys(250, side=8)
    large = Split([np.full((400, 800, 3), 250, np.uint8)], split.labels, split.ids)
    (frame,) = chosen(bright, large)
    assert frame.image.shape == (160, 320, 3)
    assert (frame.outputs[0] == bright(frame.image)[0]).all()
