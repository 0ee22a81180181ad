"""Which files a user means, and what is in them."""

from pathlib import Path

import pytest

from pipeline.common.errors import DataError
from pipeline.predict.pictures import Picture, Unreadable, find_pictures, look


def test_a_folder_is_looked_through_with_all_below_it(photos: Path, clip: Path) -> None:
    """Names are relative to the folder named; what is hidden or left behind is passed over."""
    (photos / ".hidden.png").write_bytes(b"")
    for name in ("@eaDir", "Network Trash Folder", "__MACOSX", "lost+found"):
        (photos / name).mkdir()
        (photos / name / "0.png").write_bytes(b"")
    (photos / "notes.txt").write_text("no picture", encoding="utf-8")
    files = find_pictures([photos, clip])
    assert [file.name for file in files] == [
        "bright/0.png",
        "bright/1.png",
        "dark/0.png",
        "dark/1.png",
        "dark/2.png",
        "clip.avi",
    ]


def test_a_file_that_is_named_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    """Who names a file means it; whether it can be read shows when it is."""
    path = tmp_path / "picture.odd"
    path.write_bytes(b"no picture")
    (file,) = find_pictures([path])
    (found,) = look(file)
    assert found == Unreadable(
        "picture.odd", f"{path}: expected an image, found 10 bytes that OpenCV cannot decode"
    )


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A path that is missing, and a folder without pictures."""
    with pytest.raises(DataError, match="expected an image, a video or a folder, found nothing"):
        find_pictures([tmp_path / "none"])
    with pytest.raises(DataError, match="expected images or videos, found none"):
        find_pictures([tmp_path])


def test_a_video_gives_every_nth_frame_with_its_number(clip: Path) -> None:
    """Frames keep the number that they have in the video."""
    (file,) = find_pictures([clip])
    every = [(found.name, found.frame) for found in look(file) if isinstance(found, Picture)]
    assert every == [("clip.avi", number) for number in range(4)]
    third = [found.frame for found in look(file, every=3) if isinstance(found, Picture)]
    assert third == [0, 3]


def test_a_video_that_is_none_is_told(tmp_path: Path) -> None:
    """Must fire: the file is named, and nothing ends."""
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video")
    (file,) = find_pictures([path])
    (found,) = look(file)
    assert isinstance(found, Unreadable)
    assert "expected a video" in found.problem
