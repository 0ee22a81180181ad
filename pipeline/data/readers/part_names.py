"""Names: which folders are splits, by what people and programs call them; and what is left behind.

A name is taken for a split by itself, as in `PART_NAMES`; or beside others that differ from it in
the split's word alone, as `seg_train` and `seg_test`, or `tr` and `te`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

PartName: TypeAlias = Literal["train", "val", "test"]
Meaning: TypeAlias = Literal["train", "val", "test", "either", "unlabelled"]

# Case, blanks, dashes, underscores, a year and an added `set`, `data` or `images` make no
# difference.
PART_NAMES: dict[PartName, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "validate", "dev"),
    "test": ("test", "testing", "holdout"),
}
# The test split, unless there is another; then it is the validation split.
EITHER = ("eval", "evaluation")
UNLABELLED = ("unlabeled", "unlabelled", "unsup", "unsupervised")
_SHORT: dict[str, Meaning] = {
    "tr": "train", "trn": "train", "va": "val", "vl": "val", "te": "test", "tst": "test",
}  # fmt: skip
_PREDICTED = "pred"  # beside `seg_train` in the set of scenes that Intel gave: pictures to answer
_ADDED = ("set", "split", "data", "images", "imgs")
_BETWEEN = r"[\s_.-]+"
# What macOS, Windows, NAS and programs put beside files; hidden ones are passed over anyway.
_LEFT_BEHIND = frozenset(
    {"__macosx", "@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", "@tmp"}
    | {"$recycle.bin", "recycler", "system volume information", "lost+found", "lost.dir"}
    | {"network trash folder", "temporary items", "thevolumesettingsfolder", "found.000"}
    | {"thumbs", "thumbs.db", "desktop.ini", "__pycache__", "_gsdata_"}
)


def left_behind(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or put there by a system or a NAS."""
    return name.startswith(".") or name.casefold() in _LEFT_BEHIND


def meaning(name: str) -> Meaning | None:
    """Which split a folder of this name is by itself; None where it is none."""
    word = re.sub(r"(19|20)\d\d$", "", re.sub(_BETWEEN, "", name.casefold()))
    forms = {word, *(word.removesuffix(added) for added in _ADDED)}
    for part, words in PART_NAMES.items():
        if forms & set(words):
            return part
    if forms & set(EITHER):
        return "either"
    return "unlabelled" if forms & set(UNLABELLED) else None


def meanings(folders: Sequence[Path]) -> dict[Path, Meaning | None]:
    """Which split each of the folders beside one another is."""
    found = {folder: meaning(folder.name) for folder in folders}
    if "train" in found.values():
        return found
    for others in (_short(folders), _alike(folders)):
        if {"train"} < set(others.values()):
            return found | others
    return found


def part_words() -> str:
    """What the splits beside train may be called, for an error."""
    said = [f"{part} ({', '.join(words[1:])})" for part, words in PART_NAMES.items()]
    return f"{said[1]} and {said[2]}, or {EITHER[0]}"


def _short(folders: Sequence[Path]) -> dict[Path, Meaning | None]:
    names = {folder: _SHORT.get(folder.name.casefold()) for folder in folders}
    return {folder: part for folder, part in names.items() if part is not None}


def _alike(folders: Sequence[Path]) -> dict[Path, Meaning | None]:
    """Folders whose names are one but for a word that is a split's."""
    groups: dict[tuple[str, ...], dict[Path, Meaning | None]] = {}
    for folder in folders:
        words = re.split(_BETWEEN, folder.name.casefold())
        for place, word in enumerate(words):
            part = "unlabelled" if word == _PREDICTED else meaning(word)
            if part is not None:
                rest = (*words[:place], "", *words[place + 1 :])
                groups.setdefault(rest, {})[folder] = part
    trained = [group for group in groups.values() if {"train"} < set(group.values())]
    return trained[0] if len(trained) == 1 else {}
