"""Camera-like frames for the demo: held-out images shown on a display in a busy scene.

Every frame is 640x480 in colour: a textured background with clutter, and a dark panel that
shows one image inside the stream's region of interest, a little off its place and size.
Light falls unevenly and changes from frame to frame, and the sensor adds noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.places import Region
from pipeline.common.errors import PipelineError
from pipeline.data.classes import ClassSplit

WIDTH, HEIGHT = 640, 480
REGION = Region(x=220, y=140, w=200, h=200)

_CODECS = {".avi": "MJPG", ".mp4": "mp4v"}  # both are in every OpenCV wheel
_BEZEL = 24  # the panel is this much larger than the region on each side
_SHIFT = 0.02  # largest displacement of the image, as a share of the region
_SHRINK = 0.04  # largest reduction of its size
_BLACK, _WHITE = 12.0, 240.0  # what 0 and 255 look like on the panel
_NOISE = 5.0  # standard deviation of the sensor noise, in grey levels
_NOISE_MARGIN = 64  # places to cut a frame's noise from, in pixels each way

Rng: TypeAlias = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """What a frame shows.

    Args:
        number: of the frame in the video, from 0.
        id: the image's name in its split.
        label: the image's class.
        box: where the image is in the frame.
    """

    number: int
    id: str
    label: int
    box: Region


def write_scenes(
    split: ClassSplit,
    path: Path,
    *,
    frames: int,
    seed: int,
    fps: float = 10.0,
    region: Region = REGION,
) -> tuple[Scene, ...]:
    """Write a video of `frames` scenes to `path`, and say what each one shows.

    Args:
        split: where the images come from; drawn without repeats while there are enough.
        path: `.avi` (Motion JPEG) or `.mp4` (MPEG-4); replaced whole.
        frames: how many.
        seed: the same one draws the same scenes.
        fps: frames per second that the file names.
        region: the stream's region of interest, which each image fills.

    Raises:
        ValueError: another suffix, or a region that does not fit into the frame.
        PipelineError: this OpenCV cannot write such a video there.
    """
    codec = _CODECS.get(path.suffix)
    if codec is None:
        raise ValueError(f"path: expected a name ending in .avi or .mp4, found {path.name!r}")
    if region.x + region.w > WIDTH or region.y + region.h > HEIGHT:
        raise ValueError(f"region: expected a part of {WIDTH}x{HEIGHT}, found {region}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*codec), fps, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise PipelineError(f"{path}: expected to write {codec} video, found OpenCV unable to")
    scenes: list[Scene] = []
    try:
        for scene, frame in render_scenes(split, frames=frames, seed=seed, region=region):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            scenes.append(scene)
        writer.release()
        part.replace(path)
    finally:
        writer.release()
        part.unlink(missing_ok=True)
    return tuple(scenes)


def render_scenes(
    split: ClassSplit, *, frames: int, seed: int, region: Region = REGION
) -> Iterator[tuple[Scene, U8]]:
    """The scenes of `write_scenes` with their frames, (480, 640, 3) RGB."""
    rng = np.random.default_rng(seed)
    background, noise = _background(rng, region), _sensor_noise(rng)
    for number, index in enumerate(_choose(len(split), frames, rng)):
        box = _jitter(region, rng)
        canvas = background.copy()
        _show(split.images[index], box, canvas)
        frame = _expose(canvas, noise, rng)
        yield Scene(number, split.ids[index], int(split.labels[index]), box), frame


def _choose(available: int, frames: int, rng: Rng) -> list[int]:
    rounds = -(-frames // available)
    order = np.concatenate([rng.permutation(available) for _ in range(rounds)])
    return [int(index) for index in order[:frames]]


def _jitter(region: Region, rng: Rng) -> Region:
    scale = 1 - rng.uniform(0, _SHRINK)
    w, h = round(region.w * scale), round(region.h * scale)
    x = region.x + (region.w - w) / 2 + rng.uniform(-_SHIFT, _SHIFT) * region.w
    y = region.y + (region.h - h) / 2 + rng.uniform(-_SHIFT, _SHIFT) * region.h
    x = np.clip(round(x), 0, WIDTH - w)
    y = np.clip(round(y), 0, HEIGHT - h)
    return Region(x=int(x), y=int(y), w=w, h=h)


def _background(rng: Rng, region: Region) -> F32:
    """A wall with stains, things lying about, and the dark panel around `region`."""
    canvas = np.full((HEIGHT, WIDTH, 3), rng.uniform(100, 150, 3), np.float32)
    for cells, strength in ((6, 25), (40, 12), (160, 8)):
        stains = rng.normal(0, strength, (cells * 3 // 4, cells, 1))
        stains = stains + rng.normal(0, strength / 4, (cells * 3 // 4, cells, 3))
        stains = stains.astype(np.float32)
        canvas += cv2.resize(stains, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for _ in range(30):
        _clutter(canvas, rng)
    low = (region.x - _BEZEL, region.y - _BEZEL)
    high = (region.x + region.w + _BEZEL, region.y + region.h + _BEZEL)
    cv2.rectangle(canvas, low, high, (60.0, 62.0, 66.0), cv2.FILLED)
    inset = _BEZEL // 3
    low, high = (low[0] + inset, low[1] + inset), (high[0] - inset, high[1] - inset)
    cv2.rectangle(canvas, low, high, (_BLACK, _BLACK, _BLACK), cv2.FILLED)
    return canvas


def _clutter(canvas: F32, rng: Rng) -> None:
    """One random thing: a box, a ball, a cable, or a piece of writing."""
    x, y = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))
    size = int(rng.integers(10, 70))
    red, green, blue = (float(level) for level in rng.uniform(0, 255, 3))
    colour = (red, green, blue)
    match rng.integers(4):
        case 0:
            cv2.rectangle(canvas, (x, y), (x + size, y + size // 2), colour, cv2.FILLED)
        case 1:
            cv2.circle(canvas, (x, y), size // 2, colour, cv2.FILLED, cv2.LINE_AA)
        case 2:
            end = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
            cv2.line(canvas, (x, y), end, colour, 3, cv2.LINE_AA)
        case _:
            text = str(rng.integers(1000))
            cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size / 30, colour, 3)


def _show(image: U8, box: Region, canvas: F32) -> None:
    """Light up `box` of `canvas` with `image`, grey or RGB."""
    shown = cv2.resize(image.astype(np.float32), (box.w, box.h), interpolation=cv2.INTER_CUBIC)
    levels = _BLACK + np.clip(shown, 0, 255) * ((_WHITE - _BLACK) / 255)
    if levels.ndim == 2:
        levels = levels[:, :, np.newaxis]
    canvas[box.y : box.y + box.h, box.x : box.x + box.w] = levels


def _sensor_noise(rng: Rng) -> F32:
    """More noise than one frame needs: each frame cuts its own piece, which is quick."""
    shape = (HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN, 3)
    return rng.standard_normal(shape, np.float32) * np.float32(_NOISE)


def _expose(canvas: F32, noise: F32, rng: Rng) -> U8:
    """`canvas` under uneven light, through a noisy sensor; (480, 640, 3) uint8."""
    across = np.linspace(-1, 1, WIDTH, dtype=np.float32)
    down = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, np.newaxis]
    slope_x, slope_y, level = rng.uniform((-0.12, -0.12, 0.92), (0.12, 0.12, 1.04)).tolist()
    light = level + slope_x * across + slope_y * down - 0.12 * (across**2 + down**2)
    tint = rng.uniform(0.97, 1.03, 3).astype(np.float32)
    top, left = rng.integers(_NOISE_MARGIN, size=2)
    piece = noise[top : top + HEIGHT, left : left + WIDTH]
    # OpenCV's sum rounds and saturates on its way to uint8.
    exposed = cv2.add(canvas * (light[:, :, np.newaxis] * tint), piece, dtype=cv2.CV_8U)
    return np.asarray(exposed, np.uint8)
