"""What texts stand on: paper, plaster, wood, metal, blurred things; made, not photographed.

One bank of textures is made at the start; a background is a piece cut out of it, which costs
nothing. Values are differences from a mean level: mean 0, most of them within 1.
"""

from functools import lru_cache
from random import Random

import cv2
import numpy as np

from edge_agent.common.arrays import F32

COUNT = 48
HEIGHT, WIDTH = 160, 1024
# One bank for every run: which piece a picture gets is what the run's seed decides.
_SEED = 20_11


class Textures:
    """The bank, and a bank of sensor noise; (COUNT, HEIGHT, WIDTH) and (HEIGHT, WIDTH)."""

    def __init__(self) -> None:
        rng = np.random.default_rng(_SEED)
        kinds = (_clouds, _grain, _streaks, _stripes, _shapes)
        made = [kinds[i % len(kinds)](rng) for i in range(COUNT)]
        self._bank = np.stack([_standard(texture) for texture in made])
        self._noise = rng.standard_normal((HEIGHT, WIDTH), np.float32)

    def background(self, rng: Random, height: int, width: int) -> F32:
        """A piece of a texture, (height, width); a view that nobody may change."""
        return _piece(self._bank[rng.randrange(COUNT)], rng, height, width)

    def noise(self, rng: Random, height: int, width: int) -> F32:
        """Noise of variance 1, (height, width); a view that nobody may change."""
        return _piece(self._noise, rng, height, width)


@lru_cache(1)
def textures() -> Textures:
    """The one bank of this process."""
    return Textures()


def _piece(texture: F32, rng: Random, height: int, width: int) -> F32:
    if height > HEIGHT or width > WIDTH:
        repeats = (-(-height // HEIGHT), -(-width // WIDTH))
        texture = np.tile(texture, repeats)
    top = rng.randrange(texture.shape[0] - height + 1)
    left = rng.randrange(texture.shape[1] - width + 1)
    return texture[top : top + height, left : left + width]


def _standard(texture: F32) -> F32:
    """`texture` with mean 0 and deviation 0.5, hard-clipped at 1.5."""
    spread = max(float(texture.std()), 1e-6)
    scaled = (texture - texture.mean()) * np.float32(0.5 / spread)
    return np.asarray(np.clip(scaled, -1.5, 1.5), np.float32)


def _octave(rng: np.random.Generator, rows: int, columns: int) -> F32:
    """Smooth noise with that many cells each way."""
    cells = rng.standard_normal((rows, columns), np.float32)
    return np.asarray(cv2.resize(cells, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.float32)


def _clouds(rng: np.random.Generator) -> F32:
    """Several sizes of blots, the large ones the strongest: plaster, sky, an unsharp wall."""
    rows = [int(rng.integers(2, 5)) * 2**k for k in range(5)]
    octaves = np.stack([_octave(rng, r, 4 * r) / r for r in rows])
    return np.asarray(octaves.sum(axis=0), np.float32)


def _grain(rng: np.random.Generator) -> F32:
    """Paper or concrete: fine noise, a little smoothed, over faint blots."""
    noise = rng.standard_normal((HEIGHT, WIDTH), np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.6, 2.0)))
    return np.asarray(fine * 3 + _octave(rng, 4, 12) * 0.3, np.float32)


def _streaks(rng: np.random.Generator) -> F32:
    """Wood or brushed metal: long in one direction."""
    if rng.random() < 0.5:
        return _octave(rng, int(rng.integers(30, 120)), int(rng.integers(2, 8)))
    return _octave(rng, int(rng.integers(2, 5)), int(rng.integers(100, 400)))


def _stripes(rng: np.random.Generator) -> F32:
    """A regular pattern at some angle: cloth, a blind, a screen's lines, bricks."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 60)
    phase = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period)
    wave = np.sin(phase + _octave(rng, 3, 9))
    return np.asarray(np.sign(wave) if rng.random() < 0.4 else wave, np.float32)


def _shapes(rng: np.random.Generator) -> F32:
    """Boxes, balls and lines of all levels, some unsharp: a cluttered place."""
    canvas = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(int(rng.integers(40, 160))):
        x, y = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))
        size, level = int(rng.integers(6, 80)), (float(rng.uniform(-1, 1)),)
        match rng.integers(3):
            case 0:
                cv2.rectangle(canvas, (x, y), (x + size, y + size // 2), level, cv2.FILLED)
            case 1:
                cv2.circle(canvas, (x, y), size // 2, level, cv2.FILLED, cv2.LINE_AA)
            case _:
                end = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
                cv2.line(canvas, (x, y), end, level, 1 + size // 16, cv2.LINE_AA)
    sigma = float(rng.uniform(0.3, 4.0))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), sigma), np.float32)
