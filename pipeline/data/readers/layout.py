"""`FolderLayout`: which files of a folder are images of which class, and of which split.

Either `<folder>/<class>/<image>`, or `<folder>/train/<class>/<image>` with folders for val and
test beside `train`, by any of the names that
`pipeline.data.readers.part_names` knows; each of these two may be missing and is
then drawn from `train`. What systems and NAS leave behind is passed over.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pipeline.common.errors import DataError
from pipeline.data.readers.images import IMAGE_SUFFIXES
from pipeline.data.readers.part_names import (
    PART_NAMES,
    UNLABELLED,
    PartName,
    left_behind,
    meanings,
    part_words,
)

Classes: TypeAlias = dict[str, tuple[Path, ...]]

# What a folder around all the others is called that says nothing.
_AROUND = frozenset({"images", "imgs", "image", "data", "dataset", "pictures", "photos"})
_FEW = 6  # how many classes the names of loose files may stand for, to be proposed


@dataclass(frozen=True)
class FolderLayout:
    """Which files a folder has; nothing has been read.

    Args:
        root: the folder.
        parts: the image files of each class of each part; only `train` where the folder
            is not split. A class may be empty here.
        ignored: files whose suffix is not an image's.
        remarks: how the folder was understood, where that is not plain.
        folders: where the classes of each part are.
        split: whether it has folders for parts, even if only `train` is left of them.
    """

    root: Path
    parts: dict[PartName, Classes]
    ignored: tuple[Path, ...]
    remarks: tuple[str, ...] = ()
    folders: dict[PartName, Path] = field(default_factory=dict)
    split: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names: the names of the sub-folders of `train`, sorted as they were found."""
        return tuple(self.parts["train"])

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every image file, part by part and class by class."""
        return tuple(p for part in self.parts.values() for files in part.values() for p in files)


def list_folder(root: Path) -> FolderLayout:
    """The files under `root`, sorted by name; numbered classes by their numbers.

    Raises:
        DataError: no such folder, no class folders, or folders that are neither parts nor classes.
    """
    try:
        return _FolderReading(root).layout()
    except OSError as error:
        raise DataError(
            f"{error.filename}: expected a folder that may be read, found: {error.strerror}"
        ) from error


def check_classes(layout: FolderLayout) -> None:
    """Raise unless every part has the same two or more classes, none without files.

    Raises:
        DataError: names the folder and the class.
    """
    labels = layout.labels
    if len(labels) < 2:
        raise DataError(f"{layout.root}: expected at least two classes, found only {labels[0]!r}")
    for name, classes in layout.parts.items():
        _check_distinct(layout.root, classes)
        for label in sorted(set(labels) ^ set(classes)):
            where, other = (name, "train") if label in labels else ("train", name)
            raise DataError(
                f"{layout.root}: expected class {label!r} of {other} in {where} too, found none"
            )
        for label, paths in classes.items():
            if not paths:
                folder = layout.folders[name] / label
                raise DataError(f"{folder}: expected images of class {label!r}, found none")


def _check_distinct(root: Path, classes: Iterable[str]) -> None:
    """Raise if two names would be taken for one by whoever reads them."""
    seen: dict[str, str] = {}
    for label in classes:
        other = seen.setdefault(_plain(label), label)
        if other != label:
            raise DataError(
                f"{root}: expected class names that differ in more than case, blanks and accents' "
                f"encoding, found {other!r} and {label!r}; put them into one folder, or rename one"
            )


def _plain(label: str) -> str:
    return "".join(unicodedata.normalize("NFKC", label).casefold().split())


@dataclass(frozen=True)
class _Found:
    """The folders for the parts, and those that are left out."""

    parts: dict[PartName, Path]
    unlabelled: tuple[Path, ...] = ()


class _FolderReading:
    """One walk through a folder; collects what is worth saying."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ignored: list[Path] = []
        self._remarks: list[str] = []

    def layout(self) -> FolderLayout:
        root = self._root
        if not root.is_dir():
            found = "a file" if root.exists() else "nothing"
            raise DataError(f"{root}: expected a folder of images, found {found}")
        inner = self._unwrapped(root)
        parted = _part_folders(inner)
        folders: dict[PartName, Path] = {"train": inner} if parted is None else self._parts(parted)
        parts = {name: self._classes(folder) for name, folder in folders.items()}
        remarks = tuple(self._remarks)
        return FolderLayout(root, parts, tuple(self._ignored), remarks, folders, parted is not None)

    def _unwrapped(self, root: Path) -> Path:
        """The folder in `root` that is around all the others, or `root` itself."""
        folders = _folders(root)
        if len(folders) != 1 or _images_in(root):
            return root
        (only,) = folders
        inner = _folders(only)
        if only.is_symlink() or _images_in(only) or "train" in meanings(folders).values():
            return root
        plain = only.name.casefold() in _AROUND or only.name == root.name
        if "train" not in meanings(inner).values() and not (plain and len(inner) > 1):
            return root
        self._remarks.append(f"{only.name} was taken for the folder of all the others")
        return only

    def _parts(self, found: "_Found") -> dict[PartName, Path]:
        parts = dict(found.parts)
        for name, folder in found.parts.items():
            if folder.name.casefold() != name:
                self._remarks.append(f"{folder.name} was taken for {name}")
            loose = _images_in(folder)
            if name != "train" and loose and not _folders(folder):
                self._remarks.append(
                    f"{folder.name} left out: {loose} images without class folders have no labels"
                )
                del parts[name]
        for folder in found.unlabelled:
            self._remarks.append(f"{folder.name} left out: its images have no labels")
        return {name: self._within(folder) for name, folder in parts.items()}

    def _within(self, folder: Path) -> Path:
        """The folder of the classes: archives often have `training_set/training_set/<class>`."""
        folders = _folders(folder)
        if len(folders) != 1 or _images_in(folder):
            return folder
        (only,) = folders
        if only.is_symlink() or _images_in(only) or not _folders(only):
            return folder
        self._remarks.append(
            f"{only.relative_to(self._root).as_posix()} was taken for the folder of the classes"
        )
        return only

    def _classes(self, folder: Path) -> Classes:
        return {inner.name: self._images(inner) for inner in _class_folders(folder)}

    def _images(self, folder: Path) -> tuple[Path, ...]:
        """The images of one class: those in its folder, and those in folders inside it."""
        entries = _visible(folder)
        inner = [entry for entry in entries if entry.is_dir()]
        files = [entry for entry in entries if not entry.is_dir()]
        own = [entry for entry in files if entry.suffix.lower() in IMAGE_SUFFIXES]
        # A folder of folders only is most likely one level too high or too low.
        strange = next((entry for entry in inner if entry.is_symlink() or not own), None)
        if strange is not None:
            raise DataError(_too_deep(folder, strange))
        self._ignored.extend(e for e in files if e.suffix.lower() not in IMAGE_SUFFIXES)
        for deeper in inner:
            more = self._inside(deeper)
            self._remarks.append(
                f"{deeper.relative_to(self._root).as_posix()}: {len(more)} images, taken for "
                f"{folder.name}"
            )
            own += more
        return tuple(own)

    def _inside(self, folder: Path) -> list[Path]:
        """Every image below a folder inside a class, sorted; links to folders are not followed."""
        found: list[Path] = []
        for entry in _visible(folder):
            if entry.is_dir():
                found += [] if entry.is_symlink() else self._inside(entry)
            elif entry.suffix.lower() in IMAGE_SUFFIXES:
                found.append(entry)
            else:
                self._ignored.append(entry)
        return found


def _part_folders(root: Path) -> _Found | None:
    """The folders for the parts; None where `root` has the classes themselves.

    Raises:
        DataError: two folders for one part, or, beside parts, one that is none.
    """
    folders = _folders(root)
    named = meanings(folders)
    train = next((folder for folder, name in named.items() if name == "train"), None)
    if None not in named.values():
        _check_train(root, train, folders)
    # A class may be called train, among cars and planes: then its pictures lie in it.
    if train is None or not _folders(train):
        return None
    parts: dict[PartName, Path] = {}
    for part in PART_NAMES:
        for folder in (folder for folder, name in named.items() if name == part):
            _put(parts, part, folder)
    for folder in (folder for folder, name in named.items() if name == "either"):
        _put(parts, "val" if "test" in parts else "test", folder)
    unknown = next((folder for folder, name in named.items() if name is None), None)
    if unknown is not None:
        raise DataError(
            f"{root}: expected, beside {train.name}, only folders for {part_words()}, or "
            f"{UNLABELLED[0]}, which is left out; found {unknown.name!r}: rename it, or move it "
            "away"
        )
    unlabelled = tuple(folder for folder, name in named.items() if name == "unlabelled")
    return _Found(
        dict(sorted(parts.items(), key=lambda i: list(PART_NAMES).index(i[0]))), unlabelled
    )


def _check_train(root: Path, train: Path | None, folders: list[Path]) -> None:
    """Raise where all `folders` of `root` are parts, but there are no classes to learn."""
    names = ", ".join(repr(folder.name) for folder in folders)
    if folders and train is None:
        raise DataError(
            f"{root}: expected a folder for train (training) too, found only {names}: rename the "
            "one to learn from to train; or, to look at one of them alone, give its own path"
        )
    if train is not None and len(folders) > 1 and not _folders(train):
        raise DataError(
            f"{train}: expected one sub-folder of images per class, found {_images_in(train)} "
            f"images but no sub-folder{_proposal(train)}"
        )


def _too_deep(folder: Path, strange: Path) -> str:
    """The error of a class `folder` in which there is the folder `strange` instead of images."""
    said = f"{folder}: expected images only, found the folder {strange.name!r}"
    parts = [inner.name for inner, part in meanings(_folders(folder)).items() if part is not None]
    if parts:
        return (
            f"{said}: splits lie above the classes, as {parts[0]}/{folder.name}: move the images "
            f"there; or, if {folder.name!r} is no class but what holds the splits, give its path"
        )
    around = _folders(folder.parent)
    if len(around) > 1 and all(_folders(one) and not _images_in(one) for one in around):
        names = ", ".join(repr(one.name) for one in around)
        return (
            f"{said}; if {names} are splits, rename them to train, val and test; else the path has "
            "to be the folder right above the class folders"
        )
    return (
        f"{said}; the path has to be the folder right above the class folders, or above folders "
        f"called train and, if there are, {part_words()}"
    )


def _put(parts: dict[PartName, Path], part: PartName, folder: Path) -> None:
    if part in parts:
        raise DataError(
            f"{folder.parent}: expected one folder for {part}, "
            f"found {parts[part].name} and {folder.name}"
        )
    parts[part] = folder


def _class_folders(root: Path) -> list[Path]:
    folders = _folders(root)
    if not folders:
        images = _images_in(root)
        found = f"{images} images but no sub-folder" if images else "no sub-folder"
        raise DataError(
            f"{root}: expected one sub-folder of images per class, found {found}{_proposal(root)}"
        )
    for folder in folders:
        # A label goes into JSON and onto terminals.
        if not folder.name.isprintable():
            raise DataError(
                f"{root}: expected class folders with names of printable characters in UTF-8, "
                f"found {folder.name!r}"
            )
    if all(folder.name.isascii() and folder.name.isdigit() for folder in folders):
        # 2 before 10: of classes 0, 1, 2... a class's number is its name.
        folders.sort(key=lambda folder: (int(folder.name), folder.name))
    return folders


def _proposal(root: Path) -> str:
    """What the names of loose files, such as `cat.0.jpg`, say about their classes."""
    files = [entry for entry in _visible(root) if entry.suffix.lower() in IMAGE_SUFFIXES]
    words = Counter(re.split(r"[\W\d_]", file.name, maxsplit=1)[0] for file in files)
    if "" in words or not 2 <= len(words) <= _FEW or min(words.values()) < 2:
        return ""
    listed = ", ".join(f"{word!r} ({count})" for word, count in sorted(words.items()))
    return f"; their names begin with {listed}: move each into a folder of that name"


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _visible(folder) if entry.is_dir()]


def _images_in(folder: Path) -> int:
    return sum(entry.suffix.lower() in IMAGE_SUFFIXES for entry in _visible(folder))


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not left_behind(entry.name))
