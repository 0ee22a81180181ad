"""What int8 changes in the architectures whose trained weights are on this machine.

    python benchmarks/zoo.py PHOTOS [--images N] [--write]
    python benchmarks/zoo.py --sizes

Each network with its published weights and all its 1000 classes, at its own resolution: in float
by onnxruntime, in int8 by the device's interpreter. Counted is how often both name the same class
of photographs that calibration has not seen; labels are not needed for that. `--write` puts the
figures into recipes/zoo.json, which `edgeward models` reads. `--sizes` writes how large the int8
file of every architecture is, whatever it learnt, into recipes/zoo-sizes.json.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from daemon.figures import Figure
from record.results import record

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import preprocess
from edge_agent.common.arrays import F32, U8
from edge_agent.common.atomic import write_whole
from edge_agent.inference.runtime import Interpreter
from pipeline.architectures.int8_costs import (
    FILE,
    SIZES_FILE,
    Int8Cost,
    Int8Size,
    int8_costs,
    int8_sizes,
)
from pipeline.architectures.measurements import int8_file
from pipeline.catalogue.folder import recipe_folder
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.common.errors import DataError
from pipeline.data.readers.images import IMAGE_SUFFIXES, read_image
from pipeline.data.root import data_root
from pipeline.measure.evaluate import onnx_session, wilson
from pipeline.models import ModelSpec
from pipeline.models.zoo import ZOO, ZooEntry, entry
from pipeline.weights.find import WeightsFile, find_known
from pipeline.weights.known import KNOWN
from pipeline.weights.start import starting_point
from quantization.convert import convert
from quantization.fold.fold import fold

CALIBRATION = 64


def main() -> None:
    """Measure each, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("photos", type=Path, nargs="?", help="a folder with photographs below it")
    parser.add_argument("--sizes", action="store_true", help=f"write recipes/{SIZES_FILE}")
    parser.add_argument("--images", type=int, default=200, help="how many to compare on")
    parser.add_argument("--write", action="store_true", help=f"into recipes/{FILE}")
    options = parser.parse_args()
    if options.sizes:
        write_sizes(recipe_folder() / SIZES_FILE)
        return
    if options.photos is None:
        parser.error("expected PHOTOS, or --sizes")
    chosen = photographs(options.photos, CALIBRATION + options.images)
    found = int8_costs(recipe_folder())
    figures = list[Figure]()
    for row in KNOWN:
        file = find_known(row, data_root())
        if file is None:
            print(f"{row.arch}: not measured, {row.file} is not on this machine")
            continue
        cost = measured(entry(row.arch), file, chosen, options.photos.name)
        found[row.arch] = cost
        figure = Figure(
            f"{row.arch} with ImageNet's weights: int8 names the class that float names",
            100 * cost.same,
            "%",
            beside=f"[{100 * cost.low:.1f}, {100 * cost.high:.1f}] of {cost.images} photographs",
            headline=True,
        )
        figures.append(figure)
        print(f"{figure.name}: {figure.value:.1f} % {figure.beside}")
    record("zoo", figures)
    if options.write:
        text = msgspec.json.format(msgspec.json.encode(dict(sorted(found.items()))), indent=1)
        write_whole(recipe_folder() / FILE, text + b"\n")


def write_sizes(path: Path) -> None:
    """Make the int8 file of every architecture that has no size yet; the largest take minutes."""
    found = int8_sizes(path.parent)
    for known in sorted(ZOO, key=lambda one: one.parameters):
        size = found.get(known.name)
        if size is None or size.side != known.side:
            length, day = len(int8_file(known)), f"{datetime.now(UTC):%Y-%m-%d}"
            found[known.name] = Int8Size(side=known.side, size_bytes=length, date=day)
            text = msgspec.json.format(msgspec.json.encode(found), indent=1)
            write_whole(path, text + b"\n")
            print(f"{known.name}: {length:,} bytes", flush=True)


def photographs(folder: Path, count: int) -> list[Path]:
    """So many of the photographs below a folder, evenly from all.

    Raises:
        DataError: there are not so many.
    """
    every = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if len(every) < count:
        raise DataError(f"{folder}: expected {count} photographs, found {len(every)}")
    return [every[place * len(every) // count] for place in range(count)]


def measured(known: ZooEntry, file: WeightsFile, photos: Sequence[Path], data: str) -> Int8Cost:
    """One architecture, with its weights, on the photographs that do not calibrate it."""
    assert file.row is not None, "known weights have a row"
    spec = InputSpec(
        height=known.side, width=known.side, colour="rgb", mean=file.row.mean, std=file.row.std
    )
    network = starting_point(ModelSpec(arch=known.name, classes=1000, input=spec), file, 0).network
    model = fold(to_onnx(network))
    # Every so many calibrates: of the same kind as those it is judged on, and none of them.
    step = len(photos) // CALIBRATION
    calibrating = set(photos[::step][:CALIBRATION])
    judged = [path for path in photos if path not in calibrating]
    tflite = convert(model, list(inputs(sorted(calibrating), spec))).tflite
    session = onnx_session(model.SerializeToString())
    name = session.get_inputs()[0].name
    same = 0
    with Interpreter(tflite, threads=1, place=known.name) as interpreter:
        affine = interpreter.input.affine
        assert affine is not None, "an int8 network has a scale"
        for x in inputs(judged, spec):
            (float_scores,) = session.run(None, {name: x})
            (int8_scores, *_) = interpreter.infer(affine.quantize(x.transpose(0, 2, 3, 1)))
            same += int(np.argmax(float_scores) == np.argmax(int8_scores))
    share = wilson(same, len(judged))
    return Int8Cost(
        weights=file.row.name,
        side=known.side,
        images=len(judged),
        same=share.value,
        low=share.low,
        high=share.high,
        data=data,
        method=f"minmax on {len(calibrating)} photographs",
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def inputs(paths: Sequence[Path], spec: InputSpec) -> Iterator[F32]:
    """Photographs as the network sees them, (1, 3, H, W)."""
    for path in paths:
        image: U8 = read_image(path)
        yield np.ascontiguousarray(preprocess(image, spec, "rgb").transpose(0, 3, 1, 2))


if __name__ == "__main__":
    main()
