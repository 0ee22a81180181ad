"""`pipeline.demo.scenes`: frames like a camera's, whose region shows held-out images."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.svm import SVC

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import fit
from edge_agent.common.arrays import U8
from edge_agent.tasks.places import Region
from pipeline.common.errors import PipelineError
from pipeline.data.base import Split
from pipeline.data.classes import ClassDataset
from pipeline.data.fitted import fit_split
from pipeline.demo.scenes import HEIGHT, REGION, WIDTH, render_scenes, write_scenes
from pipeline.recipe import DataRecipe
from pipeline.tasks.classify.load import load

SPEC = InputSpec(height=8, width=8, colour="gray", mean=(0.5,), std=(0.5,))


@pytest.fixture(name="digits", scope="module")
def _digits() -> ClassDataset:
    """The embedded digits, split."""
    return load(DataRecipe(kind="digits"), root=None, recipe_folder=Path(), seed=0)


def _crop(frame: U8, region: Region = REGION) -> U8:
    return frame[region.y : region.y + region.h, region.x : region.x + region.w]


def _read(path: Path) -> list[U8]:
    """Every frame of a video, RGB."""
    video = cv2.VideoCapture(str(path))
    frames: list[U8] = []
    while True:
        found, frame = video.read()
        if not found:
            video.release()
            return frames
        frames.append(np.asarray(frame[:, :, ::-1], np.uint8))


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_the_video_holds_every_scene(digits: ClassDataset, tmp_path: Path, suffix: str) -> None:
    """Reading the file back gives as many frames of 640x480 as there are scenes, in order."""
    path = tmp_path / "new" / f"scenes{suffix}"
    scenes = write_scenes(digits.test, path, frames=5, seed=3)
    frames = _read(path)
    assert [scene.number for scene in scenes] == [0, 1, 2, 3, 4]
    assert [frame.shape for frame in frames] == [(HEIGHT, WIDTH, 3)] * 5
    drawn = [frame for _, frame in render_scenes(digits.test, frames=5, seed=3)]
    for frame, original in zip(frames, drawn, strict=True):
        difference = np.abs(_crop(frame).astype(int) - _crop(original))
        assert difference.mean() < 6  # lossy; another digit differs by 30 and more
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_scene_says_what_it_shows(digits: ClassDataset) -> None:
    """Id and label belong together, and the box lies close to the region, never quite alike."""
    labels = dict(zip(digits.test.ids, digits.test.labels, strict=True))
    scenes = [scene for scene, _ in render_scenes(digits.test, frames=30, seed=1)]
    assert len({scene.box.x for scene in scenes}) > 3
    assert len({scene.box.y for scene in scenes}) > 3
    assert len({scene.box.w for scene in scenes}) > 3
    for scene in scenes:
        assert scene.label == labels[scene.id]
        box = scene.box
        assert 0.96 <= box.w / REGION.w <= 1
        assert abs(box.x + box.w / 2 - REGION.x - REGION.w / 2) <= 5
        assert abs(box.y + box.h / 2 - REGION.y - REGION.h / 2) <= 5


def test_the_digit_is_where_the_scene_says(digits: ClassDataset) -> None:
    """The box, shrunk to 8x8, correlates with the image it shows, and not with another one."""
    places = {id_: place for place, id_ in enumerate(digits.test.ids)}
    for scene, frame in render_scenes(digits.test, frames=10, seed=1):
        seen = fit(np.ascontiguousarray(_crop(frame, scene.box)), SPEC).ravel()
        shown = digits.test.images[places[scene.id]].ravel()
        other = digits.test.images[(places[scene.id] + 1) % len(digits.test)].ravel()
        assert np.corrcoef(seen, shown)[0, 1] > 0.97
        assert np.corrcoef(seen, other)[0, 1] < 0.97


def test_the_seed_decides_everything(digits: ClassDataset) -> None:
    """The same seed draws the same pixels, another one a different scene."""
    one, again, other = (
        next(render_scenes(digits.test, frames=1, seed=seed)) for seed in (1, 1, 2)
    )
    assert one[0] == again[0]
    assert np.array_equal(one[1], again[1])
    assert not np.array_equal(one[1], other[1])


def test_no_image_repeats_before_all_were_shown(digits: ClassDataset) -> None:
    """Seven frames of three images show each twice, one of them thrice."""
    split = digits.test.select([0, 1, 2])
    counts = Counter(scene.id for scene, _ in render_scenes(split, frames=7, seed=0))
    assert sorted(counts.values()) == [2, 2, 3]


def test_frames_look_like_a_cameras(digits: ClassDataset) -> None:
    """Colour, uneven light and noise are there, and the surroundings are not the dark panel."""
    (_, first), (_, second) = render_scenes(digits.test, frames=2, seed=0)
    around = first[:100].astype(int)
    assert around.mean() > 60
    assert around.std() > 15
    assert np.abs(around[:, :, 0] - around[:, :, 2]).mean() > 2
    assert 3 < np.abs(around - second[:100]).mean() < 60


def test_a_classifier_of_clean_digits_reads_the_scenes(digits: ClassDataset) -> None:
    """A support vector machine loses less than 2 points between held-out digits and scenes."""
    train, test = fit_split(digits.train, SPEC), fit_split(digits.test, SPEC)
    machine = SVC(C=10).fit(train.pixels.reshape(len(train), -1) / 255, train.labels)
    clean = machine.score(test.pixels.reshape(len(test), -1) / 255, test.labels)
    shown = list(render_scenes(digits.test, frames=len(test), seed=1))
    crops = np.stack([fit(np.ascontiguousarray(_crop(frame)), SPEC) for _, frame in shown])
    labels = [scene.label for scene, _ in shown]
    assert clean > 0.97
    assert machine.score(crops.reshape(len(test), -1) / 255, labels) > clean - 0.02


def test_colour_images_of_any_size_are_shown(tmp_path: Path) -> None:
    """An RGB image keeps its colours on the panel, in a region of the caller's."""
    red = np.zeros((1, 30, 20, 3), np.uint8)
    red[..., 0] = 255
    split = Split(red, np.zeros(1, np.int64), ("red",))
    region = Region(x=0, y=380, w=100, h=100)
    _, frame = next(render_scenes(split, frames=1, seed=0, region=region))
    mean = _crop(frame, region)[20:80, 20:80].mean(axis=(0, 1))
    assert mean[0] > 150
    assert mean[1:].max() < 40


def test_another_kind_of_file_is_refused(digits: ClassDataset, tmp_path: Path) -> None:
    """Only the two formats that every OpenCV wheel writes."""
    with pytest.raises(ValueError, match=r"ending in \.avi or \.mp4, found 'a\.mkv'"):
        write_scenes(digits.test, tmp_path / "a.mkv", frames=1, seed=0)


def test_a_region_outside_the_frame_is_refused(digits: ClassDataset, tmp_path: Path) -> None:
    """The region has to be a part of the frame."""
    with pytest.raises(ValueError, match="expected a part of 640x480, found x=600 y=0 w=100 h=10"):
        write_scenes(
            digits.test, tmp_path / "a.avi", frames=1, seed=0, region=Region(600, 0, 100, 10)
        )


def test_a_file_that_cannot_be_written_is_an_error(digits: ClassDataset, tmp_path: Path) -> None:
    """A name too long for the file system is OpenCV's to refuse and ours to report."""
    path = tmp_path / ("a" * 250 + ".avi")
    with pytest.raises(PipelineError, match="expected to write MJPG video, found OpenCV unable"):
        write_scenes(digits.test, path, frames=1, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_the_older_video(digits: ClassDataset, tmp_path: Path) -> None:
    """An image that cannot be read stops the writing; what was there before is still whole."""

    class Failing:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int, /) -> U8:
            raise OSError("gone")

    path = tmp_path / "scenes.avi"
    path.write_bytes(b"older")
    split = Split(Failing(), np.zeros(3, np.int64), ("a", "b", "c"))
    with pytest.raises(OSError, match="gone"):
        write_scenes(split, path, frames=3, seed=0)
    assert path.read_bytes() == b"older"
    assert [entry.name for entry in tmp_path.iterdir()] == ["scenes.avi"]
