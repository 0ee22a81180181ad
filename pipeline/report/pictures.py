"""Images as data URIs, small enough to embed by the hundred."""

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.common.arrays import F32, U8

# The longest side kept, in pixels: a card is about half as wide, and screens are dense.
LONGEST = 144
# Below this an image is shown with its pixels visible.
PIXELS = 48
_MAP_SIDE = 48
_MAPS = 8
_JPEG_QUALITY = 82


@dataclass(frozen=True)
class InlinePicture:
    """An image ready for the page.

    Args:
        uri: the data URI.
        width, height: in pixels.
        crisp: whether it is so small that its pixels should stay sharp when enlarged.
    """

    uri: str
    width: int
    height: int
    crisp: bool


def picture(image: U8, longest: int = LONGEST) -> InlinePicture:
    """`image`, (H, W) or (H, W, 1) grey or (H, W, 3) RGB, shrunk to `longest` if larger."""
    small = _shrunk(np.squeeze(image, 2) if image.shape[2:] == (1,) else image, longest)
    height, width = small.shape[:2]
    crisp = max(height, width) < PIXELS
    return InlinePicture(_encode(_swap(small), lossless=crisp), width, height, crisp)


def overlay(image: U8, cam: F32, longest: int = LONGEST) -> InlinePicture:
    """`image` in grey under the heat of `cam`, (h, w) in [0, 1]."""
    grey = image if image.ndim == 2 else image.mean(axis=2).astype(np.uint8)
    height, width = grey.shape
    ratio = longest / max(height, width)
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    shape = cv2.INTER_NEAREST if ratio > 1 else cv2.INTER_AREA
    base = cv2.resize(grey, size, interpolation=shape)
    # Cubic interpolation overshoots; the heat is cut to its range again.
    heat = np.clip(cv2.resize(cam, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    colour = cv2.applyColorMap((heat * 255).round().astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = 0.25 + 0.5 * heat[:, :, np.newaxis]
    mixed = (1 - weight) * base[:, :, np.newaxis] + weight * colour
    return InlinePicture(
        _encode(mixed.round().astype(np.uint8), lossless=False), *size, crisp=False
    )


def map_strip(maps: F32) -> InlinePicture:
    """The liveliest channels of (C, h, w) activations, side by side.

    They are the ones with the largest standard deviation, largest first; each is scaled
    to its own range, so that its shape shows and not its size.
    """
    spread = maps.reshape(len(maps), -1).std(axis=1)
    tiles = [_tile(maps[i]) for i in np.argsort(-spread, kind="stable")[:_MAPS]]
    height, width = tiles[0].shape[:2]
    gap = max(1, width // 12)
    strip = np.zeros((height, _MAPS * (width + gap) - gap, 4), np.uint8)  # transparent
    for number, tile in enumerate(tiles):
        left = number * (width + gap)
        strip[:, left : left + width, :3] = tile
        strip[:, left : left + width, 3] = 255
    return InlinePicture(_encode(strip, lossless=True), strip.shape[1], height, crisp=True)


def _tile(channel: F32) -> U8:
    """One channel (h, w) as BGR colours, the largest side at most `_MAP_SIDE`."""
    low, high = float(channel.min()), float(channel.max())
    scaled = (channel - low) / max(high - low, float(np.finfo(np.float32).tiny))
    grey = _shrunk((scaled * 255).round().astype(np.uint8), _MAP_SIDE)
    return np.asarray(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS), np.uint8)


def _shrunk(image: U8, longest: int) -> U8:
    height, width = image.shape[:2]
    ratio = longest / max(height, width)
    if ratio >= 1:
        return image
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _swap(image: U8) -> U8:
    """RGB to the BGR that OpenCV writes; grey as it is."""
    return np.ascontiguousarray(image[:, :, ::-1]) if image.ndim == 3 else image


def _encode(image: U8, lossless: bool) -> str:
    if lossless:
        kind, options = "png", [cv2.IMWRITE_PNG_COMPRESSION, 9]
    else:
        kind, options = "jpeg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    done, data = cv2.imencode(f".{kind}", image, options)
    if not done:
        raise ValueError(f"image: OpenCV cannot encode {image.dtype} {image.shape} as {kind}")
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
