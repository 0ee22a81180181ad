"""`Placement`: where the pixels of a frame lie in the network's input, and back again.

Places are continuous: pixel i of a row covers i to i + 1, so that the left edge of a picture is
0 and its right edge its width, whatever its size. A resize then is one factor an axis, which
is how OpenCV's resizes see it too.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import F64


class Window(NamedTuple):
    """A rectangle of whole pixels, at least one: its left and upper edge, and its size.

    A tuple: one is made for every frame, and a frozen dataclass takes some microseconds.
    """

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Placement:
    """What of a frame the network sees, and where in its input that lies.

    Args:
        frame: height and width of the whole frame, in pixels.
        seen: the part of it that the network sees; a crop leaves the rest out.
        input: height and width of the network's input.
        placed: where that part lies in the input; a letterbox fills the rest.
    """

    frame: tuple[int, int]
    seen: Window
    input: tuple[int, int]
    placed: Window

    @classmethod
    def of(cls, spec: InputSpec, height: int, width: int) -> Self:
        """That of a frame of `height` x `width` pixels, as `fit` makes an input of it."""
        seen, placed = Window(0, 0, width, height), Window(0, 0, spec.width, spec.height)
        if spec.resize == "crop":
            seen = crop_window(height, width, spec)
        elif spec.resize == "letterbox":
            placed = letterbox_window(height, width, spec)
        return cls((height, width), seen, (spec.height, spec.width), placed)

    def within(self, height: int, width: int, left: int, top: int) -> Self:
        """The same, where what was its frame is a region of a larger one.

        Args:
            height: of the larger frame.
            width: of the larger frame.
            left: the column of the larger frame where the region begins.
            top: the row where it begins.

        Raises:
            ValueError: the region reaches beyond the larger frame.
        """
        own_height, own_width = self.frame
        if min(left, top) < 0 or left + own_width > width or top + own_height > height:
            raise ValueError(
                f"region: expected {own_width}x{own_height} pixels at ({left}, {top}) inside a "
                f"frame of {width}x{height}"
            )
        seen = self.seen._replace(left=self.seen.left + left, top=self.seen.top + top)
        return replace(self, frame=(height, width), seen=seen)

    def to_input(self, points: F64) -> F64:
        """Places in the frame as places in the input.

        Args:
            points: (..., 2) of x and y; or (..., 4), boxes of left, top, right and bottom.
        """
        return _move(points, self.seen, self.placed)

    def to_frame(self, points: F64) -> F64:
        """Places in the input as places in the frame, of the same forms; see `to_input`.

        What a letterbox filled up lies beyond the frame: see `visible`.
        """
        return _move(points, self.placed, self.seen)

    def visible(self, points: F64) -> F64:
        """Places in the frame, those beyond the part that the network sees moved to its edge."""
        low, high = _corners(self.seen)
        repeats = points.shape[-1] // 2
        return np.clip(points, np.tile(low, repeats), np.tile(high, repeats))

    def mask_to_input(self, mask: NDArray[Any]) -> NDArray[Any]:
        """A (H, W) mask or map of classes of the frame as one (h, w) of the input.

        Each pixel has the value at its middle; what a letterbox filled up has 0.
        """
        _check(mask, self.frame)
        return _resample(mask, self.seen, self.placed, self.input)

    def mask_to_frame(self, mask: NDArray[Any]) -> NDArray[Any]:
        """A (h, w) mask or map of classes of the input as one (H, W) of the frame.

        Each pixel has the value at its middle; what the network did not see has 0.
        """
        _check(mask, self.input)
        return _resample(mask, self.placed, self.seen, self.frame)


def crop_window(height: int, width: int, spec: InputSpec) -> Window:
    """The largest centred part of a frame that has the input's aspect ratio."""
    aspect = spec.width / spec.height
    crop_w = min(width, max(1, round(height * aspect)))
    crop_h = min(height, max(1, round(width / aspect)))
    return Window((width - crop_w) // 2, (height - crop_h) // 2, crop_w, crop_h)


def letterbox_window(height: int, width: int, spec: InputSpec) -> Window:
    """Where in the input a whole frame lies, as large as fits and centred."""
    ratio = min(spec.height / height, spec.width / width)
    inner_h = min(spec.height, max(1, round(height * ratio)))
    inner_w = min(spec.width, max(1, round(width * ratio)))
    return Window((spec.width - inner_w) // 2, (spec.height - inner_h) // 2, inner_w, inner_h)


def _corners(window: Window) -> tuple[F64, F64]:
    low = np.array([window.left, window.top], np.float64)
    return low, low + np.array([window.width, window.height])


def _move(points: F64, source: Window, target: Window) -> F64:
    pairs = np.asarray(points, np.float64).reshape(-1, 2)
    low, high = _corners(source)
    new_low, new_high = _corners(target)
    # Multiplied before it is divided: an edge comes out as the edge, to the last bit.
    moved = new_low + (pairs - low) * (new_high - new_low) / (high - low)
    return moved.reshape(np.shape(points))


def _resample(
    mask: NDArray[Any], source: Window, target: Window, size: tuple[int, int]
) -> NDArray[Any]:
    rows = source.top + _middles(target.height, source.height)
    columns = source.left + _middles(target.width, source.width)
    out = np.zeros(size, mask.dtype)
    bottom, right = target.top + target.height, target.left + target.width
    out[target.top : bottom, target.left : right] = mask[np.ix_(rows, columns)]
    return out


def _middles(count: int, source: int) -> NDArray[np.intp]:
    """For each of `count` pixels the one of `source` that its middle lies in, in whole numbers."""
    return (2 * np.arange(count) + 1) * source // (2 * count)


def _check(mask: NDArray[Any], size: tuple[int, int]) -> None:
    if mask.shape != size:
        raise ValueError(f"mask: expected the shape {size}, found {mask.shape}")
