"""A user's own images: the files of a `FolderLayout`, looked at, as pools of labelled images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.base import Split
from pipeline.data.classes import ClassPool, ClassSource
from pipeline.data.pool import Pool
from pipeline.data.readers.foreign import advice
from pipeline.data.readers.images import ImageFiles, ImageLook, look_at, unreadable_message
from pipeline.data.readers.layout import FolderLayout, check_classes, list_folder
from pipeline.data.readers.part_names import PartName
from pipeline.data.sources import Grouping
from pipeline.data_recipe import OnUnreadable
from pipeline.near.thumbnail import stacked


def read_folder(
    root: Path,
    on_unreadable: OnUnreadable = "error",
    progress: Progress = SILENT,
    grouping: Grouping | None = None,
) -> ClassSource:
    """The images under `root`, every one decoded once to know that it can be.

    Args:
        root: the folder.
        on_unreadable: `skip` leaves files out that cannot be decoded, and lists them.
        progress: sees one task, which counts the files.
        grouping: which images belong together, beside near copies.

    Raises:
        DataError: no such folder, no images, fewer than two classes, a class without
            images, a class missing from a part, an unreadable file, or a group of none.
    """
    layout = list_folder(root)
    check_classes(layout)
    looks = look_at(layout.paths, progress)
    problems = [look.problem for look in looks if look.problem is not None]
    if problems and on_unreadable == "error":
        raise DataError(unreadable_message(problems))
    return make_source(layout, looks, grouping)


def make_source(
    layout: FolderLayout, looks: Sequence[ImageLook], grouping: Grouping | None = None
) -> ClassSource:
    """The readable images of `layout` as pools; `looks` is what was seen in its files.

    Raises:
        DataError: a class has no readable image, or `grouping` names none.
    """
    readable = {look.path: look for look in looks if look.problem is None}
    problems = [look.problem for look in looks if look.problem is not None]
    notes = [*_ignored_note(layout), *layout.remarks, *advice(problems)]
    keys: dict[str, str] | None = None
    if grouping is not None:
        ids = [image_id(path, layout.root) for path in readable]
        keys, said = grouping.keys(ids, list(readable))
        notes.append(said)
    pools = {part: _pool(layout, part, readable, keys) for part in layout.parts}
    return ClassSource(
        name=layout.root.resolve().name,
        labels=layout.labels,
        train=pools["train"],
        val=pools.get("val"),
        test=pools.get("test"),
        notes=tuple(notes),
        skipped=tuple(
            image_id(look.path, layout.root) for look in looks if look.problem is not None
        ),
    )


def _pool(
    layout: FolderLayout,
    part: PartName,
    readable: dict[Path, ImageLook],
    keys: dict[str, str] | None,
) -> ClassPool:
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
    found = [readable[path] for path in paths]
    return Pool(
        split,
        tuple(look.digest for look in found),
        stacked([look.thumb for look in found]),
        None if keys is None else tuple(keys.get(id_, "") for id_ in ids),
    )


def image_id(path: Path, root: Path) -> str:
    """The name of an image within its data set; bytes that are not UTF-8 show as escapes."""
    name = path.relative_to(root).as_posix()
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _ignored_note(layout: FolderLayout) -> tuple[str, ...]:
    if not layout.ignored:
        return ()
    suffixes = Counter(path.suffix.lower() or "no suffix" for path in layout.ignored)
    listed = ", ".join(f"{suffix} ({count})" for suffix, count in sorted(suffixes.items()))
    return (f"files without an image's suffix, ignored: {listed}",)
