"""How far a picture is shifted against a reference: a camera that was touched, or sags.

Phase correlation: of both pictures only the phases of their frequencies are compared, so light and
contrast do not count, and the result is a surface with one sharp peak where the shift is
(Kuglin and Hines, 1975). It is believed only where there is one peak and no other near its
height, which a texture that repeats itself has; where it is within bounds; and where the
pictures, once shifted, really look alike, which those of another scene do not. Turned or nearer
pictures do not look alike either: a shift is all that is mended.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge_agent.bundle.preprocess import ColourOrder, to_grey
from edge_agent.common.arrays import F32, F64, U8
from edge_agent.common.errors import ConfigError
from edge_agent.common.strict import LEAST, Strict

# The longer side of what is compared: a pixel of it is three of 1280.
SIDE = 384
# Of the light that is left out, as a share of SIDE: it falls off over more than that.
COARSE = 8.0
# Of what is finer than the noise, in cycles a pixel.
FINE = 0.16
# In grey levels; a bare wall with noise has less once it is that small.
MIN_TEXTURE = 1.5
# Another peak is so much lower, and counts from so far away.
MOST_OTHER, APART = 0.6, 5
# Correlation of the shifted picture with the reference; 1 is the same, 0 is another scene.
MIN_ALIKE = 0.4


class Align(Strict, frozen=True):
    """That a stream's frames are moved to where a reference picture has everything.

    Args:
        reference: a picture as the stream sees it, turned and mirrored, of the same size.
        max_shift: how far they may be off, as a share of width and height.
    """

    reference: Path
    max_shift: Annotated[float, msgspec.Meta(ge=LEAST, le=0.25)] = 0.05


@dataclass(frozen=True)
class Shift:
    """By how much a picture is off: to the right and down, in its pixels.

    Args:
        x, y: 0 if that cannot be told.
        problem: why it cannot; empty if it can.
    """

    x: float
    y: float
    problem: str = ""


class Aligner:
    """Compares pictures with one reference.

    Args:
        config: which, and how far they may be off.

    Raises:
        ConfigError: the reference cannot be read, or there is too little in it to go by.
    """

    def __init__(self, config: Align) -> None:
        try:
            image = cv2.imread(str(config.reference), cv2.IMREAD_GRAYSCALE)
        except cv2.error:  # larger than OpenCV allows
            image = None
        if image is None:
            raise ConfigError(
                f"{config.reference}: expected a picture to align to, found none that "
                "OpenCV can read"
            )
        self.height, self.width = image.shape
        self._share, self._scale = config.max_shift, SIDE / max(image.shape)
        self._size = (round(self.width * self._scale), round(self.height * self._scale))
        self._window = cv2.createHanningWindow(self._size, cv2.CV_32F)
        self._fine = _low_pass(self._size)
        self._detail = self._detailed(np.asarray(image, np.uint8))
        if float(self._detail.std()) < MIN_TEXTURE:
            raise ConfigError(
                f"{config.reference}: expected a picture with something in it to align to, "
                "found a plain one"
            )
        spectrum = np.fft.rfft2(self._detail * self._window)
        if self._repeats(np.abs(spectrum) ** 2) > MOST_OTHER:
            raise ConfigError(
                f"{config.reference}: expected a picture to align to, found one that repeats "
                "itself within the shifts that are looked for"
            )
        self._spectrum = np.conj(spectrum)

    def __call__(self, image: U8, order: ColourOrder) -> Shift:
        """How far `image`, (H, W, 3) in `order` or (H, W), is off."""
        height, width = image.shape[:2]
        if (width, height) != (self.width, self.height):
            return _unknown(
                f"expected frames of {self.width}x{self.height}, as the reference is, "
                f"found {width}x{height}"
            )
        detail = self._detailed(to_grey(image, order))
        texture = float(detail.std())
        if texture < MIN_TEXTURE:
            return _unknown(f"expected something to go by, found a texture of {texture:.1f}")
        surface = self._surface(detail)
        row, column = np.unravel_index(int(surface.argmax()), surface.shape)
        other = _highest_beside(surface, int(row), int(column)) / float(surface[row, column])
        if other > MOST_OTHER:
            return _unknown(f"expected one shift, found another {other:.0%} as likely")
        x, y = _refined(surface, int(row), int(column))
        if abs(x) > self._share * self._size[0] or abs(y) > self._share * self._size[1]:
            return _unknown(
                f"expected a shift of at most {self._share:.0%}, "
                f"found {round(x / self._scale)}, {round(y / self._scale)} pixels"
            )
        alike = self._alike(detail, x, y)
        if alike < MIN_ALIKE:
            return _unknown(
                f"expected the scene of the reference, found one {alike:.2f} like it, "
                f"{MIN_ALIKE:g} is needed"
            )
        return Shift(x / self._scale, y / self._scale)

    def _detailed(self, grey: U8) -> F32:
        """Small, and what light makes of it left out."""
        small = cv2.resize(grey, self._size, interpolation=cv2.INTER_AREA).astype(np.float32)
        return np.asarray(small - cv2.GaussianBlur(small, (0, 0), SIDE / COARSE / 2), np.float32)

    def _repeats(self, power: F64) -> float:
        """How like itself the reference is again at the most alike of the shifts in question."""
        alike = np.fft.fftshift(np.fft.irfft2(power, s=self._detail.shape)).astype(np.float32)
        alike /= alike.max()
        peaks = alike >= cv2.dilate(alike, np.ones((3, 3), np.uint8))
        down, across = np.indices(alike.shape)
        x, y = np.abs(across - alike.shape[1] // 2), np.abs(down - alike.shape[0] // 2)
        asked = (x <= 2 * self._share * self._size[0]) & (y <= 2 * self._share * self._size[1])
        again = alike[peaks & asked & (np.maximum(x, y) > APART)]
        return float(again.max(initial=0.0))

    def _surface(self, detail: F32) -> F32:
        product = np.fft.rfft2(detail * self._window) * self._spectrum
        phases = product / np.maximum(np.abs(product), 1e-6)
        return np.asarray(np.fft.irfft2(phases * self._fine, s=detail.shape), np.float32)

    def _alike(self, detail: F32, x: float, y: float) -> float:
        """The correlation of what both pictures show."""
        back = np.array([[1, 0, x], [0, 1, y]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shifted = cv2.warpAffine(detail, back, self._size, flags=flags)
        a, b = int(abs(y)) + 2, int(abs(x)) + 2
        first, second = self._detail[a:-a, b:-b].ravel(), shifted[a:-a, b:-b].ravel()
        return float(np.corrcoef(first, second)[0, 1])


def _unknown(problem: str) -> Shift:
    return Shift(0.0, 0.0, problem)


def _low_pass(size: tuple[int, int]) -> F32:
    across, down = np.fft.rfftfreq(size[0])[None, :], np.fft.fftfreq(size[1])[:, None]
    return np.asarray(np.exp(-(across**2 + down**2) / (2 * FINE**2)), np.float32)


def _highest_beside(surface: F32, row: int, column: int) -> float:
    """The highest value that is no part of the peak; the surface goes on around its edges."""
    beside = np.roll(surface, (APART - row, APART - column), axis=(0, 1))
    beside[: 2 * APART + 1, : 2 * APART + 1] = -np.inf
    return float(beside.max())


def _refined(surface: F32, row: int, column: int) -> tuple[float, float]:
    """Where the peak is between pixels: the top of the parabola through three of them."""
    height, width = surface.shape

    def top(before: float, at: float, after: float) -> float:
        bend = before - 2 * at + after
        return 0.0 if bend >= 0 else 0.5 * (before - after) / bend

    x = column + top(
        float(surface[row, column - 1]),
        float(surface[row, column]),
        float(surface[row, (column + 1) % width]),
    )
    y = row + top(
        float(surface[row - 1, column]),
        float(surface[row, column]),
        float(surface[(row + 1) % height, column]),
    )
    return (x + width / 2) % width - width / 2, (y + height / 2) % height - height / 2
