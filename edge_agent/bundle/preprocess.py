"""From a camera image to the network's input: the one definition host and device share.

Two roads lead there. The reference road is `fit` then `normalise` then
`Affine.quantize`: training, calibration and tests take it. The fast road,
`FastPreprocessor`, folds the last two into a table of 256 int8 values per channel, and
equals the reference bit for bit because the table is made by it. `Placement` says where
each pixel of the frame went.
"""

from typing import Literal, TypeAlias

import cv2
import numpy as np

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.placement import Placement, crop_window, letterbox_window
from edge_agent.common.arrays import F32, I8, U8

ColourOrder: TypeAlias = Literal["rgb", "bgr"]

_INTERPOLATION = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR}


def fit(image: U8, spec: InputSpec, order: ColourOrder = "rgb") -> U8:
    """`image` at the network's size and colour.

    Args:
        image: (H, W, 3) colour in `order`, or (H, W) grey.
        spec: the network's input.
        order: the channel order of a colour image; OpenCV reads BGR.

    Returns:
        (spec.height, spec.width, spec.channels) uint8, RGB or grey.

    Raises:
        ValueError: if `image` is empty, not uint8, or of another shape.
    """
    _check(image)
    # Resize before colour: the colour swap then touches the small image only. Every
    # resize treats channels alike, so the order of the two does not change the result.
    return _recolour(_resize(image, spec), spec, order)


def normalise(fitted: U8, spec: InputSpec) -> F32:
    """``(pixel / 255 - mean) / std`` per channel; (..., C) uint8 to (..., C) float32."""
    mean = np.asarray(spec.mean, np.float32)
    std = np.asarray(spec.std, np.float32)
    return (fitted.astype(np.float32) / np.float32(255) - mean) / std


def preprocess(image: U8, spec: InputSpec, order: ColourOrder = "rgb") -> F32:
    """`fit` then `normalise`: (H, W, 3) or (H, W) uint8 to (1, h, w, C) float32."""
    return normalise(fit(image, spec, order), spec)[np.newaxis]


class FastPreprocessor:
    """The device's road from image to int8 input: resize, colour swap, table look-up.

    `cv2.LUT` with a table for each channel takes 1.6 times as long as with one for all of
    them. So where all tables are the same, one is used, and where they differ, each channel
    is looked up by itself, which puts the channels in order at the same time.
    """

    def __init__(self, spec: InputSpec, affine: Affine) -> None:
        self._spec = spec
        levels = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], spec.channels, axis=1)
        table = affine.quantize(normalise(levels, spec))  # (256, C)
        self._tables = [np.ascontiguousarray(channel) for channel in table.T]
        self._alike = bool((table == table[:, :1]).all())

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """(H, W, 3) or (H, W) uint8 to the network's (1, h, w, C) int8; see `fit`."""
        if self._alike:
            looked_up = cv2.LUT(fit(image, self._spec, order), self._tables[0])
        else:
            looked_up = self._by_channel(image, order)
        return np.asarray(looked_up, np.int8).reshape(self._spec.shape)

    def placement(self, height: int, width: int) -> Placement:
        """Where the pixels of a frame of `height` x `width` lie in the input."""
        return Placement.of(self._spec, height, width)

    def _by_channel(self, image: U8, order: ColourOrder) -> I8:
        """The same for tables of red, green and blue that differ."""
        _check(image)
        sized = _resize(image, self._spec)
        planes = (sized,) * 3 if sized.ndim == 2 else cv2.split(sized)
        red, green, blue = self._tables
        tables = (red, green, blue) if order == "rgb" else (blue, green, red)
        looked_up = [cv2.LUT(plane, table) for plane, table in zip(planes, tables, strict=True)]
        if order == "bgr":
            looked_up.reverse()
        return np.asarray(cv2.merge(looked_up), np.int8)


def to_grey(image: U8, order: ColourOrder) -> U8:
    """(H, W, 3) in `order`, or (H, W), to (H, W)."""
    if image.ndim == 2:
        return image
    code = cv2.COLOR_RGB2GRAY if order == "rgb" else cv2.COLOR_BGR2GRAY
    return np.asarray(cv2.cvtColor(image, code), np.uint8)


def _check(image: U8) -> None:
    colour = image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or not (colour or image.ndim == 2) or image.size == 0:
        raise ValueError(
            "image: expected a non-empty uint8 array of shape (H, W, 3) or (H, W), "
            f"found {image.dtype} {image.shape}"
        )


def _resize(image: U8, spec: InputSpec) -> U8:
    if spec.resize == "crop":
        cut = crop_window(image.shape[0], image.shape[1], spec)
        image = image[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]
    if spec.resize == "letterbox":
        return _letterbox(image, spec)
    return _scale(image, spec.height, spec.width, spec)


def _scale(image: U8, height: int, width: int, spec: InputSpec) -> U8:
    if image.shape[:2] == (height, width):
        return image
    size = (width, height)
    return np.asarray(
        cv2.resize(image, size, interpolation=_INTERPOLATION[spec.interpolation]), np.uint8
    )


def _letterbox(image: U8, spec: InputSpec) -> U8:
    inner = letterbox_window(image.shape[0], image.shape[1], spec)
    canvas = np.full((spec.height, spec.width, *image.shape[2:]), spec.pad, np.uint8)
    canvas[inner.top : inner.top + inner.height, inner.left : inner.left + inner.width] = _scale(
        image, inner.height, inner.width, spec
    )
    return canvas


def _recolour(image: U8, spec: InputSpec, order: ColourOrder) -> U8:
    if image.ndim == 2:
        grey = image[:, :, np.newaxis]
        return grey if spec.colour == "gray" else np.repeat(grey, 3, axis=2)
    if spec.colour == "gray":
        code = cv2.COLOR_RGB2GRAY if order == "rgb" else cv2.COLOR_BGR2GRAY
        return np.asarray(cv2.cvtColor(image, code), np.uint8)[:, :, np.newaxis]
    if order == "bgr":
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    return image
