"""Look at a user's folder of images, and say what is in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.common.errors import printable
from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.readers.folder import image_id, make_source
from pipeline.data.readers.foreign import advice
from pipeline.data.readers.images import ImageLook, look_at
from pipeline.data.readers.layout import FolderLayout, check_classes, list_folder
from pipeline.data.readers.part_names import PartName
from pipeline.data.split import calibration_limit, draw, prepare
from pipeline.measure.test_size import images_above_chance
from pipeline.near.thumbnail import LEAST_SIDE
from pipeline.recipe import DataRecipe

VAL, TEST = 0.1, 0.2  # the shares that a new recipe holds out
UNEVEN = 3.0  # a largest class this many times the smallest is worth a warning

_CALIBRATION, _LEAST_CALIBRATION = 256, 32
_SHOWN = 5  # how many names a line lists


@dataclass(frozen=True)
class Spread:
    """Least, median and greatest of a number."""

    low: int
    median: int
    high: int


@dataclass(frozen=True)
class FolderSummary:
    """What a folder of images holds.

    Args:
        root: the folder.
        counts: readable images of each class of each part; only `train` where the folder
            is not split.
        height, width: of the readable images, in pixels; None when there are none.
        grey: whether every image is without colour.
        unreadable: files that OpenCV cannot decode, relative to `root`.
        ignored: how many files do not have an image's suffix.
        copies: how many images are a copy of another one.
        clashes: images of which there is a copy in another class, relative to `root`.
        trainable: images left for training and calibration when a tenth of `train` is
            held out for val and a fifth for test (each only where the folder has none).
        calibration: how many of them can be set aside for calibration.
        problem: why the folder cannot be split like this, else None.
        remarks: how the folder was understood, and what belongs together in it.
        small: images with a side under 40 pixels, which are not compared for near copies.
        tests: images of each class in the test split of a build, without copies and near copies;
            None where there is a problem.
    """

    root: Path
    counts: dict[PartName, dict[str, int]]
    height: Spread | None
    width: Spread | None
    grey: bool
    unreadable: tuple[str, ...]
    ignored: int
    copies: int
    clashes: tuple[str, ...]
    trainable: int
    calibration: int
    problem: str | None
    remarks: tuple[str, ...] = ()
    small: int = 0
    tests: dict[str, int] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names."""
        return tuple(self.counts["train"])

    @property
    def images(self) -> int:
        """How many readable images there are."""
        return sum(sum(part.values()) for part in self.counts.values())

    @property
    def imbalance(self) -> float | None:
        """The largest class's size over the smallest's; None if a class is empty."""
        sizes = self.counts["train"].values()
        return max(sizes) / min(sizes) if min(sizes) else None

    @property
    def tests_needed(self) -> int:
        """Test images of a class that it takes to show that it is known better than by chance."""
        return images_above_chance(max(2, len(self.labels)))

    @property
    def untested(self) -> tuple[str, ...]:
        """The classes that leave fewer to test with."""
        own, needed = self.counts.get("test") or self.tests, self.tests_needed
        return tuple(
            label
            for label, count in self.counts["train"].items()
            if (round(TEST * count) if own is None else own.get(label, 0)) < needed
        )


def inspect(root: Path, progress: Progress = SILENT) -> FolderSummary:
    """Look at every image under `root`; what is wrong with some is told, not raised.

    Raises:
        DataError: there is no such folder, or it is not one of class folders.
    """
    layout = list_folder(root)
    looks = look_at(layout.paths, progress)
    readable = {look.path: look for look in looks if look.problem is None}
    trial = _try_split(layout, looks, progress)
    return FolderSummary(
        root=root,
        counts={
            part: {label: sum(path in readable for path in paths) for label, paths in found.items()}
            for part, found in layout.parts.items()
        },
        height=_spread(look.shape[0] for look in readable.values()),
        width=_spread(look.shape[1] for look in readable.values()),
        grey=bool(readable) and all(look.grey for look in readable.values()),
        unreadable=_names(root, (look.path for look in looks if look.problem is not None)),
        ignored=len(layout.ignored),
        copies=len(readable) - len({look.digest for look in readable.values()}),
        clashes=_names(root, _clashes(layout, readable)),
        trainable=trial.trainable,
        calibration=trial.calibration,
        problem=trial.problem,
        tests=trial.tests,
        remarks=(
            *layout.remarks,
            *advice([look.problem for look in looks if look.problem is not None]),
            *trial.kin,
        ),
        small=sum(min(look.shape[:2]) < LEAST_SIDE for look in readable.values()),
    )


@dataclass(frozen=True)
class _Trial:
    """What a build would make of a folder: images to train on, of them for calibration."""

    trainable: int = 0
    calibration: int = 0
    problem: str | None = None
    kin: tuple[str, ...] = ()
    tests: dict[str, int] | None = None


def _try_split(layout: FolderLayout, looks: list[ImageLook], progress: Progress) -> _Trial:
    """Split as a build would."""
    recipe = DataRecipe(
        kind="image-folder", path=str(layout.root), val=VAL, test=TEST, calibration=1
    )
    kin: tuple[str, ...] = ()
    try:
        check_classes(layout)
        prepared = prepare(make_source(layout, looks), recipe, progress=progress)
        kin = prepared.apart.notes
        dataset = draw(prepared, recipe, seed=0)
        labels = np.concatenate([dataset.train.labels, dataset.calibration.labels])
        limit = calibration_limit(np.bincount(labels))
        wanted = msgspec.structs.replace(recipe, calibration=calibration_size(len(labels), limit))
        dataset = draw(prepared, wanted, seed=0)
    except DataError as error:
        return _Trial(problem=str(error), kin=kin)
    counts = np.bincount(dataset.test.labels, minlength=len(dataset.labels)).tolist()
    tests = dict(zip(dataset.labels, counts, strict=True))
    return _Trial(len(labels), limit, None, kin, tests)


def calibration_size(trainable: int, limit: int) -> int:
    """How many of `trainable` images a new recipe calibrates with, where `limit` can be spared."""
    return max(1, min(_CALIBRATION, max(_LEAST_CALIBRATION, trainable // 10), limit))


def _clashes(layout: FolderLayout, readable: dict[Path, ImageLook]) -> list[Path]:
    """Images with a copy in another class."""
    labels = {
        path: label for part in layout.parts.values() for label, paths in part.items()
        for path in paths
    }  # fmt: skip
    classes: dict[str, set[str]] = {}
    for path, look in readable.items():
        classes.setdefault(look.digest, set()).add(labels[path])
    return [path for path, look in readable.items() if len(classes[look.digest]) > 1]


def summary_lines(summary: FolderSummary) -> list[str]:
    """`summary` for a person to read."""
    lines = [f"{summary.root}: {len(summary.labels)} classes, {summary.images} images"]
    width = max(map(len, summary.labels))
    for label in summary.labels:
        numbers = [f"{part.get(label, 0)} {name}" for name, part in summary.counts.items()]
        shown = ", ".join(numbers) if len(numbers) > 1 else numbers[0].split()[0]
        lines.append(f"  {label:<{width}}  {shown}")
    if summary.width is not None and summary.height is not None:
        kind = "grey" if summary.grey else "colour"
        lines.append(
            f"{kind}, {summary.width.low} to {summary.width.high} wide (median "
            f"{summary.width.median}), {summary.height.low} to {summary.height.high} high "
            f"(median {summary.height.median})"
        )
    return [printable(line) for line in lines + _remarks(summary)]


def _remarks(summary: FolderSummary) -> list[str]:
    remarks = []
    if summary.imbalance is not None and summary.imbalance >= UNEVEN:
        remarks.append(
            f"uneven: the largest class has {summary.imbalance:.1f} times the images of the "
            "smallest"
        )
    if summary.untested:
        drawn = "" if "test" in summary.counts else ", a fifth of its pictures"
        remarks.append(
            f"too few to test: {_some(summary.untested)}; it takes {summary.tests_needed} test "
            f"images of a class{drawn}"
        )
    if summary.unreadable:
        remarks.append(f"unreadable: {_some(summary.unreadable)}")
    if summary.copies:
        remarks.append(f"copies of another image: {summary.copies}")
    if summary.clashes:
        remarks.append(f"the same picture in two classes: {_some(summary.clashes)}")
    if summary.ignored:
        remarks.append(f"files without an image's suffix: {summary.ignored}")
    remarks += summary.remarks
    if summary.small:
        remarks.append(
            f"under {LEAST_SIDE} pixels, too small to be compared for near copies: {summary.small}"
        )
    if summary.problem is not None:
        remarks.append(f"cannot be built yet: {summary.problem}")
    return remarks


def _names(root: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(image_id(path, root) for path in paths)


def _some(names: tuple[str, ...]) -> str:
    """The number of `names`, and the first few."""
    more = ", ..." if len(names) > _SHOWN else ""
    return f"{len(names)} ({', '.join(names[:_SHOWN])}{more})"


def _spread(values: Iterable[int]) -> Spread | None:
    found = sorted(values)
    return Spread(found[0], int(np.median(found)), found[-1]) if found else None
