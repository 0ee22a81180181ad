"""`pipeline.near`: near copies are found whatever befell them, and unrelated pictures are not."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.near_pictures import CHANGES, encoded, filmed_on, framed, scene

from edge_agent.common.arrays import U8
from pipeline.near import copies, search
from pipeline.near.copies import Copies, find_copies, remembered_copies
from pipeline.near.thumbnail import NOTHING, comparable, stacked, thumbnail

OTHERS = 12


def _thumbs(images: list[U8]) -> U8:
    return np.stack([thumbnail(image) for image in images])


@pytest.fixture(name="others", scope="module")
def _others() -> list[U8]:
    return [scene(seed) for seed in range(100, 100 + OTHERS)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_is_found_among_others(others: list[U8], change: str) -> None:
    """Each of the things that make no other photograph of it; and nothing else is found."""
    original = scene(1)
    found = find_copies(_thumbs([*others, original, CHANGES[change](original)]))
    assert [(pair.first, pair.second) for pair in found.pairs] == [(OTHERS, OTHERS + 1)]
    assert found.pairs[0].likeness >= 0.94
    assert (found.means, found.compared) == ("picture", OTHERS + 2)


def test_unrelated_pictures_are_not_copies() -> None:
    """Must not fire: sixty pictures drawn from sixty seeds."""
    assert find_copies(_thumbs([scene(seed) for seed in range(60)])).pairs == ()


def test_copies_of_copies_are_one_group(others: list[U8]) -> None:
    """A chain of frames is joined, with as few pairs as join it."""
    film = [scene(2)]
    for _ in range(4):
        film.append(filmed_on(film[-1]))
    found = find_copies(_thumbs([*others, *film]))
    assert {place for pair in found.pairs for place in (pair.first, pair.second)} == set(
        range(OTHERS, OTHERS + 5)
    )
    assert len(found.pairs) == 4


def test_blocks_of_any_size_find_the_same(
    others: list[U8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search holds a bounded number of products; where it cuts makes no difference."""
    thumbs = _thumbs([*others, *map(encoded, others)])
    whole = find_copies(thumbs)
    assert len(whole.pairs) == OTHERS
    monkeypatch.setattr(search, "_BLOCK", 100)
    assert find_copies(thumbs) == whole


def test_tiny_and_even_pictures_are_not_compared() -> None:
    """A digit of 28 pixels, a CIFAR image, a wall: each looks like many another."""
    tiny = [scene(seed, 32, 32) for seed in (1, 1, 2)]
    assert all(thumbnail(image) is NOTHING for image in tiny)
    assert stacked([thumbnail(image) for image in tiny]) is None
    wall = np.full((60, 60, 3), 200, np.uint8)
    assert comparable(_thumbs([wall, scene(3)])).tolist() == [False, True]
    assert find_copies(_thumbs([wall, wall, scene(3)])) == Copies((), "picture", 1, 1.0)


def test_a_thing_before_an_even_ground_is_left_whole() -> None:
    """Must not fire: what is mostly white has no frame, and a picture all black stays one."""
    paper = np.full((100, 100), 255, np.uint8)
    paper[40:60, 40:60] = scene(1, 20, 20)[..., 0]
    assert np.array_equal(thumbnail(paper), cv2.resize(paper, (64, 64), None, 0, 0, cv2.INTER_AREA))
    black = np.zeros((80, 80, 3), np.uint8)
    assert not thumbnail(black).any()
    bar = framed(scene(1), 30, 0, 0)
    assert np.array_equal(thumbnail(bar), thumbnail(scene(1)))


def _belt(seed: int) -> U8:
    """The same belt with a few things of their own on it."""
    rng = np.random.default_rng(seed)
    image = scene(7).astype(np.float32) * 0.8
    things = scene(1000 + seed).astype(np.float32)
    mask = np.zeros((image.shape[0], image.shape[1]), np.float32)
    for _ in range(3):
        centre = (int(rng.integers(20, 140)), int(rng.integers(20, 100)))
        cv2.circle(mask, centre, int(rng.integers(8, 14)), (1.0,), -1)
    mixed = image * (1 - mask[..., None]) + things * mask[..., None]
    return np.clip(mixed + rng.normal(0, 2, mixed.shape), 0, 255).astype(np.uint8)


def test_pictures_of_one_scene_are_told_by_what_differs() -> None:
    """A camera over a belt: the belt makes no copies, the same things on it do."""
    belt = [_belt(seed) for seed in range(24)]
    found = find_copies(_thumbs([*belt, encoded(belt[3])]))
    assert found.means == "difference"
    assert found.scene > 0.5
    assert [(pair.first, pair.second) for pair in found.pairs] == [(3, 24)]


def test_a_set_in_which_all_is_alike_is_not_grouped() -> None:
    """One thing in one place, dark or light: what differs is alike too, so nothing is joined."""
    blobs = []
    for number in range(24):
        image = scene(7)
        shade = 10 + number if number < 16 else 200 + number
        cv2.circle(image, (80, 60), 30, (shade, shade, shade), -1)
        blobs.append(image)
    found = find_copies(_thumbs(blobs))
    assert (found.means, found.pairs) == ("none", ())


@pytest.fixture(name="searches")
def _searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many thumbnails each search that was made had."""
    made: list[int] = []
    search_ = copies.find_copies

    def find(thumbs: U8, *more: object) -> Copies:
        made.append(len(thumbs))
        return search_(thumbs)

    monkeypatch.setattr(copies, "find_copies", find)
    return made


def test_what_was_found_is_remembered(tmp_path: Path, searches: list[int]) -> None:
    """The same pictures are searched once; others, or a damaged memory, anew."""
    thumbs = _thumbs([scene(1), encoded(scene(1)), scene(2)])
    first = remembered_copies(thumbs, ("a", "b", "c"), tmp_path / "cache")
    assert remembered_copies(thumbs, ("a", "b", "c"), tmp_path / "cache") == first
    assert searches == [3]
    remembered_copies(thumbs, ("a", "b", "d"), tmp_path / "cache")
    assert searches == [3, 3]
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(b"{")
    assert remembered_copies(thumbs, ("a", "b", "c"), tmp_path / "cache") == first
    assert searches == [3, 3, 3]
    remembered_copies(thumbs, ("a", "b", "c"), None)
    assert searches == [3, 3, 3, 3]
