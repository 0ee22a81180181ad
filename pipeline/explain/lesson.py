"""`Lesson`: one image through a bundle's network by the NumPy reference, every step kept."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.ports import Ports
from edge_agent.bundle.preprocess import ColourOrder, fit, normalise
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.inference.network import Network
from pipeline.common.errors import DataError, RunError
from pipeline.evaluation.prediction import Prediction
from pipeline.explain import words
from pipeline.explain.worked import Worked, worked
from pipeline.predict.answers import Predictor
from pipeline.predict.pictures import Picture, find_pictures, look
from pipeline.run.run import RECIPE_FILE
from quantization.graph.graph import Array
from quantization.reference.model import ReferenceOperator, ReferenceTensor, read
from quantization.reference.run import execute


@dataclass(frozen=True, eq=False)
class TracedValue:
    """What a tensor holds.

    Args:
        tensor: its name, shape and scale.
        q: its values, as integers.
    """

    tensor: ReferenceTensor
    q: Array

    @property
    def real(self) -> F32:
        """What the integers stand for."""
        if len(self.tensor.scales) != 1:
            return self.q.astype(np.float32)
        return np.asarray(
            self.tensor.scale * (self.q.astype(np.int64) - self.tensor.zero_point), np.float32
        )

    @property
    def at_limit(self) -> float:
        """The share of values at the top of int8, where larger ones would have been cut off."""
        return float((self.q == 127).mean())

    @property
    def levels(self) -> int:
        """How many of the 256 integers occur."""
        return len(np.unique(self.q))


@dataclass(frozen=True, eq=False)
class LessonStep:
    """One operator.

    Args:
        number: from 1.
        operator: as the file has it.
        output: what it computes.
        worked: one value of that, worked out; None where there is nothing to work out.
    """

    number: int
    operator: ReferenceOperator
    output: TracedValue
    worked: Worked | None


@dataclass(frozen=True, eq=False)
class Lesson:
    """Everything the page shows.

    Args:
        name: of the bundle.
        picture: what was looked at, as it is called.
        proven: whether the bundle was verified.
        image: the picture as it was read, in RGB or grey.
        fitted: at the network's size, uint8 (h, w, C).
        spec: the network's input.
        source: the same as the network gets it.
        steps: every operator in order.
        answer: what the device would say.
        runtime: the device's runtime here.
        differ: how many of the network's output integers that runtime computes otherwise, and
            by how much at most.
        outputs: how many output integers there are.
        labels: what the outputs stand for; empty where that is not one name each.
    """

    name: str
    picture: str
    proven: bool
    image: U8
    fitted: U8
    spec: InputSpec
    source: TracedValue
    steps: tuple[LessonStep, ...]
    answer: Prediction
    runtime: str
    differ: tuple[int, int]
    outputs: int
    labels: tuple[str, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all steps."""
        return sum(words.macs(step.operator) for step in self.steps)

    @property
    def weights(self) -> int:
        """Learned numbers of all steps."""
        return sum(words.weights(step.operator) for step in self.steps)


def open_target(target: Path) -> Bundle:
    """The bundle at `target`: itself, or that of a run; of a run not verified its candidate.

    Raises:
        BundleError: it cannot be opened.
        RunError: the run has no network in int8 yet.
    """
    if not (target / RECIPE_FILE).is_file():
        return open_bundle(target)
    verified = sorted((target / "verify").glob("*.edgeward"))
    candidate = target / "export" / "candidate"
    if verified:
        return open_bundle(verified[0])
    if candidate.is_dir():
        return open_bundle(candidate)
    raise RunError(
        f"{target}: expected a run with an int8 network, found none; run: edgeward build"
    )


def read_picture(path: Path | None, bundle: Bundle) -> Picture:
    """The first picture at `path`, or the bundle's first golden frame where there is none.

    Raises:
        DataError: there is no picture, or it cannot be read.
    """
    if path is None:
        return Picture("its first golden frame", None, bundle.golden[0].image, "rgb")
    found = next(look(find_pictures([path])[0], 1), None)
    if not isinstance(found, Picture):
        raise DataError(f"{path}: expected a picture, found none that can be read")
    return found


def lesson(bundle: Bundle, picture: Picture) -> Lesson:
    """The picture through the bundle's network, integer by integer.

    Raises:
        BundleError: the bundle does not run here.
        QuantizationError: an operator of it has no reference.
    """
    manifest = bundle.manifest
    ports = Ports.of(manifest)
    with Network(bundle.model, ports, threads=1, place=str(bundle.path)) as network:
        x = network.prepare(picture.image, picture.order)
        (device, *_), runtime = network.infer(x), network.runtime
    model = read(bundle.model)
    values = execute(model, x)
    steps = tuple(
        _step(number, operator, values) for number, operator in enumerate(model.operators, start=1)
    )
    with Predictor(bundle) as predictor:
        answer, _ = predictor(picture.image, picture.order)
    last = values[model.outputs[0].name]
    apart = np.abs(last.astype(np.int64) - device.astype(np.int64))
    return Lesson(
        name=manifest.name,
        picture=picture.name,
        proven=manifest.verified,
        image=_rgb(picture.image, picture.order),
        fitted=fit(picture.image, manifest.input, picture.order),
        spec=manifest.input,
        source=TracedValue(model.inputs[0], x),
        steps=steps,
        answer=answer,
        runtime=runtime,
        differ=(int((apart > 0).sum()), int(apart.max())),
        outputs=last.size,
        labels=_labels(bundle, last),
    )


def _step(number: int, operator: ReferenceOperator, values: dict[str, Array]) -> LessonStep:
    inputs = [
        None if t is None else t.data if t.data is not None else values[t.name]
        for t in operator.inputs
    ]
    output = TracedValue(operator.output, values[operator.output.name])
    return LessonStep(number, operator, output, worked(operator, inputs, output.q))


def _rgb(image: U8, order: ColourOrder) -> U8:
    return image[:, :, ::-1] if order == "bgr" and image.ndim == 3 else image


def _labels(bundle: Bundle, output: Array) -> tuple[str, ...]:
    """The class of each output, where the bundle's answers are classes."""
    labels = tuple(getattr(bundle.manifest.output, "labels", ()))
    return labels if len(labels) == output.size else ()


def pixel_steps(found: Lesson) -> tuple[tuple[int, int], int, float, int]:
    """A pixel on its way in: its place, its value, what training saw, and the integer.

    It is the brightest of the first channel.
    """
    plane = found.fitted[:, :, 0]
    row, column = (int(n) for n in np.unravel_index(int(plane.argmax()), plane.shape))
    normal = normalise(found.fitted, found.spec)[row, column, 0]
    q: I8 = found.source.q
    return (row, column), int(plane[row, column]), float(normal), int(q[0, row, column, 0])
