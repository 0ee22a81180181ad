"""Golden frames: real images with the raw outputs any device must reproduce."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.manifest import OutputPort
from edge_agent.common.arrays import U8
from edge_agent.common.errors import BundleError

# The zip epoch: a fixed date makes the same frames the same bytes.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class GoldenFrame:
    """One image and what the network makes of it.

    Args:
        image: (H, W, 3) RGB or (H, W) grey, uint8.
        outputs: the raw outputs, each of its port's type and shape.
    """

    image: U8
    outputs: tuple[NDArray[Any], ...]


def encode_golden(frames: tuple[GoldenFrame, ...]) -> bytes:
    """`frames` as a deterministic .npz.

    Its arrays are image_000, output_000_00 and so on: the frame's number, and the output's.
    """
    buffer = io.BytesIO()
    # np.savez stamps the current time into the archive; members are written by hand instead.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, frame in enumerate(frames):
            arrays = {_image_name(number): frame.image}
            arrays |= {_output_name(number, k): raw for k, raw in enumerate(frame.outputs)}
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", ZIP_DATE), member.getvalue())
    return buffer.getvalue()


def decode_golden(
    data: bytes, count: int, ports: tuple[OutputPort, ...], place: str
) -> tuple[GoldenFrame, ...]:
    """The `count` frames in `data`, each with an output for each of `ports`.

    Raises:
        BundleError: not an .npz, or another number, shape or type of arrays than expected.
    """
    names = {_image_name(i) for i in range(count)}
    names |= {_output_name(i, k) for i in range(count) for k in range(len(ports))}
    arrays = read_arrays(data, names, count, place)
    return tuple(
        checked_frame(
            arrays[_image_name(i)],
            tuple(arrays[_output_name(i, k)] for k in range(len(ports))),
            ports,
            f"{place}[{i}]",
        )
        for i in range(count)
    )


def read_arrays(data: bytes, names: set[str], count: int, place: str) -> dict[str, NDArray[Any]]:
    """The arrays in an .npz that is not compressed, so that none can outgrow it.

    Args:
        data: the file.
        names: what it must hold, and nothing else.
        count: how many frames that is, for the error.
        place: names the file in errors.

    Raises:
        BundleError: not an .npz, or another set of arrays.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"{info.filename}: expected it stored, found it compressed")
                member = io.BytesIO(archive.read(info))
                name = info.filename.removesuffix(".npy")
                arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    # A hostile file makes numpy's parser of headers fail with more kinds than it names.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise BundleError(f"{place}: not a golden archive: {reason}") from error
    if set(arrays) != names:
        raise BundleError(f"{place}: expected {count} golden frames, found arrays {sorted(arrays)}")
    return arrays


def checked_frame(
    image: NDArray[Any],
    outputs: tuple[NDArray[Any], ...],
    ports: tuple[OutputPort, ...],
    place: str,
) -> GoldenFrame:
    """A frame of `image` and of `outputs`, one for each of `ports`.

    Raises:
        BundleError: the image is none, or an output is not of its port's type and shape.
    """
    colour = image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or not (colour or image.ndim == 2) or image.size == 0:
        raise BundleError(
            f"{place}: expected a non-empty uint8 image of shape (H, W, 3) or (H, W), "
            f"found {image.dtype} {image.shape}"
        )
    for port, raw in zip(ports, outputs, strict=True):
        if raw.dtype.name != port.dtype or raw.shape != port.shape:
            raise BundleError(
                f"{place}: output {port.name!r}: expected {port.dtype} {port.shape}, "
                f"found {raw.dtype} {raw.shape}"
            )
    return GoldenFrame(image, outputs)


def _image_name(frame: int) -> str:
    return f"image_{frame:03d}"


def _output_name(frame: int, output: int) -> str:
    return f"output_{frame:03d}_{output:02d}"
