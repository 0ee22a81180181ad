"""The quantising stage: what makes it work again, what it leaves, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from support.progress import recorded

from pipeline.common.errors import GateError
from pipeline.run.run import Run, perform
from pipeline.run.stages.prune import PRUNE
from pipeline.run.stages.quantize import (
    FLOAT_FILE,
    LADDER_FILE,
    QUANTISED_FILE,
    QUANTIZE,
    UNROUNDED_FILE,
    CalibrationSamples,
    load_ladder,
)
from pipeline.run.stages.train import TRAIN
from quantization.graph.graph import read, write
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe

# Ranges that cut half of every activation off: a network that int8 has hurt.
HURT = 'calibration = "percentile", percentile = 60'


def test_one_rung_without_a_budget(built: Path, open_tiny: Callable[..., Run]) -> None:
    """The recipe's own quantisation, measured but not judged; fine-tuning is not even prepared."""
    run = open_tiny(built)
    ladder = load_ladder(run)
    assert [(rung.name, rung.met, rung.kept) for rung in ladder.rungs] == [("int8", None, True)]
    assert ladder.goal is None
    assert ladder.rungs[0].recipe == QuantRecipe()
    files = {path.name for path in (built / "quantize").iterdir()}
    assert files == {FLOAT_FILE, UNROUNDED_FILE, QUANTISED_FILE, LADDER_FILE, "stage.json"}


@pytest.mark.parametrize(
    "changes",
    [
        {"quantize": '{ calibration = "mse" }'},
        {"budget": "{ max_drop = 0.9 }"},
        {"quantize": "{ aim = 0.9 }"},
        {"quantize": "{ remedies = [] }"},
    ],
    ids=str,
)
def test_what_decides_on_the_quantisation_redoes_it_alone(
    built_copy: Path, open_tiny: Callable[..., Run], changes: dict[str, str]
) -> None:
    """Neither training nor pruning depends on it."""
    run = open_tiny(built_copy, **changes)
    assert not perform(run, TRAIN)
    assert not perform(run, PRUNE)
    assert perform(run, QUANTIZE)
    assert not perform(run, QUANTIZE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"budget": "{ max_size_kb = 900, min_accuracy = 0.1 }"}),
        ({}, {"output": "{ min_confidence = 0.5 }"}),
        (
            {"quantize": "{ remedies = [] }", "budget": "{ max_drop = 0.9 }"},
            {"quantize": "{ remedies = [] }", "budget": "{ max_drop = 0.8 }"},
        ),
    ],
    ids=["other gates", "confidence", "no remedies"],
)
def test_what_decides_nothing_here_leaves_it_as_it_is(
    built_copy: Path,
    open_tiny: Callable[..., Run],
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    """Must not fire: the last result stands."""
    perform(open_tiny(built_copy, **before), QUANTIZE)
    assert not perform(open_tiny(built_copy, **after), QUANTIZE)


def test_a_remedy_that_meets_the_budget_goes_on(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """Its network is what export finds; the float network stays the one that was trained."""
    float_model = (built_copy / "quantize" / FLOAT_FILE).read_bytes()
    table = f'{{ {HURT}, remedies = ["ranges", "finetune"] }}'
    run = open_tiny(built_copy, quantize=table, budget="{ max_drop = 0.05 }")
    assert perform(run, QUANTIZE)
    ladder = load_ladder(run)
    assert [(rung.name, rung.met) for rung in ladder.rungs] == [
        ("int8", False),
        ("better ranges", True),
    ]
    assert ladder.rungs[0].figures.drop > 0.1
    assert ladder.rungs[0].recipe == QuantRecipe(calibration="percentile", percentile=60)
    assert (built_copy / "quantize" / FLOAT_FILE).read_bytes() == float_model
    samples = CalibrationSamples(run.task.pixels("calibration"), run.recipe.input)
    folded = read(onnx.load(built_copy / "quantize" / FLOAT_FILE))
    wanted = quantize(folded, samples, ladder.chosen.recipe).qdq
    found = (built_copy / "quantize" / QUANTISED_FILE).read_bytes()
    assert found == write(wanted).SerializeToString(deterministic=True)
    lines = [line for line in recorded(run.progress).lines if line.startswith("quantize: ")]
    assert lines[0].endswith(" s, kept")
    assert lines[1].endswith(" s, within the budget")


def test_a_budget_out_of_reach_refuses_the_stage(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """It says by how much and what was not allowed; the last result is left as it was."""
    before = (built_copy / "quantize" / LADDER_FILE).read_bytes()
    quantize = f'{{ {HURT}, remedies = ["rounding"] }}'
    run = open_tiny(built_copy, quantize=quantize, budget="{ max_drop = 0.01 }")
    with pytest.raises(GateError) as caught:
        perform(run, QUANTIZE)
    message = str(caught.value)
    assert message.startswith("budget: quantisation drop: expected at most 1 points, found ")
    assert "the best of 2 rungs" in message
    assert message.endswith(
        "; quantize.remedies does not allow ranges, equalize, float-layers, finetune"
    )
    assert (built_copy / "quantize" / LADDER_FILE).read_bytes() == before
    assert not list((built_copy / ".work").iterdir())


def test_without_remedies_the_verdict_is_left_to_verify(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """The network is made as the recipe says, however much it drops here."""
    quantize = f"{{ {HURT}, remedies = [] }}"
    run = open_tiny(built_copy, quantize=quantize, budget="{ max_drop = 0.01 }")
    assert perform(run, QUANTIZE)
    (rung,) = load_ladder(run).rungs
    assert rung.met is None
    assert rung.figures.drop > 0.1
