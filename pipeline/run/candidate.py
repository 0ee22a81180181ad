"""The manifest of a network that nobody has verified yet."""

from datetime import UTC, datetime
from importlib.metadata import version

from edge_agent import __version__
from edge_agent.bundle.archive import sha256
from edge_agent.bundle.manifest import (
    FORMAT_VERSION,
    Golden,
    Manifest,
    Provenance,
    TrainedWeights,
)
from edge_agent.bundle.ports import Ports
from edge_agent.tasks.kinds import OutputSpec
from pipeline.run.run import Run
from pipeline.run.stages.quantize import final_checkpoint
from pipeline.weights.start import WEIGHTS_STEP

# LiteRT was measured to differ by up to 6 quanta between processors and kernels.
TOLERANCE_QUANTA = 6
LIBRARIES = ("numpy", "torch", "onnx", "onnxruntime", "opencv-python-headless", "torch-pruning")


def candidate_manifest(run: Run, ports: Ports, output: OutputSpec, frames: int) -> Manifest:
    """The manifest of a candidate; packing it fills in the hashes of its files.

    Args:
        run: what it came from.
        ports: of its network.
        output: what the device makes of the outputs.
        frames: how many golden frames it has.
    """
    recipe = run.recipe
    return Manifest(
        format=FORMAT_VERSION,
        name=recipe.name,
        input=ports.input,
        input_affine=ports.affine,
        outputs=ports.outputs,
        output=output,
        golden=Golden(frames=frames, tolerance_quanta=TOLERANCE_QUANTA),
        files={},
        provenance=Provenance(
            recipe_sha256=sha256(run.recipe_text),
            data_sha256=run.dataset.sha256,
            code_version=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={name: version(name) for name in LIBRARIES} | _own(run),
            weights=_weights(run),
        ),
    )


def _weights(run: Run) -> TrainedWeights | None:
    """What the network's training started from, as its own record has it."""
    for step in final_checkpoint(run).lineage:
        if step.stage == WEIGHTS_STEP:
            return TrainedWeights(label=step.settings["name"], sha256=step.settings["sha256"])
    return None


def _own(run: Run) -> dict[str, str]:
    """The hash of the code or the file that a network of one's own is made from."""
    own = run.task.model.own
    return {} if own is None else {run.recipe.model.network: f"sha256:{own.sha256}"}
