"""Weights in a Hugging Face repository: from its cache, and over the network only if they must."""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.common.errors import WeightsError
from pipeline.weights.known import HUB
from pipeline.weights.places import hub_cache, offline

# The files that a repository may have its weights in, the best first.
FILES = ("model.safetensors", "pytorch_model.bin")
# What timm's repositories say of their network.
CONFIG = "config.json"

_PART = r"[A-Za-z0-9][\w.-]*"
_TEXT = re.compile(rf"hf:({_PART}/{_PART})(?:@([\w./-]+))?(?::([\w./-]+))?")


@dataclass(frozen=True)
class HubWeights:
    """What `hf:ORGANISATION/NAME[@REVISION][:FILE]` says.

    Args:
        repo: `ORGANISATION/NAME`.
        revision: a branch, a tag or a commit.
        files: which of its files will do, the first one first.
    """

    repo: str
    revision: str
    files: tuple[str, ...]


def hub_weights(text: str) -> HubWeights:
    """The repository that a recipe's `weights` name.

    Raises:
        ValueError: they begin as such and go on otherwise.
    """
    match = _TEXT.fullmatch(text)
    file = None if match is None else match[3]
    if match is None or (file is not None and not _inside(file)):
        raise ValueError(f"expected {HUB}ORGANISATION/NAME[@REVISION][:FILE], found {text!r}")
    return HubWeights(match[1], match[2] or "main", FILES if file is None else (file,))


def _inside(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts


def find_in_hub(wanted: HubWeights) -> Path:
    """The file of weights, in the cache of huggingface_hub or fetched into it.

    Raises:
        WeightsError: it is not there and cannot be fetched, or there is no such file.
    """
    found = cached(wanted)
    if found is not None:
        return found
    forbidden = offline()
    if forbidden is not None:
        raise WeightsError(
            f"model.weights: expected {' or '.join(wanted.files)} of {wanted.repo} at "
            f"{wanted.revision} in {_folder(wanted)}, found none, and {forbidden} is set; "
            f"{_by_hand(wanted)}"
        )
    return _fetch(wanted)


def cached(wanted: HubWeights) -> Path | None:
    """The file in the cache, without asking anybody."""
    snapshot = _snapshot(wanted)
    if snapshot is None:
        return None
    return next((snapshot / name for name in wanted.files if (snapshot / name).is_file()), None)


def _snapshot(wanted: HubWeights) -> Path | None:
    """The folder with the files of the revision, which may be a commit or a name for one."""
    folder = _folder(wanted)
    named = folder / "refs" / wanted.revision
    try:
        commit = named.read_text(encoding="utf-8").strip() if named.is_file() else wanted.revision
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def _folder(wanted: HubWeights) -> Path:
    return hub_cache() / f"models--{wanted.repo.replace('/', '--')}"


def _by_hand(wanted: HubWeights) -> str:
    return (
        f"copy {wanted.files[0]} of that repository to this machine and name that file in the "
        "recipe, or copy this folder from a machine that has it"
    )


def _fetch(wanted: HubWeights) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"model.weights: expected {wanted.files[0]} of {wanted.repo} in {_folder(wanted)}, "
            "found none; fetching it needs a package: pip install 'edgeward[hub]'; else "
            f"{_by_hand(wanted)}"
        ) from error

    def download(name: str) -> Path:
        path: str = huggingface_hub.hf_hub_download(
            wanted.repo,
            name,
            revision=wanted.revision,
            cache_dir=hub_cache(),
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
        return Path(path)

    for name in wanted.files:
        try:
            found = download(name)
        except errors.LocalEntryNotFoundError as error:
            # Also an EntryNotFoundError, though it says nothing of the repository.
            raise _unreachable(wanted, error) from error
        except errors.EntryNotFoundError:
            continue
        except (errors.HfHubHTTPError, OSError, ValueError) as error:
            raise _unreachable(wanted, error) from error
        with suppress(errors.EntryNotFoundError, OSError):  # not every repository has one
            download(CONFIG)
        return found
    raise WeightsError(
        f"model.weights: expected {' or '.join(wanted.files)} in {wanted.repo} at "
        f"{wanted.revision}, found neither; name the file: {HUB}{wanted.repo}:FILE"
    )


def _unreachable(wanted: HubWeights, error: Exception) -> WeightsError:
    first = (str(error) or type(error).__name__).strip().splitlines()[0]
    return WeightsError(
        f"model.weights: expected {wanted.files[0]} of {wanted.repo} at {wanted.revision}, "
        f"found: {first}; {_by_hand(wanted)}"
    )


def label(path: Path, wanted: HubWeights) -> str:
    """What a file of a repository is called, with the commit that it is of."""
    parts = path.parts
    place = len(parts) - 1 - parts[::-1].index("snapshots")
    return f"{HUB}{wanted.repo}@{parts[place + 1]}:{'/'.join(parts[place + 2 :])}"


def check_blob(path: Path, sha256: str) -> None:
    """Raise unless a cached file has the hash that its blob is named by, where it is.

    Raises:
        WeightsError: it was cut off, or changed.
    """
    blob = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", blob) and blob != sha256:
        raise WeightsError(
            f"{path}: expected SHA-256 {blob}, as its blob is named, found {sha256}; remove it "
            "and its blob, and fetch it again"
        )


def normalisation(path: Path) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and std of the images that the weights were trained with, where `CONFIG` says so."""
    try:
        config: Any = json.loads((path.parent / CONFIG).read_bytes())
        told = config["pretrained_cfg"]
        return tuple(map(float, told["mean"])), tuple(map(float, told["std"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
