"""Golden frames: real images with the raw outputs any device must reproduce."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import I8, U8
from edge_agent.common.errors import BundleError

# The zip epoch: a fixed date makes the same frames the same bytes.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class GoldenFrame:
    """One image (H, W, 3) RGB or (H, W) grey uint8, and its raw int8 output, flattened."""

    image: U8
    output: I8


def encode_golden(frames: tuple[GoldenFrame, ...]) -> bytes:
    """`frames` as a deterministic .npz with arrays image_000, output_000, and so on."""
    buffer = io.BytesIO()
    # np.savez stamps the current time into the archive; members are written by hand instead.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, frame in enumerate(frames):
            for name, array in (("image", frame.image), ("output", frame.output)):
                member = io.BytesIO()
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
                info = zipfile.ZipInfo(f"{name}_{number:03d}.npy", ZIP_DATE)
                archive.writestr(info, member.getvalue())
    return buffer.getvalue()


def decode_golden(data: bytes, count: int, place: str) -> tuple[GoldenFrame, ...]:
    """The `count` frames in `data`.

    Raises:
        BundleError: not an .npz, or another number, shape or type of arrays than expected.
    """
    expected = {f"{name}_{i:03d}" for i in range(count) for name in ("image", "output")}
    try:
        arrays = _read_arrays(data)
    # A hostile file makes numpy's parser of headers fail with more kinds than it names.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise BundleError(f"{place}: not a golden archive: {reason}") from error
    if set(arrays) != expected:
        raise BundleError(f"{place}: expected {count} golden frames, found arrays {sorted(arrays)}")
    return tuple(
        _frame(arrays[f"image_{i:03d}"], arrays[f"output_{i:03d}"], f"{place}[{i}]")
        for i in range(count)
    )


def _read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays in an .npz that is not compressed, so that none can outgrow it."""
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{info.filename}: expected it stored, found it compressed")
            member = io.BytesIO(archive.read(info))
            name = info.filename.removesuffix(".npy")
            arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays


def _frame(image: NDArray[Any], output: NDArray[Any], place: str) -> GoldenFrame:
    colour = image.ndim == 3 and image.shape[2] == 3
    shaped = (colour or image.ndim == 2) and image.size > 0
    if image.dtype != np.uint8 or not shaped or output.dtype != np.int8:
        raise BundleError(
            f"{place}: expected a uint8 image and an int8 output, found {image.dtype} "
            f"{image.shape} and {output.dtype}"
        )
    return GoldenFrame(image, output.reshape(-1))
