"""The stages that make the network: what each leaves in its folder."""

import json
from collections.abc import Callable
from pathlib import Path

from pipeline.checkpoint import load_checkpoint
from pipeline.data.base import SPLIT_NAMES
from pipeline.evaluate import network_inputs
from pipeline.macs import cost
from pipeline.run import Run
from pipeline.stages.prune import PRUNE
from pipeline.stages.quantize import _batches, final_checkpoint, final_checkpoint_stage


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
    assert run.progress.lines == ["prune: the recipe prunes nothing"]
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
    """In batches, the last one as small as what is left; 40 images are 32 and 8."""
    run = open_tiny(built)
    split = run.dataset.test.select(range(40))
    batches = list(_batches(split, run.recipe.input))
    assert [batch.shape for batch in batches] == [(32, 1, 8, 8), (8, 1, 8, 8)]
    rows = [row for batch in batches for row in batch]
    wanted = [x[0] for x in network_inputs(split, run.recipe.input)]
    assert all((a == b).all() for a, b in zip(rows, wanted, strict=True))
