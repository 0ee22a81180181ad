"""Run folders as a comparison finds them: finished, refused, under way, changed since."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.common.errors import GateError, RecipeError, RunError
from pipeline.compare.reading import flat, read_run
from pipeline.run.build import build
from pipeline.run.run import Run
from pipeline.run.stages.report import load_rungs


def test_a_finished_run_has_the_figures_of_its_report(built: Path) -> None:
    """Score for score and byte for byte, with its stages' time and its best epoch."""
    found = read_run(built, "tiny")
    run = found.figures
    recipe = (built / "recipe.toml").read_bytes()
    rungs = load_rungs(Run(built, recipe, built / "recipe.toml", None, None))  # type: ignore[arg-type]
    shipped = next(rung for rung in rungs if rung.chosen)
    assert (run.state, run.outdated, run.gates != ()) == ("proven", False, True)
    assert (run.trained, run.pruned, run.int8) == (rungs[0].test, rungs[1].test, shipped.test)
    assert (run.macs, run.parameters) == (shipped.macs, shipped.parameters)
    assert (run.size_bytes, run.latency_ms) == (shipped.size_bytes, shipped.latency_ms)
    assert (run.task, run.data, run.arch, run.side) == ("classify", "digits", "vgg_tiny", (8, 8))
    assert run.epochs == 3
    assert run.best_epoch in (1, 2, 3)
    assert run.seconds > 0
    assert [(phase.name, len(phase.epochs)) for phase in found.phases] == [
        ("training", 3),
        ("fine-tuning", 2),
    ]
    assert found.recipe["train.epochs"] == 3
    assert len(found.test.images) == 179


def test_a_refused_run_keeps_its_figures_and_the_gate(
    open_tiny: Callable[..., Run], built_copy: Path
) -> None:
    """What was measured is shown, and which promise it breaks."""
    run = open_tiny(built_copy, budget="{ max_size_kb = 1 }")
    with pytest.raises(GateError):
        build(run)
    found = read_run(built_copy, "tiny").figures
    assert (found.state, found.failed[-1:]) == ("refused", ("size",))
    assert found.int8 is not None
    assert found.parameters is not None
    # Its report is one more thing that may be missing: the disk was full.
    (built_copy / "verify.failed" / "rungs.json").unlink()
    assert read_run(built_copy, "tiny").figures.parameters is None


def test_an_unfinished_run_says_what_is_next(built_copy: Path) -> None:
    """With the epochs of a training under way, and no score."""
    epochs = (built_copy / "train" / "history.csv").read_text()
    for stage in ("train", "prune", "quantize", "export", "verify", "report"):
        shutil.rmtree(built_copy / stage)
    work = built_copy / ".work" / "train-0123456789abcdef"
    work.mkdir(parents=True)
    (work / "history.csv").write_text("\n".join(epochs.splitlines()[:2]) + "\n")
    found = read_run(built_copy, "tiny")
    run = found.figures
    assert (run.state, run.waits_for, run.epochs) == ("unfinished", "train", 1)
    assert (run.int8, run.gates, run.macs) == (None, (), None)
    assert [phase.name for phase in found.phases] == ["training"]
    shutil.rmtree(built_copy / "data")
    begun = read_run(built_copy, "tiny")
    assert (begun.figures.waits_for, begun.test.images) == ("data", ())


def test_a_stage_that_was_altered_is_unfinished(built_copy: Path) -> None:
    """Figures that the folder no longer proves are not shown."""
    (built_copy / "verify" / "proof.json").write_text("{}")
    run = read_run(built_copy, "tiny").figures
    assert (run.state, run.waits_for, run.int8) == ("unfinished", "verify", None)


def test_a_run_whose_recipe_was_changed_since_is_told(built_copy: Path) -> None:
    """The figures are of the recipe before."""
    recipe = built_copy / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("epochs = 3", "epochs = 4"))
    assert read_run(built_copy, "tiny").figures.outdated


def test_a_training_that_was_gone_on_with_counts_all_its_epochs(built_copy: Path) -> None:
    """The stage knows the seconds of the last attempt alone."""
    before = read_run(built_copy, "tiny").figures.seconds
    record = built_copy / "train" / "stage.json"
    stage = msgspec.json.decode(record.read_bytes())
    record.write_bytes(msgspec.json.encode({**stage, "seconds": 0.001}))
    after = read_run(built_copy, "tiny")
    trained = sum(epoch.seconds for epoch in after.phases[0].epochs)
    assert after.figures.seconds == pytest.approx(before - stage["seconds"] + trained)


def test_what_is_no_run_of_this_version_is_refused(tmp_path: Path, built_copy: Path) -> None:
    """Another folder, a recipe that cannot be read, and a proof with fields of another version."""
    with pytest.raises(RunError, match=r"expected a run folder with recipe\.toml, found none"):
        read_run(tmp_path / "gone", "gone")
    shutil.copytree(built_copy, tmp_path / "other")
    (tmp_path / "other" / "recipe.toml").write_text("name = 3")
    with pytest.raises(RecipeError, match=r"other/recipe\.toml"):
        read_run(tmp_path / "other", "other")


def test_keys_are_told_by_their_whole_names() -> None:
    """Tables within tables."""
    assert flat({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {"a.b.c": 1, "a.d": [2], "e": None}
