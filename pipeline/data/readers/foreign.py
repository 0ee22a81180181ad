"""What OpenCV does not read: HEIC of telephones, AVIF and GIF, by Pillow."""

import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from edge_agent.common.arrays import U8

# ISO/IEC 23008-12: the brands in a file's first box.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_ADVICE = (
    'a HEIC picture: `pip install "edgeward[heif]"` reads it, or convert it to JPEG, '
    "say with `heif-convert IN OUT.jpg`"
)
_AVIF_ADVICE = (
    "an AVIF picture that this Pillow does not read: `pip install -U pillow` (11.3 or newer), "
    "or convert it to JPEG, say with `avifdec IN OUT.jpg`"
)

_ADVICE = (_HEIF_ADVICE, _AVIF_ADVICE)


def advice(problems: Sequence[str]) -> tuple[str, ...]:
    """What would help to read files that are no use as they are; `problems` is what was found."""
    counts = {said: sum(said in problem for problem in problems) for said in _ADVICE}
    return tuple(f"unreadable, {count} times: {said}" for said, count in counts.items() if count)


def foreign_kind(data: bytes) -> str | None:
    """`heif`, `avif` or `gif` by the first bytes of a file, or None if it is none of them."""
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[4:8] != b"ftyp":
        return None
    if data[8:12] in _AVIF_BRANDS or b"avif" in data[16:64]:
        return "avif"
    return "heif" if data[8:12] in _HEIF_BRANDS else None


def decode_foreign(data: bytes, kind: str) -> U8 | str:
    """The first picture of a file of `kind`, (H, W, 3) RGB, upright; or what it is and what helps.

    Transparency is dropped, as from every other file.
    """
    _register()
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        if kind == "heif" and not _heif_readable():
            return _HEIF_ADVICE
        if kind == "avif" and ".avif" not in Image.registered_extensions():
            return _AVIF_ADVICE
        return f"{len(data)} bytes that no decoder of {kind.upper()} takes"


def open_foreign(path: Path) -> Image.Image:
    """The picture file at `path` as Pillow's, for what stands in its head.

    Raises:
        OSError, ValueError, SyntaxError: Pillow does not read it.
    """
    _register()
    return Image.open(path)


def _register() -> None:
    """Let Pillow read HEIC where the extra `heif` is installed; a second time does nothing."""
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()


def _heif_readable() -> bool:
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        return False
    return True
