"""Pictures like photographs, drawn from a seed, and what befalls photographs."""

from collections.abc import Callable

import cv2
import numpy as np

from edge_agent.common.arrays import U8


def scene(seed: int, height: int = 120, width: int = 160) -> U8:
    """A coloured picture with large and small structure; two seeds have nothing in common."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for blur, weight in ((24, 3.0), (8, 2.0), (2, 1.0)):
        noise = rng.normal(0, 1, (height, width, 3)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), blur)
        total += weight * smooth / smooth.std()
    return np.clip(128 + 25 * total, 0, 255).astype(np.uint8)


def encoded(image: U8, quality: int = 70) -> U8:
    """`image` after JPEG."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def cropped(image: U8, left: float, top: float, right: float, bottom: float) -> U8:
    """`image` without these shares of its sides."""
    height, width = image.shape[:2]
    rows = slice(round(height * top), round(height * (1 - bottom)))
    return image[rows, round(width * left) : round(width * (1 - right))].copy()


def filmed_on(image: U8) -> U8:
    """What a camera sees a moment later: moved by some pixels, with other noise."""
    height, width = image.shape[:2]
    move = np.array([[1.01, 0.01, 3], [-0.01, 1.01, -2]], np.float32)
    moved = cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REFLECT)
    noise = np.random.default_rng(1).normal(0, 6, moved.shape)
    return np.asarray(np.clip(moved + noise, 0, 255), np.uint8)


def turned(image: U8, degrees: float) -> U8:
    """`image` turned about its middle; what falls out is lost, what is missing is black."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height)), np.uint8)


def framed(image: U8, rows: int, columns: int, level: int) -> U8:
    """`image` with bars of so many pixels of one level at its sides."""
    colour = (level, level, level)
    around = (rows, rows, columns, columns)
    return np.asarray(cv2.copyMakeBorder(image, *around, cv2.BORDER_CONSTANT, value=colour))


# What people and programs do to a photograph without making another one of it.
CHANGES: dict[str, Callable[[U8], U8]] = {
    "another encoding": lambda image: encoded(image, 40),
    "a smaller size": lambda image: np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5), np.uint8),
    "brighter": lambda image: np.clip(image * 1.2, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.6).astype(np.uint8),
    "grey": lambda image: np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, 2),
    "cropped all round": lambda image: cropped(image, 0.08, 0.08, 0.08, 0.08),
    "cropped at a corner": lambda image: cropped(image, 0.12, 0.12, 0, 0),
    "cropped at one side": lambda image: cropped(image, 0, 0, 0.1, 0),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "mirrored and cropped": lambda image: cropped(image[:, ::-1], 0.05, 0.05, 0.05, 0.05),
    "turned a little": lambda image: turned(image, 3),
    "filmed on": filmed_on,
    "turned by a quarter": lambda image: np.rot90(image).copy(),
    "turned by a half": lambda image: np.rot90(image, 2).copy(),
    "turned by three quarters": lambda image: np.rot90(image, 3).copy(),
    "upside down": lambda image: image[::-1].copy(),
    "transposed": lambda image: image.swapaxes(0, 1).copy(),
    "turned by a quarter and transposed": lambda image: np.rot90(image.swapaxes(0, 1), 2).copy(),
    "turned by a quarter and cropped": lambda image: cropped(np.rot90(image), 0.1, 0.1, 0, 0),
    "turned by a quarter and encoded": lambda image: encoded(np.rot90(image).copy(), 50),
    "black bars above and below": lambda image: encoded(framed(image, 30, 0, 0)),
    "a white frame": lambda image: framed(image, 20, 25, 255),
}
