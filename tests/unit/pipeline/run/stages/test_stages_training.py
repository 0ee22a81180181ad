"""The stages that make the network: what each leaves in its folder."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from support.progress import recorded

from edge_agent.common.arrays import F32
from pipeline.checkpoints.checkpoint import Checkpoint, fresh, load_checkpoint
from pipeline.checkpoints.history import HISTORY_FILE, history_csv
from pipeline.data.base import SPLIT_NAMES
from pipeline.data.classes import ClassDataset, FittedClasses
from pipeline.data.fitted import fit_split
from pipeline.measure.evaluate import network_inputs
from pipeline.models.macs import cost
from pipeline.run.run import Run, Stage
from pipeline.run.stages.prune import PRUNE
from pipeline.run.stages.quantize import (
    QUANTIZE,
    CalibrationSamples,
    final_checkpoint,
    final_checkpoint_stage,
)
from pipeline.run.stages.train import TRAIN
from pipeline.tasks.classify.training import ClassExamples


def test_data_records_which_image_is_where(built: Path, open_tiny: Callable[..., Run]) -> None:
    """split.json holds every image of every split by name."""
    record = json.loads((built / "data" / "split.json").read_text())
    dataset = open_tiny(built).dataset
    assert record["sha256"] == dataset.sha256
    assert {name: record["splits"][name] for name in SPLIT_NAMES} == {
        name: list(dataset.split(name).ids) for name in SPLIT_NAMES
    }


def test_training_leaves_the_recipes_network(built: Path) -> None:
    """Architecture, input and classes are the recipe's, and its epochs were trained."""
    trained = load_checkpoint(built / "train")
    assert (trained.spec.arch, trained.spec.classes, trained.spec.shapes) == ("vgg_tiny", 10, None)
    assert trained.spec.input.shape == (1, 8, 8, 1)
    assert [epoch.epoch for epoch in trained.history] == [1, 2, 3]
    assert (built / "train" / HISTORY_FILE).read_text() == history_csv(trained.history)


def test_pruning_leaves_a_smaller_network_trained_again(built: Path) -> None:
    """At most the recipe's share of the multiply-accumulates; both steps are on record."""
    trained, pruned = load_checkpoint(built / "train"), load_checkpoint(built / "prune")
    spec = trained.spec.input
    assert cost(pruned.module, spec).macs <= 0.6 * cost(trained.module, spec).macs
    assert [step.stage for step in pruned.lineage] == ["train", "prune", "fine-tune"]


def test_a_recipe_that_prunes_nothing_deploys_what_was_trained(
    built: Path, tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """The stage says so and leaves no network; those after it take the trained one."""
    run = open_tiny(built, prune="")
    PRUNE.make(run, tmp_path)
    assert recorded(run.progress).lines == ["prune: the recipe prunes nothing"]
    assert not list(tmp_path.iterdir())
    assert final_checkpoint_stage(run) == "train"
    assert final_checkpoint(run).lineage == load_checkpoint(built / "train").lineage


def test_the_pruned_network_is_deployed(built: Path, open_tiny: Callable[..., Run]) -> None:
    """Where the recipe prunes, what is quantised is what pruning left."""
    run = open_tiny(built)
    assert final_checkpoint_stage(run) == "prune"
    assert final_checkpoint(run).spec == load_checkpoint(built / "prune").spec


def test_calibration_sees_every_image_of_its_split_once(
    built: Path, open_tiny: Callable[..., Run]
) -> None:
    """In batches, the last one as small as what is left, and again when asked again."""
    run = open_tiny(built)
    split = run.dataset.test.select(range(40))
    samples = CalibrationSamples(fit_split(split, run.recipe.input).pixels, run.recipe.input)
    batches = list(samples)
    assert len(list(samples)) == len(batches)
    assert [batch.shape for batch in batches] == [(32, 1, 8, 8), (8, 1, 8, 8)]
    rows = [row for batch in batches for row in batch]
    wanted = [x[0] for x in network_inputs(split.images, run.recipe.input)]
    assert all((a == b).all() for a, b in zip(rows, wanted, strict=True))


class Asked(Exception):  # noqa: N818
    """Ends a stage once it has handed on what the test looks at."""


def test_the_quantiser_is_calibrated_on_its_own_split(
    built: Path, tmp_path: Path, open_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not on the images that it is measured on later."""
    run = open_tiny(built)
    seen: list[F32] = []

    def calibrate(_network: object, samples: Iterable[F32], _recipe: object) -> None:
        seen.extend(samples)
        raise Asked

    monkeypatch.setattr("pipeline.ladder.remedies.quantize", calibrate)
    with pytest.raises(Asked):
        QUANTIZE.make(run, tmp_path)
    wanted = np.concatenate(list(network_inputs(run.dataset.calibration.images, run.recipe.input)))
    np.testing.assert_array_equal(np.concatenate(seen), wanted)


@pytest.mark.parametrize("stage", [TRAIN, PRUNE], ids=lambda stage: stage.name)
def test_learning_sees_train_and_is_measured_on_val(
    built: Path,
    tmp_path: Path,
    open_tiny: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    stage: Stage,
) -> None:
    """The test split is nobody's but `verify`'s."""
    run = open_tiny(built)
    seen: list[FittedClasses] = []

    def learn(_start: object, data: ClassExamples, *_: object, **__: object) -> None:
        seen.extend((data.train, data.val))
        raise Asked

    monkeypatch.setattr(f"pipeline.run.stages.{stage.name}.{stage.name}", learn)
    with pytest.raises(Asked):
        stage.make(run, tmp_path)
    for found, split in zip(seen, (run.dataset.train, run.dataset.val), strict=True):
        wanted = fit_split(split, run.recipe.input)
        np.testing.assert_array_equal(found.pixels, wanted.pixels)
        np.testing.assert_array_equal(found.labels, split.labels)


def test_the_network_is_as_wide_as_the_recipe_says(
    built: Path, tmp_path: Path, open_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Architecture, width, classes and seed all reach the network that training starts from."""
    started: list[Checkpoint] = []

    def learn(start: Checkpoint, *_: object, **__: object) -> None:
        started.append(start)
        raise Asked

    monkeypatch.setattr("pipeline.run.stages.train.train", learn)
    run = open_tiny(built, model='{ arch = "ds_cnn", width = 0.5 }')
    assert isinstance(run.dataset, ClassDataset)
    one_more = dataclasses.replace(run.dataset, labels=(*run.dataset.labels, "none"))
    run.task.__dict__["dataset"] = one_more  # as if it had been loaded so
    with pytest.raises(Asked):
        TRAIN.make(run, tmp_path)
    spec = started[0].spec
    assert (spec.arch, spec.width, spec.classes) == ("ds_cnn", 0.5, 11)
    expected = fresh(spec, 1).module.state_dict()
    for name, value in started[0].module.state_dict().items():
        assert value.equal(expected[name]), name
