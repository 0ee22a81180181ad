"""`DataRecipe`: a recipe's `[data]`, where the images come from and how they are split."""

import re
from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

Fraction: TypeAlias = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
# What an image that cannot be decoded does: it ends the build, or is left out and named.
OnUnreadable: TypeAlias = Literal["error", "skip"]
# Sets of real pictures of texts that `pipeline/tasks/ocr/data/sets.py` can read.
TextSet: TypeAlias = Literal["iiit5k", "sroie", "gaspump-7seg", "meter-digits"]


class RecipeValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every recipe value: immutable and strict."""


class GroupRecipe(RecipeValue, frozen=True, kw_only=True):
    """Which images belong together, by one of three; a group is never on both sides of a split.

    Args:
        pattern: a regular expression, searched for in each image's path below the folder; what
            its first parenthesis matches, or else the whole match, is the group.
        csv: a table of the columns file and group; found as the data is.
        exif_s: photographs taken within so many seconds of the one before are a group.
    """

    pattern: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    csv: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    exif_s: Annotated[float, msgspec.Meta(gt=0, le=10_000_000)] | None = None

    def __post_init__(self) -> None:
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                "group: expected one of pattern, csv and exif_s, found "
                f"{' and '.join(given) or 'none'}"
            )
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(
                f"group.pattern: expected a regular expression, found {self.pattern!r}: {error}"
            ) from error


class DataKind(msgspec.Struct, frozen=True):
    """A kind of data that a task can read.

    Args:
        name: the recipe's `data.kind`.
        path: whether `data.path` has to be given, may be given, or says nothing.
    """

    name: str
    path: Literal["needed", "beside", "none"] = "none"


class DataRecipe(RecipeValue, frozen=True, kw_only=True):
    """Where the images come from and how they are split.

    Args:
        kind: one of the kinds of some task; `docs/reference/recipes.md` has them all.
        path: the folder of an `image-folder` or a `text-folder`, or the file of an
            `image-npz`; relative paths start at the data root, then at the recipe's own
            folder. Beside `text-sets` and `text-drawn` it is a text folder to learn from as well.
        test_path: the test images of an `image-npz` that has them in a file of their own.
        sets: the names of the `text-sets`.
        count: how many pictures of `text-drawn` are drawn to be held.
        val, test: share of the images held out; `test` is ignored by data sets with an
            official test split.
        calibration: images set aside for calibrating the quantiser.
        train_limit: use at most this many training images; 0 takes all.
        on_unreadable: what a file OpenCV cannot decode does: `error` stops, `skip` leaves it
            out and says so.
        near_copies: `group` keeps pictures that show the same (encoded, cut, mirrored or
            filmed again) on one side of the split; `keep` takes each for one of its own.
        group: which images of an `image-folder` belong together beside that.
    """

    # Those of all tasks, where a recipe is decoded: see `pipeline.tasks.recipes`.
    kinds: ClassVar[tuple[DataKind, ...]] = ()

    kind: str
    path: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    test_path: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    sets: tuple[TextSet, ...] = ()
    count: Annotated[int, msgspec.Meta(ge=8, le=100_000)] = 2000
    val: Fraction = 0.1
    test: Fraction = 0.2
    calibration: Count = 256
    train_limit: Annotated[int, msgspec.Meta(ge=0)] = 0
    on_unreadable: OnUnreadable = "error"
    near_copies: Literal["group", "keep"] = "group"
    group: GroupRecipe | None = None

    def __post_init__(self) -> None:
        self._check_path()
        if (self.kind == "text-sets") != bool(self.sets) or len(set(self.sets)) < len(self.sets):
            raise ValueError(
                "sets: expected one or more distinct names with text-sets and none otherwise, "
                f"found {list(self.sets)} with kind {self.kind!r}"
            )
        if self.test_path is not None and self.kind != "image-npz":
            raise ValueError(f"test_path: expected with image-npz only, found kind {self.kind!r}")
        if self.group is not None and self.kind != "image-folder":
            raise ValueError(f"group: expected with image-folder only, found kind {self.kind!r}")
        if self.val <= 0 or self.val + self.test >= 1:
            raise ValueError(
                f"val, test: expected val above 0 and val + test below 1, "
                f"found {self.val} and {self.test}"
            )

    def _check_path(self) -> None:
        paths = {kind.name: kind.path for kind in self.kinds}
        if self.kind not in paths:
            return
        if paths[self.kind] == "needed" and self.path is None:
            raise ValueError(f"path: expected for kind {self.kind!r}, found none")
        if paths[self.kind] == "none" and self.path is not None:
            with_path = [k for use in ("needed", "beside") for k in paths if paths[k] == use]
            raise ValueError(
                f"path: expected with {', '.join(with_path)} only, found kind {self.kind!r}"
            )
