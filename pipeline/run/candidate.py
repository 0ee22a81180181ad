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
    Quantisation,
)
from pipeline.run.run import Run
from quantization.lower import Lowered

# LiteRT was measured to differ by up to 6 quanta between processors and kernels.
TOLERANCE_QUANTA = 6
LIBRARIES = ("numpy", "torch", "onnx", "onnxruntime", "opencv-python-headless", "torch-pruning")


def draft_manifest(run: Run, lowered: Lowered) -> Manifest:
    """The manifest before its temperature, golden frames and file hashes are known."""
    recipe = run.recipe
    return Manifest(
        format=FORMAT_VERSION,
        name=recipe.name,
        input=recipe.input,
        output=run.task.output(),
        quantisation=Quantisation(input=lowered.input, output=lowered.output),
        golden=Golden(frames=1, tolerance_quanta=TOLERANCE_QUANTA),
        files={},
        provenance=Provenance(
            recipe_sha256=sha256(run.recipe_text),
            data_sha256=run.dataset.sha256,
            code_version=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={name: version(name) for name in LIBRARIES},
        ),
    )
