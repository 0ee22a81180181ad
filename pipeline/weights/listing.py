"""The known weights for a person: which there are, where they lie, and how they can be had."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.common.errors import WeightsError
from pipeline.weights.find import find_known, places
from pipeline.weights.hashes import check_hash
from pipeline.weights.known import KNOWN, PICKLED, SAFE, KnownWeights
from pipeline.weights.places import own_cache

_ROW = "{:<26} {:<9} {:>9} {:>6}  {:<12}  {}"


def listing(root: Path) -> Iterator[str]:
    """A line for each of the known weights, then for each other file of our own folder.

    Args:
        root: the data root, one of the places where they may lie.
    """
    yield _ROW.format("arch", "weights", "size", "top-1", "licence", "file")
    for row in KNOWN:
        size = "" if row.size is None else f"{row.size / 1e6:.1f} MB"
        top1 = "" if row.top1 is None else f"{row.top1:.1f}"
        yield _ROW.format(row.arch, row.name, size, top1, row.licence, _where(row, root))
    for path in others():
        size = f"{path.stat().st_size / 1e6:.1f} MB"
        yield _ROW.format("", path.name, size, "", "", path)


def _where(row: KnownWeights, root: Path) -> str:
    try:
        found = find_known(row, root)
    except WeightsError as error:
        return str(error)
    return f"get it by: edgeward weights fetch {row.arch}" if found is None else str(found.path)


def verified(row: KnownWeights, root: Path) -> Iterator[tuple[str, str | None]]:
    """For each file of `row` on this machine whether it is the published one, and what is wrong.

    Args:
        row: the weights.
        root: the data root.
    """
    found = [path for path in places(row, root) if path.exists()]
    for path in found:
        try:
            yield f"{row.arch}: right, SHA-256 {check_hash(path, row.sha256)}, {path}", None
        except WeightsError as error:
            yield f"{row.arch}: wrong, {path}", str(error)
    if not found:
        yield f"{row.arch}: not here", None


def others() -> list[Path]:
    """The files of our own folder that were imported under names of the user's."""
    files = {row.file for row in KNOWN}
    folder = own_cache()
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path
        for path in found
        if path.suffix.lower() in (SAFE, *PICKLED) and path.name not in files and path.is_file()
    ]


def row_of(what: str) -> KnownWeights:
    """The known weights that a command names: by architecture, file, or both names.

    Raises:
        WeightsError: there are none.
    """
    for row in KNOWN:
        if what in (row.arch, row.file, f"{row.arch}/{row.name}"):
            return row
    arches = ", ".join(row.arch for row in KNOWN)
    raise WeightsError(f"weights: expected one of {arches}, found {what!r}")
