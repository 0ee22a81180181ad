"""Bundles to measure speed with: real architectures, untrained, calibrated on real pixels.

What weights a network has does not change how long it takes; which layers it has does.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_images

from edge_agent.bundle.archive import bundle_files, open_bundle, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import (
    FORMAT_VERSION,
    Golden,
    InputSpec,
    Manifest,
    Provenance,
)
from edge_agent.common.arrays import F32, U8
from edge_agent.inference.network import Network
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.checkpoints.checkpoint import fresh
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.measure.evaluate import to_nchw
from pipeline.measure.lowered_ports import lowered_ports
from pipeline.models import ModelSpec
from quantization.convert import convert
from quantization.recipe import QuantRecipe


def mobilenet_v2(folder: Path, width: float, side: int) -> Path:
    """A bundle of MobileNetV2 in `folder`: width multiplier, input side, 1000 classes."""
    path = folder / f"mobilenet_v2-{width}-{side}.edgeward"
    if path.exists():
        return path
    spec = InputSpec(
        height=side,
        width=side,
        colour="rgb",
        interpolation="linear",
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    )
    network = fresh(ModelSpec(arch="mobilenet_v2", classes=1000, input=spec, width=width), 0)
    photos = [np.asarray(image, np.uint8) for image in load_sample_images().images]
    converted = convert(to_onnx(network), _samples(photos, spec), QuantRecipe())
    ports = lowered_ports(converted.lowered, spec)
    frame = photos[0][::2, ::2].copy()
    with Network(converted.tflite, ports, threads=1, place=str(path)) as network_int8:
        golden = GoldenFrame(frame, network_int8(frame))
    manifest = Manifest(
        format=FORMAT_VERSION,
        name=f"mobilenet_v2-{width}-{side}",
        input=spec,
        input_affine=ports.affine,
        outputs=ports.outputs,
        output=ClassifySpec(labels=tuple(f"class {i}" for i in range(1000))),
        golden=Golden(frames=1, tolerance_quanta=32),
        files={},
        provenance=Provenance(
            recipe_sha256="0" * 64,
            data_sha256="0" * 64,
            code_version="benchmark",
            created="1970-01-01T00:00:00+00:00",
        ),
    )
    write_bundle(bundle_files(manifest, converted.tflite, (golden,)), path)
    open_bundle(path)
    return path


def _samples(photos: list[U8], spec: InputSpec) -> Iterator[F32]:
    for photo in photos:
        yield to_nchw(photo, spec)
