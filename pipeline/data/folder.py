"""A user's own images: one sub-folder per class, with or without splits of their own.

Either `<folder>/<class>/<image>`, or `<folder>/train/<class>/<image>` with `val` and
`test` beside `train`; each of these two may be missing and is then drawn from `train`.
Hidden files and folders are ignored; a folder inside a class folder is an error, since
it mostly means that the path is one level too high or too low.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from pipeline.data.base import Split
from pipeline.data.images import (
    IMAGE_SUFFIXES,
    ImageFiles,
    Look,
    look_at,
    unreadable_message,
)
from pipeline.data.split import Pool, Source
from pipeline.errors import DataError
from pipeline.progress import SILENT, Progress

PartName: TypeAlias = Literal["train", "val", "test"]
Classes: TypeAlias = dict[str, tuple[Path, ...]]

_PARTS: dict[str, PartName] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass(frozen=True)
class Layout:
    """Which files a folder has; nothing has been read.

    Args:
        root: the folder.
        parts: the image files of each class of each part; only `train` where the folder
            is not split. A class may be empty here.
        ignored: files whose suffix is not an image's.
    """

    root: Path
    parts: dict[PartName, Classes]
    ignored: tuple[Path, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, sorted: the names of the sub-folders of `train`."""
        return tuple(self.parts["train"])

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every image file, part by part and class by class."""
        return tuple(p for part in self.parts.values() for files in part.values() for p in files)


def read_folder(
    root: Path,
    on_unreadable: Literal["error", "skip"] = "error",
    progress: Progress = SILENT,
) -> Source:
    """The images under `root`, every one decoded once to know that it can be.

    Args:
        root: the folder.
        on_unreadable: `skip` leaves files out that cannot be decoded, and lists them.
        progress: sees one task, which counts the files.

    Raises:
        DataError: no such folder, no images, fewer than two classes, a class without
            images, a class missing from a part, or an unreadable file.
    """
    layout = list_folder(root)
    check_classes(layout)
    looks = look_at(layout.paths, progress)
    problems = [look.problem for look in looks if look.problem is not None]
    if problems and on_unreadable == "error":
        raise DataError(unreadable_message(problems))
    return make_source(layout, looks)


def make_source(layout: Layout, looks: Sequence[Look]) -> Source:
    """The readable images of `layout` as pools; `looks` is what was seen in its files.

    Raises:
        DataError: a class has no readable image.
    """
    readable = {look.path: look for look in looks if look.problem is None}
    pools = {part: _pool(layout, part, readable) for part in layout.parts}
    return Source(
        name=layout.root.resolve().name,
        labels=layout.labels,
        train=pools["train"],
        val=pools.get("val"),
        test=pools.get("test"),
        notes=_ignored_note(layout),
        skipped=tuple(
            image_id(look.path, layout.root) for look in looks if look.problem is not None
        ),
    )


def list_folder(root: Path) -> Layout:
    """The files under `root`, sorted by name.

    Raises:
        DataError: no such folder, no sub-folders, or folders inside a class folder.
    """
    try:
        return _list_folder(root)
    except OSError as error:
        raise DataError(
            f"{error.filename}: expected a folder that may be read, found: {error.strerror}"
        ) from error


def _list_folder(root: Path) -> Layout:
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise DataError(f"{root}: expected a folder of images, found {found}")
    ignored: list[Path] = []
    parts = {
        name: {folder.name: _images(folder, ignored) for folder in _class_folders(part_root)}
        for name, part_root in _part_folders(root).items()
    }
    return Layout(root, parts, tuple(ignored))


def _part_folders(root: Path) -> dict[PartName, Path]:
    folders = {folder.name.casefold(): folder for folder in _visible(root) if folder.is_dir()}
    if "train" not in folders or not folders.keys() <= _PARTS.keys():
        return {"train": root}
    parts: dict[PartName, Path] = {}
    for name, folder in sorted(folders.items(), key=lambda item: list(_PARTS).index(item[0])):
        if _PARTS[name] in parts:
            raise DataError(
                f"{root}: expected one folder for {_PARTS[name]}, "
                f"found {parts[_PARTS[name]].name} and {folder.name}"
            )
        parts[_PARTS[name]] = folder
    return parts


def _class_folders(root: Path) -> list[Path]:
    entries = _visible(root)
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        images = sum(entry.suffix.lower() in IMAGE_SUFFIXES for entry in entries)
        found = f"{images} images but no sub-folder" if images else "no sub-folder"
        raise DataError(f"{root}: expected one sub-folder of images per class, found {found}")
    for folder in folders:
        # A label goes into JSON and onto terminals.
        if not folder.name.isprintable():
            raise DataError(
                f"{root}: expected class folders with names of printable characters in UTF-8, "
                f"found {folder.name!r}"
            )
    return folders


def _images(folder: Path, ignored: list[Path]) -> tuple[Path, ...]:
    entries = _visible(folder)
    inner = next((entry for entry in entries if entry.is_dir()), None)
    if inner is not None:
        raise DataError(
            f"{folder}: expected images only, found the folder {inner.name!r}; the path has to "
            "be the folder right above the class folders"
        )
    ignored.extend(entry for entry in entries if entry.suffix.lower() not in IMAGE_SUFFIXES)
    return tuple(entry for entry in entries if entry.suffix.lower() in IMAGE_SUFFIXES)


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def check_classes(layout: Layout) -> None:
    """Raise unless every part has the same two or more classes, none without files.

    Raises:
        DataError: names the folder and the class.
    """
    labels = layout.labels
    if len(labels) < 2:
        raise DataError(f"{layout.root}: expected at least two classes, found only {labels[0]!r}")
    for name, classes in layout.parts.items():
        for label in sorted(set(labels) ^ set(classes)):
            where, other = (name, "train") if label in labels else ("train", name)
            raise DataError(
                f"{layout.root}: expected class {label!r} of {other} in {where} too, found none"
            )
        for label, paths in classes.items():
            if not paths:
                folder = layout.root / (name if len(layout.parts) > 1 else "") / label
                raise DataError(f"{folder}: expected images of class {label!r}, found none")


def _pool(layout: Layout, part: PartName, readable: dict[Path, Look]) -> Pool:
    paths: list[Path] = []
    labels: list[int] = []
    for number, label in enumerate(layout.labels):
        files = [path for path in layout.parts[part][label] if path in readable]
        if not files:
            raise DataError(
                f"{layout.root}: {part}: class {label!r}: expected readable images, found none"
            )
        paths += files
        labels += [number] * len(files)
    ids = tuple(image_id(path, layout.root) for path in paths)
    split = Split(ImageFiles(tuple(paths)), np.array(labels, np.int64), ids)
    return Pool(split, tuple(readable[path].digest for path in paths))


def image_id(path: Path, root: Path) -> str:
    """The name of an image within its data set; bytes that are not UTF-8 show as escapes."""
    name = path.relative_to(root).as_posix()
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _ignored_note(layout: Layout) -> tuple[str, ...]:
    if not layout.ignored:
        return ()
    suffixes = Counter(path.suffix.lower() or "no suffix" for path in layout.ignored)
    listed = ", ".join(f"{suffix} ({count})" for suffix, count in sorted(suffixes.items()))
    return (f"files without an image's suffix, ignored: {listed}",)
