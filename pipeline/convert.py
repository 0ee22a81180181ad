"""Conversion of a user's own ONNX file: find calibration samples, convert, write."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

import msgspec
import numpy as np
import onnx

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import preprocess
from edge_agent.common.arrays import F32
from edge_agent.common.atomic import write_whole
from pipeline.common.errors import DataError
from pipeline.data.readers.images import IMAGE_SUFFIXES, read_image
from quantization.convert import NO_SAMPLES, Conversion, convert
from quantization.errors import ModelError
from quantization.graph.load import load_model
from quantization.lower.lowering import TflitePort
from quantization.recipe import QuantRecipe

Resize: TypeAlias = Literal["stretch", "crop", "letterbox"]
COLOURS: dict[int, Literal["gray", "rgb"]] = {1: "gray", 3: "rgb"}


@dataclass(frozen=True)
class Preprocessing:
    """How an image of a calibration folder becomes a sample: what training did to it.

    Args:
        mean, std: the network sees ``(pixel / 255 - mean) / std``; one value per channel, or
            one for all.
        resize: see `InputSpec`.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resize: Resize = "stretch"


def preprocessing_of(mean: str, std: str, resize: str) -> Preprocessing:
    """Preprocessing by the words of a command line.

    Raises:
        DataError: if one is none of those that exist.
    """
    if resize not in get_args(Resize):
        raise DataError(f"resize: expected {', '.join(get_args(Resize))}, found {resize!r}")
    return Preprocessing(_numbers("mean", mean), _numbers("std", std), cast("Resize", resize))


def recipe_of(
    method: str,
    *,
    in_float: bool = False,
    float_layers: str = "",
    equalize: bool = False,
    correct_bias: bool = False,
    learned_rounding: bool = False,
) -> QuantRecipe:
    """The recipe by the words of a command line.

    Args:
        method: the name of a calibration method.
        in_float: whether the network stays in float32; then nothing else can be chosen.
        float_layers: the layers that stay in float, joined by commas.
        equalize: as in `QuantRecipe`.
        correct_bias: as there.
        learned_rounding: whether weights are rounded as learned.

    Raises:
        DataError: if there is no such method, or another choice beside `in_float`.
    """
    choices = {
        "calibration": method,
        "equalize": equalize,
        "correct_bias": correct_bias,
        "rounding": "learned" if learned_rounding else "nearest",
        "float_layers": [name.strip() for name in float_layers.split(",") if name.strip()],
    }
    try:
        recipe = msgspec.convert(choices, QuantRecipe)
    except msgspec.ValidationError as error:
        raise DataError(f"method: {error}") from error
    if not in_float:
        return recipe
    fields = (f for f in choices if getattr(recipe, f) != getattr(QuantRecipe(), f))
    beside = next(fields, None)
    if beside is not None:
        raise DataError(f"float: expected no choice about int8 beside it, found {beside}")
    return QuantRecipe(precision="float32")


def convert_file(
    source: Path,
    calibration: Path | None,
    target: Path,
    preprocessing: Preprocessing,
    recipe: QuantRecipe,
) -> Conversion:
    """Convert an ONNX file to a TFLite file.

    Args:
        source: the ONNX file.
        calibration: a folder of images, an NPZ or an NPY; None if the model brings scales or
            stays in float32.
        target: the TFLite file to write; it appears whole or not at all.
        preprocessing: of the images in a folder.
        recipe: how to quantise.

    Raises:
        QuantizationError: if the model or the samples cannot be used.
        DataError: if the calibration data cannot be read.
    """
    model = load_model(source)
    samples = NO_SAMPLES if calibration is None else PhotoSamples(model, calibration, preprocessing)
    made = convert(model, samples, recipe)
    write_whole(target, made.tflite)
    return made


def summary(made: Conversion) -> Iterator[str]:
    """What was made, one line for each end of the network and one for its float layers."""
    yield f"input {_end(made.lowered.source)}"
    for port in made.lowered.results:
        yield f"output {_end(port)}"
    recipe = made.quantized.recipe
    if recipe.float_layers:
        yield f"in float32 {', '.join(made.lowered.in_float) or 'none: no weights to keep'}"


def _end(port: TflitePort) -> str:
    said = f"{port.name} {port.shape} {port.dtype}"
    if port.affine is None:
        return said
    return f"{said}, scale {port.affine.scale:.6g}, zero point {port.affine.zero_point}"


@dataclass(frozen=True)
class PhotoSamples:
    """The samples, read anew whenever they are asked for: a refused model reads none.

    Args:
        model: the network that is to take them.
        path: a folder of images, an NPZ or an NPY.
        preprocessing: of the images.
    """

    model: onnx.ModelProto
    path: Path
    preprocessing: Preprocessing

    def __iter__(self) -> Iterator[F32]:
        if self.path.is_dir():
            yield from _images(self.model, self.path, self.preprocessing)
        else:
            yield _arrays(self.path)


def _images(model: onnx.ModelProto, folder: Path, preprocessing: Preprocessing) -> Iterator[F32]:
    stored = {tensor.name for tensor in model.graph.initializer}
    source = next(value for value in model.graph.input if value.name not in stored)
    shape = [d.dim_value for d in source.type.tensor_type.shape.dim]
    first = len(shape) == 4 and shape[1] in COLOURS
    if not first and not (len(shape) == 4 and shape[3] in COLOURS):
        raise ModelError(
            f"input {source.name!r}: expected (1, 1 or 3, H, W) for a folder of "
            f"images, found {tuple(shape)}; give calibration samples as NPZ"
        )
    channels, height, width = shape[1:] if first else (shape[3], *shape[1:3])
    mean, std = (_each(values, channels) for values in (preprocessing.mean, preprocessing.std))
    try:
        spec = InputSpec(
            height=height,
            width=width,
            colour=COLOURS[channels],
            resize=preprocessing.resize,
            mean=mean,
            std=std,
        )
    except ValueError as error:
        raise DataError(f"preprocessing: {error}") from error
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise DataError(f"{folder}: expected images, found none")
    for path in paths:
        sample = preprocess(read_image(path), spec)  # (1, H, W, C)
        yield np.ascontiguousarray(sample.transpose(0, 3, 1, 2)) if first else sample


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise DataError(f"{name}: expected numbers like 0.5,0.5,0.5, found {text!r}") from error


def _each(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    return values * channels if len(values) == 1 else values


def _arrays(path: Path) -> F32:
    """The one array of an NPZ or NPY file."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                return np.asarray(loaded)
            if len(loaded.files) != 1:
                found = ", ".join(loaded.files) or "none"
                raise DataError(f"{path}: expected one array (N, ...), found {found}")
            return np.asarray(loaded[loaded.files[0]])
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected a folder, an NPZ or an NPY, found none") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected an NPZ or NPY of numbers, found neither") from error
