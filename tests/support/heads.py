"""The tiny bundle with three outputs; see tests/data/make_heads.py."""

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
from edge_agent.bundle.ports import Ports
from edge_agent.common.arrays import U8
from edge_agent.inference.network import Network
from edge_agent.tasks.classify.spec import ClassifySpec

MODEL = Path(__file__).parents[1] / "data" / "heads.tflite"
HEIGHT, WIDTH = 6, 10
OUTPUTS = (
    OutputPort(name="scores", shape=(1, 2), dtype="int8", affine=Affine(0.3137255012989044, -1)),
    OutputPort(
        name="map",
        shape=(1, HEIGHT, WIDTH, 3),
        dtype="int8",
        affine=Affine(0.007843137718737125, -1),
    ),
    OutputPort(name="best", shape=(1, 1), dtype="int32"),
)


def heads_manifest() -> Manifest:
    """The manifest of the network with three outputs."""
    digest = "0" * 64
    return Manifest(
        format=FORMAT_VERSION,
        name="heads",
        input=InputSpec(height=HEIGHT, width=WIDTH, colour="gray", mean=(0.0,), std=(1.0,)),
        input_affine=Affine(0.003921568859368563, -128),
        outputs=OUTPUTS,
        output=ClassifySpec(labels=("dark", "bright")),
        golden=Golden(frames=2, tolerance_quanta=1),
        files={},
        provenance=Provenance(
            recipe_sha256=digest, data_sha256=digest, code_version="test", created="2026-01-01"
        ),
    )


def slope(low: int, high: int) -> U8:
    """A grey picture that goes from `low` at its left to `high` at its right; (6, 10)."""
    row = np.linspace(low, high, WIDTH).round().astype(np.uint8)
    return np.tile(row, (HEIGHT, 1))


def golden_frames() -> tuple[GoldenFrame, ...]:
    """A dark and a bright picture with what the network makes of them here."""
    images = (slope(0, 100), slope(250, 120))
    with Network(MODEL.read_bytes(), Ports.of(heads_manifest()), 1, "heads") as network:
        return tuple(GoldenFrame(image, network(image)) for image in images)


def write_heads(path: Path) -> None:
    """Write the bundle, with real golden outputs of two pictures, to `path`."""
    files = bundle_files(heads_manifest(), MODEL.read_bytes(), golden_frames())
    write_bundle(files, path)
