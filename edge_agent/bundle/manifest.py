"""`Manifest`: what a bundle says about itself, as frozen values decoded strictly.

Format version 2. Unknown fields are refused; an older agent refuses a newer format. What
was written in format 1 is read by `edge_agent.bundle.format1` into the same values.
`docs/reference/bundle.md` describes every field for readers of the file.
"""

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.metrics import Metrics
from edge_agent.common.arrays import F32
from edge_agent.common.errors import BundleError, TaskError
from edge_agent.common.strict import LEAST, Label, Name, Probability, Sha256, Size, Strict
from edge_agent.tasks.kinds import TASK_NAMES, OutputSpec, task_name

FORMAT_VERSION = 2
MODEL_FILE = "model.tflite"
GOLDEN_FILE = "golden.npz"

_T = TypeVar("_T")

# As many as the detectors with the most heads have, and to spare.
MOST_OUTPUTS = 32
Extent: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
# Far beyond any sense, and still exact enough in float32.
LARGEST = 1e6


class InputSpec(Strict, frozen=True, kw_only=True):
    """How a camera image becomes the network's input.

    Args:
        height, width: the network's input in pixels.
        colour: `rgb` (three channels) or `gray` (one).
        resize: `stretch` ignores the aspect ratio; `crop` takes the largest centred
            rectangle of the input's aspect ratio; `letterbox` fits the whole image and
            fills the rest with `pad`.
        interpolation: `area` averages when shrinking (no aliasing); `linear` is bilinear.
        mean, std: one value per channel in units of full scale: the network sees
            ``(pixel / 255 - mean) / std``.
        pad: the grey level, 0 to 255, around a letterboxed image.

    Raises:
        ValueError: if `mean` or `std` do not fit `colour`, or are out of float32's reach.
    """

    height: Size
    width: Size
    colour: Literal["rgb", "gray"]
    resize: Literal["stretch", "crop", "letterbox"] = "stretch"
    interpolation: Literal["area", "linear"] = "area"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pad: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0

    def __post_init__(self) -> None:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise ValueError(
                    f"{name}: expected {self.channels} values for {self.colour}, "
                    f"found {len(values)}"
                )
        if not all(abs(m) <= LARGEST for m in self.mean):
            raise ValueError(f"mean: expected numbers up to {LARGEST:g}, found {self.mean}")
        if not all(1 / LARGEST <= s <= LARGEST for s in self.std):
            raise ValueError(
                f"std: expected values above 0, {1 / LARGEST:g} to {LARGEST:g}, found {self.std}"
            )

    @property
    def channels(self) -> int:
        """3 for `rgb`, 1 for `gray`."""
        return 3 if self.colour == "rgb" else 1

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The network's input shape, (1, H, W, C)."""
        return (1, self.height, self.width, self.channels)


class OutputPort(Strict, frozen=True, kw_only=True):
    """One output of the network.

    Args:
        name: what it is called in errors and reports.
        shape: the raw array's, the batch of one first.
        dtype: the raw array's type.
        affine: from int8 to real numbers; None of the other types.

    Raises:
        ValueError: int8 without a scale, or another type with one.
    """

    name: Label
    shape: Annotated[tuple[Extent, ...], msgspec.Meta(min_length=1, max_length=8)]
    dtype: Literal["int8", "int32", "float32"]
    affine: Affine | None = None

    def __post_init__(self) -> None:
        if (self.dtype == "int8") != (self.affine is not None):
            scale = "a scale" if self.dtype == "int8" else "no scale"
            found = "none" if self.affine is None else f"{self.affine}"
            raise ValueError(
                f"output {self.name!r}: expected {scale} of {self.dtype}, found {found}"
            )

    def real(self, raw: NDArray[Any]) -> F32:
        """The numbers a raw array of this output stands for, in its shape.

        An index of int32 comes back whole up to 16,777,216.
        """
        return raw.astype(np.float32) if self.affine is None else self.affine.dequantize(raw)


class Golden(Strict, frozen=True, kw_only=True):
    """What replaying `golden.npz` must give on any device.

    Args:
        frames: how many frames are stored.
        tolerance_quanta: the largest difference allowed at any raw int8 output, in its
            steps: LiteRT differs by a few between x86 and Arm.
    """

    frames: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    tolerance_quanta: Annotated[int, msgspec.Meta(ge=0, le=32)]


class Budget(Strict, frozen=True, kw_only=True):
    """The gates `verify` held the bundle to; a gate left out was not demanded.

    Of a classifier two are demanded by themselves, for an accuracy can hide a class that is
    never answered.

    Args:
        min_accuracy: of int8, by whatever metric the task is marked, where more is better.
        max_error: of int8, where less is better: a mean absolute error, in its unit.
        min_balanced_accuracy: of a classifier in int8, the mean of the classes' recalls; None
            demands `min_accuracy` of it.
        min_class_recall: of the class that it recognises worst; None demands that the lower
            end of its interval is above chance, 0 demands nothing.
        bound: what these are held against: the `value` measured, or the `lower` end of
            its 95 % interval, of an error the upper one: the end that proves less.
        max_drop: by how much int8 may be worse than the network as trained, before pruning.
        max_quantization_drop: from the network that was quantised to int8.
        max_rise, max_quantization_rise: the same of an error, in its unit.
        min_agreement: share of images with the same answer before and after quantisation.
        max_size_kb: of the network's file; a kB is 1000 bytes.
        max_latency_ms: of one inference on the host, one thread.

    Raises:
        ValueError: a certainty is demanded, which no number of images can prove.
    """

    min_accuracy: Probability | None = None
    max_error: Annotated[float, msgspec.Meta(ge=LEAST, le=1e9)] | None = None
    min_balanced_accuracy: Probability | None = None
    min_class_recall: Probability | None = None
    bound: Literal["value", "lower"] = "value"
    max_drop: Probability | None = None
    max_quantization_drop: Probability | None = None
    max_rise: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    max_quantization_rise: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    min_agreement: Probability | None = None
    max_size_kb: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    max_latency_ms: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None

    def __post_init__(self) -> None:
        if self.bound == "lower":
            for name in ("min_accuracy", "min_balanced_accuracy", "min_class_recall"):
                if getattr(self, name) == 1:
                    raise ValueError(
                        f'{name}: expected less than 1 with bound = "lower": no number of '
                        "images proves a certainty, found 1.0"
                    )


class TrainedWeights(Strict, frozen=True, kw_only=True):
    """The weights that a training started from.

    Args:
        label: what they are called: a known name, a file's, or a repository at a commit.
        sha256: of their file.
    """

    label: Label
    sha256: Sha256


class Provenance(Strict, frozen=True, kw_only=True):
    """Where the bundle came from, so that it can be made again.

    Args:
        weights: what the training started from; None if from nothing.
    """

    recipe_sha256: Sha256
    data_sha256: Sha256
    code_version: str
    created: str
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    weights: TrainedWeights | None = None


class Manifest(Strict, frozen=True, kw_only=True):
    """Everything an agent needs to run the model, and to refuse a wrong one.

    Args:
        format: that of the file it was read from.
        name: what people call the bundle.
        input: how an image becomes the network's input.
        input_affine: the scale of that input, which is int8.
        outputs: the network's outputs, in the model's order.
        output: the task, and what it makes of the outputs.
        golden: what a replay must give.
        files: the SHA-256 of every other file of the bundle.
        provenance: where it came from.
        metrics, budget: absent from a candidate that `verify` has not passed.

    Raises:
        ValueError: two outputs of one name, or a first one that the task cannot read.
    """

    format: int
    name: Name
    input: InputSpec
    input_affine: Affine
    outputs: Annotated[tuple[OutputPort, ...], msgspec.Meta(min_length=1, max_length=MOST_OUTPUTS)]
    output: OutputSpec
    golden: Golden
    files: dict[str, Sha256]
    provenance: Provenance
    metrics: Metrics | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        names = [port.name for port in self.outputs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"outputs: expected distinct names, found {name!r} repeated")
        first, wanted = self.outputs[0], self.output.shape
        if first.shape != wanted:
            raise ValueError(
                f"output {first.name!r}: expected the shape {wanted} for the task "
                f"{task_name(self.output)}, found {first.shape}"
            )

    @property
    def verified(self) -> bool:
        """Whether `verify` measured this bundle and let it through."""
        return self.metrics is not None


def encode_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON of `manifest`: sorted keys, two-space indent, final newline."""
    compact = msgspec.json.encode(manifest, order="sorted")
    return msgspec.json.format(compact, indent=2) + b"\n"


def format_version(data: bytes, place: str) -> int:
    """The format that a manifest says it has, before anything else in it is believed.

    Raises:
        BundleError: not JSON, or without a format.
    """
    return decode_strictly(data, _Versioned, place).format


def decode_manifest(data: bytes, place: str) -> Manifest:
    """The manifest in `data`; errors name `place` and the field's path.

    Raises:
        BundleError: not JSON, a field missing, unknown or of the wrong type or range,
            or a format version other than this agent's.
        TaskError: a bundle for a task this agent does not know.
    """
    version = format_version(data, place)
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{place}: expected bundle format 1 or {FORMAT_VERSION}, found {version}; "
            "install the edgeward-agent that matches this bundle"
        )
    check_task(data, place)
    return decode_strictly(data, Manifest, place)


def check_task(data: bytes, place: str) -> None:
    """Raise `TaskError`, which names the task, unless a manifest is for one known here."""
    task = decode_strictly(data, _Tasked, place).output.task
    if task not in TASK_NAMES:
        raise TaskError(
            f"{place}: expected a bundle for the task {' or '.join(TASK_NAMES)}, found {task!r}"
        )


class _Versioned(msgspec.Struct):
    """Only the format version, read before anything else is believed."""

    format: int


class _Task(msgspec.Struct):
    """Only the name of an output's task."""

    task: Annotated[str, msgspec.Meta(max_length=64)]


class _Tasked(msgspec.Struct):
    """Only the task, so that a wrong one is named rather than called a wrong type."""

    output: _Task


def decode_strictly(data: bytes, kind: type[_T], place: str) -> _T:
    """The value of type `kind` in the JSON `data`.

    Raises:
        BundleError: not JSON, or not such a value; names `place` and the field's path.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    # A JSON string may hold bytes that are not UTF-8.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{place}: {error}") from error
