"""The ladder: what is tried, what is kept, when it ends, and what is said where nothing helps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import onnx
import pytest
from support.scores import accuracy_of

from edge_agent.bundle.metrics import Score
from pipeline.checkpoints.history import EpochRecord
from pipeline.common.errors import GateError
from pipeline.common.progress import Silent
from pipeline.ladder.ladder import (
    Ascent,
    Attempt,
    Figures,
    Goal,
    Ladder,
    Rung,
    climb,
    rung_line,
)
from pipeline.ladder.memory import LadderMemory
from pipeline.recipe import REMEDIES, Remedy
from pipeline.training.int8 import Int8Network
from quantization.graph.graph import Graph, read, write
from quantization.quantize import QuantizedModel
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import Ranges
from quantization.scales.ranges import Range

BUDGET = Goal(0.002, 0.002)


def network(name: str) -> Graph:
    """A network that is told from others by the name of its node."""
    node = onnx.helper.make_node("Relu", ["x"], ["y"], name=name)
    ends = [onnx.helper.make_tensor_value_info(v, onnx.TensorProto.FLOAT, [1, 4]) for v in "xy"]
    return read(onnx.helper.make_model(onnx.helper.make_graph([node], name, ends[:1], ends[1:])))


def name_of(made: QuantizedModel) -> str:
    return made.qdq.nodes[0].name


@dataclass
class Workshop:
    """Remedies and a bench in one: each attempt has the expected drop written beside its name.

    Args:
        drops: by name; the first is the recipe's own quantisation.
        made: the names of what was made, in order.
        bases: what each remedy was given to build on.
    """

    drops: dict[str, float]
    made: list[str] = field(default_factory=list)
    bases: dict[str, str] = field(default_factory=dict)
    stop_at: str = ""

    float_score: Score = field(default_factory=lambda: accuracy_of(900, 1000))

    def __call__(self, quantized: QuantizedModel, name: str) -> Figures:
        assert name == name_of(quantized)
        drop = self.drops[name]
        score = accuracy_of(900 - round(1000 * drop), 1000)
        return Figures(
            score=score,
            drop=0.9 - score.value,
            expected_drop=drop,
            agreement=1 - 2 * drop,
            size_bytes=10_000,
            latency_ms=0.25,
        )

    def attempt(self, name: str, **changes: Any) -> Attempt:
        def make() -> Int8Network:
            if name == self.stop_at:
                raise KeyboardInterrupt
            self.made.append(name)
            ranges = Ranges({name: Range(-0.1, 1 / 3)}, 7)
            recipe = QuantRecipe(**changes)
            history = (EpochRecord(1, 0.5, 0.4, 0.9, 1e-3, 2.5),) if name == "finetune" else ()
            return Int8Network(
                QuantizedModel(network(f"{name} unrounded"), ranges, network(name), recipe), history
            )

        return Attempt(name, make)

    def attempts(self, remedy: Remedy, best: QuantizedModel) -> Iterator[Attempt]:
        self.bases[remedy] = name_of(best)
        for name in self.drops:
            if name.startswith(remedy):
                layers = ("a",) if remedy == "float-layers" else ()
                yield self.attempt(name, float_layers=layers)

    def climb(
        self,
        goal: Goal | None = BUDGET,
        remedies: Sequence[Remedy] = REMEDIES,
        memory: LadderMemory | None = None,
    ) -> Ascent:
        first = self.attempt(next(iter(self.drops)))
        return climb(first, remedies, self.attempts, self, goal, Silent(), memory)


def test_the_first_rung_is_enough_where_it_meets_the_budget() -> None:
    """At the limit itself, too; no remedy is tried."""
    for drop in (0.0, 0.002):
        workshop = Workshop({"int8": drop, "ranges": 0.0})
        climbed = workshop.climb()
        assert workshop.made == ["int8"]
        assert [(rung.name, rung.met, rung.kept) for rung in climbed.ladder.rungs] == [
            ("int8", True, True)
        ]
        assert name_of(climbed.quantized) == "int8"


def test_remedies_are_tried_cheapest_first_until_the_budget_is_met() -> None:
    """Whatever their order in the recipe; what would come after the one that does is not made."""
    drops = {"int8": 0.05, "ranges": 0.04, "equalize": 0.03, "rounding": 0.001, "finetune": 0.0}
    workshop = Workshop(drops)
    climbed = workshop.climb(remedies=("finetune", "rounding", "equalize", "ranges"))
    assert workshop.made == ["int8", "ranges", "equalize", "rounding"]
    assert climbed.ladder.chosen.name == name_of(climbed.quantized) == "rounding"
    assert [rung.met for rung in climbed.ladder.rungs] == [False, False, False, True]


def test_a_remedy_that_made_it_worse_is_shown_but_not_built_on() -> None:
    """The next one starts from the best so far; equally good is not better."""
    drops = {"int8": 0.05, "ranges": 0.06, "equalize": 0.05, "rounding": 0.03, "finetune": 0.001}
    workshop = Workshop(drops)
    climbed = workshop.climb()
    assert [(rung.name, rung.kept) for rung in climbed.ladder.rungs] == [
        ("int8", True),
        ("ranges", False),
        ("equalize", False),
        ("rounding", True),
        ("finetune", True),
    ]
    assert workshop.bases["equalize"] == workshop.bases["rounding"] == "int8"
    assert workshop.bases["finetune"] == "rounding"


def test_layers_in_float_are_undone_before_fine_tuning() -> None:
    """Several numbers of them are tried; what is trained is the best that is int8 throughout."""
    drops = {"int8": 0.05, "float-layers 1": 0.04, "float-layers 2": 0.02, "float-layers 4": 0.03}
    workshop = Workshop(drops | {"finetune": 0.03})
    climbed = workshop.climb(Goal(0.02, 0.02))
    assert climbed.ladder.chosen.name == "float-layers 2"
    assert workshop.made == ["int8", "float-layers 1", "float-layers 2"]
    climbed = workshop.climb(Goal(0.001, 0.025))
    assert workshop.bases["finetune"] == "int8"
    assert name_of(climbed.quantized) == "float-layers 2"
    assert not climbed.ladder.rungs[-1].kept


def test_without_a_goal_only_the_recipes_own_quantisation_is_made() -> None:
    """However bad it is: nothing was promised."""
    workshop = Workshop({"int8": 0.5, "ranges": 0.0})
    climbed = workshop.climb(goal=None)
    assert workshop.made == ["int8"]
    assert climbed.ladder.rungs[0].met is None


def test_only_what_the_recipe_allows_is_tried() -> None:
    """A remedy that is not among the recipe's is not made."""
    workshop = Workshop({"int8": 0.05, "ranges": 0.0, "rounding": 0.001})
    assert workshop.climb(remedies=("rounding",)).ladder.chosen.name == "rounding"
    assert workshop.made == ["int8", "rounding"]


def test_a_lower_aim_climbs_on_and_fails_only_beyond_the_budget() -> None:
    """What is within the budget goes on, the best of it, if nothing reaches the aim."""
    workshop = Workshop({"int8": 0.0015, "ranges": 0.0012, "rounding": 0.0013})
    climbed = workshop.climb(Goal(aim=0.001, max_drop=0.002))
    assert workshop.made == ["int8", "ranges", "rounding"]
    assert name_of(climbed.quantized) == "ranges"
    assert all(rung.met for rung in climbed.ladder.rungs)


def test_an_aim_without_a_budget_fails_nothing() -> None:
    """The best goes on, and is said not to have met what was aimed for."""
    climbed = Workshop({"int8": 0.3, "ranges": 0.2}).climb(Goal(aim=0.1, max_drop=None))
    assert climbed.ladder.chosen.name == "ranges"
    assert climbed.ladder.chosen.met is False


@pytest.mark.parametrize(
    ("drops", "remedies", "message"),
    [
        (
            {"int8": 0.0245, "ranges": 0.0045, "equalize": 0.0145},
            REMEDIES,
            "budget: quantisation drop: expected at most 0.2 points, found 0.45 points on the "
            "validation split "
            "with 'ranges', the best of 3 rungs: 0.25 points too much",
        ),
        (
            {"int8": 0.0245, "rounding": 0.00201},
            ("rounding", "float-layers"),
            "budget: quantisation drop: expected at most 0.2 points, found 0.201 points on the "
            "validation split "
            "with 'rounding', the best of 2 rungs: 0.001 points too much; "
            "quantize.remedies does not allow ranges, equalize, finetune",
        ),
        (
            {"int8": 0.5},
            REMEDIES[1:],
            "budget: quantisation drop: expected at most 0.2 points, found 50 points on the "
            "validation split with 'int8', the only rung: 49.8 points too much; "
            "quantize.remedies does not allow ranges",
        ),
    ],
)
def test_where_none_meets_the_budget_it_is_said_by_how_much(
    drops: dict[str, float], remedies: Sequence[Remedy], message: str
) -> None:
    """The best rung, what it costs, what was allowed, and what the recipe did not let be tried."""
    with pytest.raises(GateError) as caught:
        Workshop(drops).climb(remedies=remedies)
    assert str(caught.value) == message


def test_a_rung_is_one_line_of_the_progress() -> None:
    """Name, accuracy, both drops, size, latency, time, and what became of it."""
    rung = Workshop({"int8": 0.0125}).climb(goal=None).ladder.rungs[0]
    rung = msgspec.structs.replace(rung, seconds=1.25)
    text = "quantize: int8: val 88.80 %, drop 1.20 points, expected 1.25, 10.0 kB, 0.250 ms, 1.2 s"
    assert rung_line(rung) == text
    for changes, verdict in (
        ({"met": True}, "within the budget"),
        ({"met": False}, "kept"),
        ({"met": False, "kept": False}, "not kept"),
    ):
        assert rung_line(msgspec.structs.replace(rung, **changes)) == f"{text}, {verdict}"


def test_a_ladder_is_read_back_as_it_was_written_and_strictly() -> None:
    """Every rung with its recipe and its epochs; what nobody wrote is refused."""
    ladder = Workshop({"int8": 0.05, "float-layers 1": 0.04, "finetune": 0.0}).climb().ladder
    text = msgspec.json.encode(ladder)
    assert msgspec.json.decode(text, type=Ladder) == ladder
    assert ladder.rungs[1].recipe.float_layers == ("a",)
    assert ladder.rungs[2].history[0].val_accuracy == 0.9
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(text.replace(b'"aim"', b'"goal"'), type=Ladder)


DROPS = {"int8": 0.05, "ranges": 0.04, "rounding": 0.045, "finetune": 0.001}


def test_a_killed_climb_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was finished is not made again, and the end is that of an undisturbed climb."""
    straight = Workshop(DROPS).climb()
    workshop = Workshop(DROPS, stop_at="finetune")
    with pytest.raises(KeyboardInterrupt):
        workshop.climb(memory=LadderMemory(tmp_path))
    assert workshop.made == ["int8", "ranges", "rounding"]
    again = Workshop(DROPS)
    climbed = again.climb(memory=LadderMemory(tmp_path))
    assert again.made == ["finetune"]
    assert again.bases["finetune"] == "ranges"

    def timeless(rungs: tuple[Rung, ...]) -> list[Rung]:
        return [msgspec.structs.replace(rung, seconds=0.0) for rung in rungs]

    assert timeless(climbed.ladder.rungs) == timeless(straight.ladder.rungs)
    last = Workshop(DROPS).climb(memory=LadderMemory(tmp_path)).quantized
    assert (last.ranges, last.recipe) == (straight.quantized.ranges, straight.quantized.recipe)
    for found, wanted in (
        (last.folded, straight.quantized.folded),
        (last.qdq, straight.quantized.qdq),
    ):
        assert write(found) == write(wanted)


@pytest.mark.parametrize("file", ["1.json", "1.qdq.onnx", "1.folded.onnx", "1.ranges.json"])
@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_rung_that_is_not_whole_is_made_again(tmp_path: Path, file: str, damage: str) -> None:
    """The others are not."""
    Workshop(DROPS).climb(memory=LadderMemory(tmp_path))
    path = tmp_path / file
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:9])
    workshop = Workshop(DROPS)
    workshop.climb(memory=LadderMemory(tmp_path))
    assert workshop.made == ["ranges"]


def test_a_rung_of_another_name_is_not_taken(tmp_path: Path) -> None:
    """It was left by something else."""
    Workshop(DROPS).climb(memory=LadderMemory(tmp_path))
    workshop = Workshop({"int8": 0.05, "equalize": 0.001})
    assert workshop.climb(memory=LadderMemory(tmp_path)).ladder.chosen.name == "equalize"
    assert workshop.made == ["equalize"]
