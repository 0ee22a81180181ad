"""Which font files can write a charset: the system's, or those of a folder.

Finding fonts is matplotlib's (it asks fontconfig where there is one, and knows the folders of
the other systems), reading which characters a font has is fontTools', and drawing is
FreeType's, through Pillow; the latter two come with matplotlib.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec
from fontTools.ttLib import TTFont, TTLibError
from matplotlib import font_manager
from PIL import ImageFont

from edge_agent.common.atomic import write_whole
from pipeline.common.errors import DataError

FONT_SUFFIXES = frozenset({".ttf", ".otf"})
# Drawn glyphs are kept by Pillow's font objects; this many sizes of fonts at once.
_OPEN_FONTS = 1024


@dataclass(frozen=True)
class Font:
    """A font file that has every character asked for.

    Args:
        path: the file.
        sha256: of its bytes: what a text looks like depends on it.
    """

    path: Path
    sha256: str


def find_fonts(characters: str, folder: Path | None = None) -> tuple[Font, ...]:
    """The fonts that have all of `characters`, each once, in an order of their own names.

    Args:
        characters: what has to be drawn; a space needs no glyph.
        folder: where the fonts are; None takes the system's.

    Raises:
        DataError: no such folder, or no font in it that has these characters.
    """
    found: dict[str, Font] = {}
    for path in sorted(_files(folder), key=lambda path: (path.name, str(path))):
        if _has(path, characters):
            font = Font(path, _sha256(path))
            found.setdefault(font.sha256, font)
    if not found:
        where = "the system's fonts" if folder is None else str(folder)
        raise DataError(
            f"fonts: expected at least one .ttf or .otf font with the characters "
            f"{characters!r} in {where}, found none; install fonts, such as DejaVu or "
            "Liberation, or name a folder that has some"
        )
    return tuple(found.values())


def save_fonts(fonts: tuple[Font, ...], path: Path) -> None:
    """Write which fonts they are to `path` as JSON, for `load_fonts`."""
    rows = {str(font.path): font.sha256 for font in fonts}
    write_whole(path, msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")


def load_fonts(path: Path) -> tuple[Font, ...]:
    """The fonts that `save_fonts` wrote down, if they still are what they were.

    A system gets and loses fonts in its life; what was begun with some goes on with them.

    Raises:
        DataError: one of them is gone or another one.
    """
    rows = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    fonts = tuple(Font(Path(name), sha256) for name, sha256 in rows.items())
    for font in fonts:
        if not font.path.is_file() or _sha256(font.path) != font.sha256:
            found = "another one" if font.path.is_file() else "nothing"
            raise DataError(
                f"{font.path}: expected the font that this run began with, found {found}; "
                f"put it back, or begin anew without {path.parent}"
            )
    return fonts


@lru_cache(_OPEN_FONTS)
def open_font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """The font at `path` with an em of `size` pixels.

    Raises:
        DataError: FreeType cannot open it.
    """
    try:
        # The basic layout places each glyph by itself and its pair's kerning, which is all
        # that these scripts need, whether or not Pillow was built with Raqm.
        return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise DataError(f"{path}: expected a font, found: {error}") from error


def _files(folder: Path | None) -> Iterable[Path]:
    if folder is None:
        paths = [Path(name) for name in font_manager.findSystemFonts()]
    elif folder.is_dir():
        paths = list(folder.rglob("*"))
    else:
        found = "a file" if folder.exists() else "nothing"
        raise DataError(f"fonts: expected a folder of fonts at {folder}, found {found}")
    return [path for path in paths if path.suffix.lower() in FONT_SUFFIXES and path.is_file()]


def _has(path: Path, characters: str) -> bool:
    """Whether the font at `path` has a glyph of its own for each of `characters`.

    A font that draws two of them alike (capitals for small letters, or one box for all that is
    unknown) cannot write what is to be read. A broken font has no glyphs.
    """
    try:
        with path.open("rb") as file, TTFont(file, lazy=True) as font:
            glyphs = font.getBestCmap() or {}
    except (TTLibError, OSError, AssertionError):
        return False
    wanted = {character for character in characters if not character.isspace()}
    found = {glyphs[ord(character)] for character in wanted if ord(character) in glyphs}
    return len(found) == len(wanted)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
