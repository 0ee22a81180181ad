"""`build` and the commands of single stages: what is done again, and what is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.progress import recorded

from pipeline.common.errors import RunError
from pipeline.run.build import build, single
from pipeline.run.run import ORIGIN_FILE, RECIPE_FILE, Run
from pipeline.run.stages import STAGES

NAMES = ["data", "train", "prune", "quantize", "export", "verify", "report"]


def test_a_second_build_repeats_nothing(built_copy: Path, open_tiny: Callable[..., Run]) -> None:
    """Every stage says that it is unchanged, in order, and no work is done."""
    run = open_tiny(built_copy)
    build(run)
    assert recorded(run.progress).lines == [f"{name}: unchanged" for name in NAMES]
    assert recorded(run.progress).tasks == []


@pytest.mark.parametrize(
    ("key", "value", "affected"),
    [
        # The ladder of remedies is climbed for the drop; other gates are held by `verify` alone.
        ("budget", "{ max_drop = 1.0 }", {"quantize", "export", "verify", "report"}),
        ("budget", "{ min_accuracy = 0.1 }", {"export", "verify", "report"}),
        ("quantize", '{ calibration = "percentile" }', {"quantize", "export", "report"}),
        ("train", "{ epochs = 4 }", {"train", "export", "report"}),
        ("seed", "2", {"data", "train", "export", "report"}),
        ("prune", "{ train = { epochs = 2 } }", {"prune", "export", "report"}),
        (
            "input",
            '{ height = 9, width = 8, colour = "gray", mean = [0.5], std = [0.5] }',
            {"train", "export", "report"},
        ),
        ("model", '{ arch = "ds_cnn" }', {"train", "export", "report"}),
        # Without pruning another network is quantised and verified.
        ("prune", "", {"prune", "quantize", "verify", "export", "report"}),
    ],
)
def test_a_changed_key_changes_the_inputs_of_the_stages_that_read_it(
    built: Path, open_tiny: Callable[..., Run], key: str, value: str, affected: set[str]
) -> None:
    """Must fire for these and for no other; what follows from their results comes after."""
    before, after = open_tiny(built), open_tiny(built, **{key: value})
    changed = {stage.name for stage in STAGES if stage.inputs(before) != stage.inputs(after)}
    assert changed == affected


def test_a_single_stage_needs_the_ones_before_it(
    tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """Pruning before training says what is missing; the data it needs is there by itself."""
    run = open_tiny(tmp_path / "run")
    with pytest.raises(RunError, match=r"expected the finished stage 'train'"):
        single(run, "prune")
    assert run.record("data") is not None


def test_a_single_stage_does_that_stage_alone(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """A report asked for again is unchanged; nothing else is even looked at."""
    run = open_tiny(built_copy)
    single(run, "report")
    assert recorded(run.progress).lines == ["data: unchanged", "report: unchanged"]


def test_an_unknown_stage_is_named_with_those_there_are(
    tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """A name that is no stage's is refused before anything is written."""
    run = open_tiny(tmp_path / "run")
    with pytest.raises(RunError) as caught:
        single(run, "deploy")
    assert str(caught.value) == f"stage: expected one of {', '.join(NAMES)}, found 'deploy'"
    assert not run.folder.exists()


def test_the_run_keeps_its_recipe_and_where_it_came_from(built: Path) -> None:
    """The exact bytes, so that a later command of a single stage is the same job."""
    assert (built / RECIPE_FILE).read_text().startswith('name = "tiny"')
    assert Path((built / ORIGIN_FILE).read_text().strip()) == built / "tiny.toml"


def test_nothing_is_left_of_the_work(built: Path) -> None:
    """What stages worked in is gone once they are done."""
    assert not list((built / ".work").iterdir())
