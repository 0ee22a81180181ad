"""Where a recipe's weights lie: looked for on this machine first, and most often only there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import DataError, WeightsError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.root import data_root, find_data
from pipeline.weights.check import is_name
from pipeline.weights.fetch import fetch
from pipeline.weights.hashes import check_hash, file_sha256
from pipeline.weights.hub import check_blob, find_in_hub, hub_weights, label, normalisation
from pipeline.weights.known import HUB, KnownWeights, known
from pipeline.weights.places import hub_cache, offline, own_cache, torch_cache


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights that is there.

    Args:
        path: where.
        sha256: of the file.
        label: what people call it: `imagenet`, the file's name, or a repository at a commit.
        row: the known weights that it is; None of any other file.
        normalisation: mean and std of the images that it was trained with, where they are known.
    """

    path: Path
    sha256: str
    label: str
    row: KnownWeights | None = None
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] | None = None


def find_weights(
    text: str, arch: str, root: Path | None, recipe_folder: Path, progress: Progress = SILENT
) -> WeightsFile:
    """The weights that a recipe asks for; what lies nowhere is fetched, unless that is forbidden.

    Args:
        text: the recipe's `model.weights`.
        arch: the recipe's `model.arch`.
        root: the data root of the command line; None takes the environment's.
        recipe_folder: where the recipe is.
        progress: told what is fetched.

    Raises:
        WeightsError: they cannot be had, or a file of that name is another one.
    """
    place = data_root(root)
    if text.startswith(HUB):
        return _in_hub(text)
    if not is_name(text):
        return _file(text, place, recipe_folder)
    row = known(text, arch)
    if row is None:
        raise WeightsError(f"model.weights: expected known weights of {arch}, found {text!r}")
    return find_known(row, place) or fetch_known(row, place, progress)


def _in_hub(text: str) -> WeightsFile:
    wanted = hub_weights(text)
    path = find_in_hub(wanted)
    sha256 = file_sha256(path)
    check_blob(path, sha256)
    return WeightsFile(path, sha256, label(path, wanted), None, normalisation(path))


def _file(text: str, root: Path, recipe_folder: Path) -> WeightsFile:
    imported = own_cache() / text
    try:
        path = find_data(text, "model.weights", "a file of weights", root, recipe_folder)
    except DataError as error:
        if not imported.is_file():
            raise WeightsError(f"{error}, nor {imported}") from error
        path = imported
    return WeightsFile(path, file_sha256(path), path.name)


def find_known(row: KnownWeights, root: Path) -> WeightsFile | None:
    """The file of known weights in the first of the usual places that has it; None in none.

    Args:
        row: which.
        root: the data root.

    Raises:
        WeightsError: there is another file under its name.
    """
    path = next((path for path in places(row, root) if path.exists()), None)
    if path is None:
        return None
    sha256 = check_hash(path, row.sha256)
    return WeightsFile(path, sha256, row.name, row, (row.mean, row.std))


def places(row: KnownWeights, root: Path) -> Iterator[Path]:
    """Where the file of `row` may lie, by name or, in Hugging Face's cache, by its hash."""
    yield own_cache() / row.file
    yield torch_cache() / row.file
    yield root / "weights" / row.file
    yield from sorted(hub_cache().glob(f"models--*/blobs/{row.sha256}"))


def fetch_known(row: KnownWeights, root: Path, progress: Progress) -> WeightsFile:
    """The file of known weights, fetched into our own folder.

    Raises:
        WeightsError: it cannot be had; says what to copy where.
    """
    forbidden = offline()
    try:
        if forbidden is not None:
            raise WeightsError(f"{forbidden} is set")
        path = fetch(row, own_cache(), progress)
        return WeightsFile(path, check_hash(path, row.sha256), row.name, row, (row.mean, row.std))
    except WeightsError as error:
        looked = ", ".join(str(path.parent) for path in places(row, root))
        raise WeightsError(
            f"model.weights: expected {row.file} (SHA-256 {row.sha256}) in one of {looked}, "
            f"found none, and it could not be fetched ({error}); copy it there, or from wherever "
            "it was brought to: edgeward weights import FILE"
        ) from error
