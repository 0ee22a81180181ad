"""The tiny text bundle of the tests: reads grey stripes; see tests/data/make_stripes.py."""

from pathlib import Path

import msgspec
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
from edge_agent.tasks.ocr.spec import Promise, TextSpec

MODEL = Path(__file__).parents[1] / "data" / "stripes.tflite"
HEIGHT, WIDTH, STRIPE = 16, 64, 4
CHARSET = ("0", "1", "2", "3", ".")
WHITE = 255
# The grey level of each character, as in make_stripes.py.
INK = {
    c: round(255 * level)
    for c, level in zip(CHARSET, (0, 0.1875, 0.375, 0.5625, 0.75), strict=True)
}


def stripes(text: str, scale: int = 1) -> U8:
    """`text`, of at most 8 characters, as the network reads it; (16, 64) times `scale`.

    Every character is a stripe, followed by a white one.
    """
    row = np.full(WIDTH, WHITE, np.uint8)
    for place, character in enumerate(text):
        row[2 * place * STRIPE : (2 * place + 1) * STRIPE] = INK[character]
    image = np.tile(row, (HEIGHT, 1))
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def text_spec(**changes: object) -> TextSpec:
    """What the network writes."""
    spec = TextSpec(
        charset=CHARSET,
        steps=WIDTH // STRIPE,
        min_confidence=0.9,
        promise=Promise(error=0.001, coverage=0.92, samples=1000),
    )
    return msgspec.structs.replace(spec, **changes)


def stripes_manifest(**changes: object) -> Manifest:
    """The manifest of the tiny text network."""
    digest, spec = "0" * 64, text_spec(**changes)
    return Manifest(
        format=FORMAT_VERSION,
        name="stripes",
        input=InputSpec(height=HEIGHT, width=WIDTH, colour="gray", mean=(0.0,), std=(1.0,)),
        input_affine=Affine(0.003921568859368563, -128),
        outputs=(
            OutputPort(
                name="scores",
                shape=spec.shape,
                dtype="int8",
                affine=Affine(0.7843137383460999, 127),
            ),
        ),
        output=spec,
        golden=Golden(frames=2, tolerance_quanta=1),
        files={},
        provenance=Provenance(
            recipe_sha256=digest, data_sha256=digest, code_version="test", created="2026-01-01"
        ),
    )


def write_stripes(path: Path, **changes: object) -> None:
    """Write the bundle, with real golden outputs of two texts, to `path`."""
    manifest, model = stripes_manifest(**changes), MODEL.read_bytes()
    images = [stripes("012"), stripes("3.11")]
    with Network(model, Ports.of(manifest), 1, "stripes") as network:
        golden = tuple(GoldenFrame(image, network(image)) for image in images)
    write_bundle(bundle_files(manifest, model, golden), path)
