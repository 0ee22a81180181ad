"""Places in a frame: rectangles in pixels or in shares, and four corners."""

from typing import Annotated, TypeAlias

import msgspec

from edge_agent.common.arrays import U8
from edge_agent.common.errors import ConfigError
from edge_agent.common.strict import LEAST, Strict

# Beyond the largest frame that a camera may be asked for.
LARGEST = 65_536
Offset: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
Extent: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Part: TypeAlias = Annotated[float, msgspec.Meta(ge=LEAST, le=1)]
Coordinate: TypeAlias = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Point: TypeAlias = tuple[Coordinate, Coordinate]
Corners: TypeAlias = tuple[Point, Point, Point, Point]

# What decimals such as 0.1 + 0.9 are off by.
ROUNDING = 1e-9


class Region(Strict, frozen=True):
    """A rectangle in every frame, in pixels from the top left."""

    x: Offset
    y: Offset
    w: Extent
    h: Extent

    def __str__(self) -> str:
        return f"x={self.x} y={self.y} w={self.w} h={self.h}"

    def corners(self) -> Corners:
        """Its corners, clockwise from the top left."""
        left, top, right, bottom = self.x, self.y, self.x + self.w, self.y + self.h
        return ((left, top), (right, top), (right, bottom), (left, bottom))


class RelativeRegion(Strict, frozen=True):
    """A rectangle in every frame, in shares of its width and height from the top left.

    It fits a camera whose frames change their size.

    Raises:
        ValueError: it reaches beyond the frame.
    """

    x: Share
    y: Share
    w: Part
    h: Part

    def __post_init__(self) -> None:
        for side, size in (("x", "w"), ("y", "h")):
            end = getattr(self, side) + getattr(self, size)
            if end > 1 + ROUNDING:
                raise ValueError(f"expected {side} + {size} of at most 1, found {end:g}")

    def pixels(self, width: int, height: int) -> Region:
        """The same in a frame of this size: to the nearest pixel, and at least one."""
        left, top = min(round(self.x * width), width - 1), min(round(self.y * height), height - 1)
        right = max(left + 1, min(width, round((self.x + self.w) * width)))
        bottom = max(top + 1, min(height, round((self.y + self.h) * height)))
        return Region(x=left, y=top, w=right - left, h=bottom - top)


def check_inside(corners: Corners, width: int, height: int, place: str) -> None:
    """Refuse corners outside a frame.

    Raises:
        ConfigError: one is outside.
    """
    for x, y in corners:
        if not (0 <= x <= width and 0 <= y <= height):
            raise ConfigError(
                f"{place}: expected a region inside the {width}x{height} frame, "
                f"found a corner at {x:g}, {y:g}"
            )


def crop(image: U8, region: Region | None, stream: str) -> U8:
    """The part of `image` in `region`; a view, nothing is copied.

    Raises:
        ConfigError: the region is not inside the image.
    """
    if region is None:
        return image
    height, width = image.shape[:2]
    check_part(region, width, height, stream)
    return image[region.y : region.y + region.h, region.x : region.x + region.w]


def check_part(region: Region, width: int, height: int, stream: str) -> None:
    """Refuse a region that reaches beyond a frame of this size.

    Raises:
        ConfigError: it does.
    """
    if region.x + region.w > width or region.y + region.h > height:
        raise ConfigError(
            f"stream {stream!r}: expected a region inside the {width}x{height} frame, "
            f"found {region}"
        )
