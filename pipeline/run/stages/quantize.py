"""Float network to quantised ONNX: export, then up the ladder until the drop is met."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import normalise
from edge_agent.common.arrays import F32, U8
from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.checkpoint import Checkpoint, load_checkpoint
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.ladder.bench import LadderBench
from pipeline.ladder.ladder import Goal, Ladder, climb
from pipeline.ladder.memory import LadderMemory
from pipeline.ladder.remedies import Remedies
from pipeline.run.given.check import given_graph
from pipeline.run.run import RESUME_FOLDER, Run, Stage, read_result
from pipeline.tasks import task_of
from pipeline.training.finetune import finetune, finetuning
from pipeline.training.int8 import Int8Network
from quantization.fold.fold import fold_graph
from quantization.graph.graph import Graph, read, write
from quantization.quantize import QuantizedModel

FLOAT_FILE = "float.onnx"
# What the quantised network is the rounded form of: the float one, after remedies that change
# its weights.
UNROUNDED_FILE = "unrounded.onnx"
QUANTISED_FILE = "quantised.onnx"
LADDER_FILE = "ladder.json"
RUNGS = "rungs"
# Of ladder.json; a run folder with another one is quantised again.
LADDER_LAYOUT = 2
BATCH = 32


def final_checkpoint_stage(run: Run) -> str:
    """The stage whose network is quantised: `prune` where the recipe prunes, else `train`."""
    return "train" if run.recipe.prune is None else "prune"


def before_int8(run: Run) -> str:
    """What the network that is quantised is called, everywhere: `pruned`, else `trained`."""
    return "trained" if run.recipe.prune is None else "pruned"


def final_checkpoint(run: Run) -> Checkpoint:
    """The network that is quantised."""
    return load_checkpoint(run.path(final_checkpoint_stage(run)))


def load_ladder(run: Run) -> Ladder:
    """The rungs that were tried in this run.

    Raises:
        RunError: another build climbed it.
    """
    return read_result(run, "quantize", run.path("quantize") / LADDER_FILE, Ladder)


def _goal(run: Run) -> Goal | None:
    """What the ladder is climbed for; where no remedy is allowed `verify` alone judges."""
    recipe, limit = run.recipe.quantize, run.recipe.quantization_limit
    most = None if limit is None else getattr(run.recipe.budget, limit)
    aim = most if recipe.aim is None else recipe.aim
    return None if aim is None or not recipe.remedies else Goal(aim, most)


def _inputs(run: Run) -> object:
    stage, goal = final_checkpoint_stage(run), _goal(run)
    may_train = goal is not None and "finetune" in run.recipe.quantize.remedies
    return {
        "network": run.need(stage).outputs,
        "split": run.need("data").outputs,
        "quantize": run.recipe.quantize,
        "goal": goal,
        "finetune": _finetuning(run) if may_train else None,
        "ladder": LADDER_LAYOUT,
    }


def _finetuning(run: Run) -> tuple[object, ...]:
    """All that decides what a fine-tuning learns."""
    return (finetuning(run.recipe), run.recipe.seed, *run.task.identity().values())


def _make(run: Run, work: Path) -> None:
    network = final_checkpoint(run)
    folded = _float_graph(run, network)
    model = write(folded).SerializeToString(deterministic=True)
    remedies = _remedies(run, network, folded, work)
    climbed = climb(
        remedies.first(run.recipe.quantize.first),
        run.recipe.quantize.remedies,
        remedies,
        _bench(run, model),
        _goal(run),
        run.progress,
        LadderMemory(work / RESUME_FOLDER / RUNGS),
    )
    made = climbed.quantized
    write_whole(work / FLOAT_FILE, model)
    write_whole(work / UNROUNDED_FILE, write(made.folded).SerializeToString(deterministic=True))
    write_whole(work / QUANTISED_FILE, write(made.qdq).SerializeToString(deterministic=True))
    ladder = msgspec.json.encode(climbed.ladder)
    write_whole(work / LADDER_FILE, msgspec.json.format(ladder, indent=2))


def _float_graph(run: Run, network: Checkpoint) -> Graph:
    """The network that is quantised, folded: of a file that is taken as it is, its own graph."""
    if run.recipe.train is None:
        return given_graph(network.spec)
    return fold_graph(read(to_onnx(network)))


def _remedies(run: Run, network: Checkpoint, folded: Graph, work: Path) -> Remedies:
    recipe = finetuning(run.recipe)

    def tune(start: QuantizedModel) -> Int8Network:
        assert recipe is not None, "without one, nothing is fine-tuned"
        with run.task.training_data() as data:
            return finetune(
                start,
                network,
                data,
                recipe,
                seed=run.recipe.seed,
                resume_folder=work / RESUME_FOLDER,
                progress=run.progress,
            )

    samples = CalibrationSamples(run.task.pixels("calibration"), run.recipe.input)
    outputs = task_of(run.recipe).outputs
    tuned = None if recipe is None else tune
    return Remedies(folded, samples, run.recipe.quantize.float_share, tuned, outputs)


def _bench(run: Run, float_model: bytes) -> LadderBench:
    return LadderBench.of(
        (before_int8(run), float_model),
        validation_pixels(run),
        run.task.truth("val"),
        run.recipe.input,
        run.progress,
    )


def validation_pixels(run: Run) -> U8:
    """The validation split at the network's size, in memory: every rung looks at it anew."""
    pixels = run.task.pixels("val")
    return pixels[..., 0] if run.recipe.input.channels == 1 else pixels


@dataclass(frozen=True, eq=False)
class CalibrationSamples:
    """The calibration images as (n, C, H, W) batches of at most `BATCH`, as often as asked."""

    images: U8
    spec: InputSpec

    def __iter__(self) -> Iterator[F32]:
        """From the first batch on."""
        for start in range(0, len(self.images), BATCH):
            pixels = self.images[start : start + BATCH]
            yield np.ascontiguousarray(normalise(pixels, self.spec).transpose(0, 3, 1, 2))


QUANTIZE = Stage("quantize", _inputs, _make)
