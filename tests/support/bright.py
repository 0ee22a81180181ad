"""The tiny bundle of the tests: says `dark` or `bright` of any image."""

from pathlib import Path

import numpy as np

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.archive import bundle_files, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import (
    FORMAT_VERSION,
    Golden,
    InputSpec,
    Manifest,
    OutputPort,
    Provenance,
)
from edge_agent.inference.runtime import Interpreter
from edge_agent.tasks.classify.spec import ClassifySpec

DATA = Path(__file__).parents[1] / "data"


def bright_manifest() -> Manifest:
    """The manifest of the tiny model in tests/data: `dark` or `bright`, 8x8 RGB."""
    digest = "0" * 64
    return Manifest(
        format=FORMAT_VERSION,
        name="bright",
        input=InputSpec(height=8, width=8, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3),
        input_affine=Affine(0.003921568859368563, -128),
        outputs=(
            OutputPort(
                name="scores",
                shape=(1, 2),
                dtype="int8",
                affine=Affine(0.012500000186264515, 0),
            ),
        ),
        output=ClassifySpec(labels=("dark", "bright"), temperature=0.1, min_confidence=0.6),
        golden=Golden(frames=2, tolerance_quanta=1),
        files={},
        provenance=Provenance(
            recipe_sha256=digest, data_sha256=digest, code_version="test", created="2026-01-01"
        ),
    )


def write_bright(path: Path) -> None:
    """Write the bundle, with real golden outputs of two grey frames, to `path`."""
    model = (DATA / "bright.tflite").read_bytes()
    golden = []
    with Interpreter(model) as interpreter:
        for level in (40, 220):
            image = np.full((24, 32, 3), level, np.uint8)
            raws = interpreter.infer(np.full((1, 8, 8, 3), level - 128, np.int8))
            golden.append(GoldenFrame(image, raws))
    write_bundle(bundle_files(bright_manifest(), model, tuple(golden)), path)
