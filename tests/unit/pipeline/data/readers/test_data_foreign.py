"""Pictures that OpenCV does not read, and JPEGs by other names."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from support.near_pictures import scene

from pipeline.data.readers.folder import read_folder
from pipeline.data.readers.foreign import foreign_kind
from pipeline.data.readers.images import UnreadableImageError, read_image
from pipeline.data.readers.layout import list_folder
from pipeline.tasks.classify.begin.folder import inspect, summary_lines

AVIF = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def _differ(path: Path, expected: object) -> float:
    """The mean difference of the picture at `path` from the one expected, in levels."""
    return float(np.abs(read_image(path).astype(int) - np.asarray(expected, int)).mean())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jfif", "JPEG"), ("a.pjpeg", "JPEG"), ("a.mpo", "MPO"), ("a.gif", "GIF"),
        pytest.param("a.avif", "AVIF", marks=AVIF),
    ],
)  # fmt: skip
def test_other_formats_are_read(tmp_path: Path, name: str, kind: str) -> None:
    """By their suffixes they are images, and they show what was saved; of films the first frame."""
    picture = scene(1)
    for label in ("cat", "dog"):
        path = tmp_path / label / name
        path.parent.mkdir()
        more = {} if kind == "AVIF" else {"append_images": [Image.fromarray(scene(2))]}
        every = kind in ("MPO", "GIF")
        Image.fromarray(picture).save(path, kind, quality=95, save_all=every, **more)
    assert len(list_folder(tmp_path).paths) == 2
    # A GIF has 256 colours.
    assert _differ(tmp_path / "cat" / name, picture) < (9 if kind == "GIF" else 4)


def test_a_heic_of_a_telephone_is_read_and_turned(tmp_path: Path) -> None:
    """With the extra `heif`; upright as its EXIF says."""
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    heif.register_heif_opener()
    path, picture = tmp_path / "a.heic", scene(1)
    Image.fromarray(picture).save(path, quality=95)
    assert foreign_kind(path.read_bytes()[:64]) == "heif"
    assert _differ(path, picture) < 4


def test_a_heic_without_its_extra_says_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence: what to install, or how to convert."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(UnreadableImageError) as error:
        read_image(path)
    assert str(error.value) == (
        f'{path}: expected an image, found a HEIC picture: `pip install "edgeward[heif]"` reads '
        "it, or convert it to JPEG, say with `heif-convert IN OUT.jpg`"
    )


def test_init_and_build_say_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, with how many there are; a folder of a telephone has hundreds."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for number in range(16):
        folder = tmp_path / ("cat", "dog")[number % 2]
        folder.mkdir(exist_ok=True)
        Image.fromarray(scene(number)).save(folder / f"{number}.png")
    for number in range(2):
        (tmp_path / "cat" / f"{number}.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    told = (
        'unreadable, 2 times: a HEIC picture: `pip install "edgeward[heif]"` reads it, or convert '
        "it to JPEG, say with `heif-convert IN OUT.jpg`"
    )
    assert told in summary_lines(inspect(tmp_path))
    assert told in read_folder(tmp_path, "skip").notes


def test_a_damaged_gif_is_named_as_one(tmp_path: Path) -> None:
    """Nothing helps there; it says which format it claims to be."""
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a" + bytes(10))
    with pytest.raises(UnreadableImageError, match="found 16 bytes that no decoder of GIF takes"):
        read_image(path)


@pytest.mark.parametrize("head", [b"", b"\xff\xd8\xff\xe0" + bytes(60), b"\x89PNG\r\n\x1a\n"])
def test_common_files_are_opencvs(head: bytes) -> None:
    """Must not fire: nobody else is asked."""
    assert foreign_kind(head) is None
