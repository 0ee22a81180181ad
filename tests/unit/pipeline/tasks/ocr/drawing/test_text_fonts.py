"""Fonts: those that can write what is wanted, and one clear error where there are none."""

import shutil
from pathlib import Path

import pytest

from pipeline.common.errors import DataError
from pipeline.tasks.ocr.drawing.fonts import find_fonts, open_font


def test_fonts_without_the_characters_are_left_out(font_folder: Path) -> None:
    """DejaVu Sans writes ASCII; fonts of mathematical signs in the same folder do not."""
    names = {font.path.name for font in find_fonts("AZaz09~", font_folder)}
    assert "DejaVuSans.ttf" in names
    assert (font_folder / "STIXSizFourSymReg.ttf").is_file()
    assert "STIXSizFourSymReg.ttf" not in names


def test_a_font_that_draws_all_alike_is_left_out(font_folder: Path) -> None:
    """A font of last resort has one box for every character, so it writes none of them."""
    names = {font.path.name for font in find_fonts("AB", font_folder)}
    assert (font_folder / "LastResortHE-Regular.ttf").is_file()
    assert "LastResortHE-Regular.ttf" not in names


def test_a_copy_of_a_font_counts_once(font_folder: Path, tmp_path: Path) -> None:
    """The same bytes under two names are one font, the first by name; other files are ignored."""
    for name in ("b.ttf", "a.TTF"):
        shutil.copy(font_folder / "DejaVuSans.ttf", tmp_path / name)
    (tmp_path / "readme.txt").write_text("no font")
    (tmp_path / "broken.ttf").write_bytes(b"no font either")
    assert [font.path.name for font in find_fonts("a", tmp_path)] == ["a.TTF"]


def test_a_folder_without_fonts_is_one_error(tmp_path: Path) -> None:
    """It says what was looked for, where, and what to do."""
    with pytest.raises(DataError) as error:
        find_fonts("ab", tmp_path)
    assert str(error.value) == (
        f"fonts: expected at least one .ttf or .otf font with the characters 'ab' in {tmp_path}, "
        "found none; install fonts, such as DejaVu or Liberation, or name a folder that has some"
    )


def test_a_missing_folder_is_one_error(tmp_path: Path) -> None:
    """A folder that is not there is not the same as one without fonts."""
    with pytest.raises(DataError) as error:
        find_fonts("ab", tmp_path / "none")
    assert str(error.value) == (
        f"fonts: expected a folder of fonts at {tmp_path / 'none'}, found nothing"
    )


def test_characters_no_font_has_are_one_error(font_folder: Path) -> None:
    """A character outside every font names the whole charset."""
    with pytest.raises(DataError, match="with the characters 'ab\U0001f9ff' in"):
        find_fonts("ab\U0001f9ff", font_folder)


def test_a_broken_font_is_named(tmp_path: Path) -> None:
    """A file that FreeType cannot open is an error with its path."""
    path = tmp_path / "x.ttf"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=f"^{path}: expected a font, found: "):
        open_font(path, 32)
