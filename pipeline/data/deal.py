"""Deal whole groups of pictures to the splits, so that no group is in two of them.

Each split gets its share of every class as nearly as the groups allow: in an order shuffled
by the seed, whatever still fits; then the smallest groups, as long as they bring it nearer; and
at least one, if training can miss it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.common.errors import DataError
from pipeline.data.base import Indices


@dataclass(frozen=True, eq=False)
class SplitWish:
    """One split to be filled.

    Args:
        wanted: (K,) how many pictures of each class it should have.
        after: how many splits beside it still need a group of every class.
        needs_all: whether it must have every class that `wanted` names.
    """

    wanted: Indices
    after: int
    needs_all: bool = True


@dataclass(eq=False)
class Deck:
    """The groups that are left to deal, in their shuffled order.

    Args:
        labels: (N,) the class of each picture.
        groups: (N,) the group of each picture.
        seed: of the order.
    """

    labels: Indices
    groups: Indices
    seed: int
    _members: list[Indices] = field(init=False)
    _classes: list[Counter[int]] = field(init=False)
    _spare: Counter[int] = field(init=False)

    def __post_init__(self) -> None:
        by_group = np.argsort(self.groups, kind="stable")
        _, firsts = np.unique(self.groups[by_group], return_index=True)
        members = np.split(by_group, firsts[1:])
        # Numbered by their first picture, whatever number a group came with.
        members.sort(key=lambda places: int(places[0]))
        order = np.random.default_rng(self.seed).permutation(len(members))
        self._members = [members[place] for place in order]
        self._classes = [Counter(self.labels[places].tolist()) for places in self._members]
        self._spare = Counter(label for classes in self._classes for label in classes)

    @property
    def places(self) -> Indices:
        """The pictures that are left, sorted."""
        return np.sort(np.concatenate([np.empty(0, np.int64), *self._members]))

    def left(self, classes: int) -> Indices:
        """(K,) how many pictures of each class are left."""
        return np.bincount(self.labels[self.places], minlength=classes).astype(np.int64)

    def deal(self, hand: SplitWish) -> Indices:
        """The pictures of the groups that `hand` gets, sorted; they leave the deck."""
        have: Counter[int] = Counter()
        taken = self._first_fit(hand, have)
        for label in range(len(hand.wanted)):
            taken += self._fill(label, hand, have)
        if not taken and hand.wanted.any():
            taken = self._smallest(hand, have)
        return np.sort(np.concatenate([np.empty(0, np.int64), *taken]))

    def _first_fit(self, hand: SplitWish, have: Counter[int]) -> list[Indices]:
        taken: list[Indices] = []
        for place in range(len(self._members) - 1, -1, -1):
            classes = self._classes[place]
            fits = all(have[label] + n <= hand.wanted[label] for label, n in classes.items())
            if fits and self._may_go(place, hand):
                taken.append(self._take(place, have))
        return taken

    def _fill(self, label: int, hand: SplitWish, have: Counter[int]) -> list[Indices]:
        """The smallest groups with the class `label`, as long as they bring its number nearer."""
        taken: list[Indices] = []
        while (missing := int(hand.wanted[label]) - have[label]) > 0:
            open_ = [
                (classes[label], place)
                for place, classes in enumerate(self._classes)
                if label in classes and self._may_go(place, hand)
            ]
            if not open_:
                break
            size, place = min(open_)
            if size >= 2 * missing and (have[label] or not hand.needs_all):
                break
            taken.append(self._take(place, have))
        return taken

    def _smallest(self, hand: SplitWish, have: Counter[int]) -> list[Indices]:
        """The smallest group that leaves the splits after this one a group of every class."""
        open_ = [
            (len(members), place)
            for place, members in enumerate(self._members)
            if self._may_go(place, hand)
        ]
        return [self._take(min(open_)[1], have)] if open_ else []

    def _may_go(self, place: int, hand: SplitWish) -> bool:
        """Whether enough groups of every class remain for the splits after this one."""
        return all(self._spare[label] > hand.after for label in self._classes[place])

    def _take(self, place: int, have: Counter[int]) -> Indices:
        classes = self._classes.pop(place)
        have.update(classes)
        self._spare.subtract(classes.keys())
        return self._members.pop(place)


def check_groups(name: str, classes: Sequence[str], deck: Deck, needed: int) -> None:
    """Raise unless every class has at least `needed` groups.

    Raises:
        DataError: names the class, and what makes its pictures so few groups.
    """
    found = {
        label: len(np.unique(deck.groups[deck.labels == k])) for k, label in enumerate(classes)
    }
    for label, count in found.items():
        if count < needed:
            raise DataError(
                f"{name}: class {label!r}: expected at least {needed} groups of pictures to split, "
                f"found {count}: near copies, and pictures of one data.group, stay together; take "
                'pictures of other days or places, or say data.near_copies = "keep" if each of '
                "them is one of its own"
            )


def check_calibrated(name: str, calibrations: Indices) -> None:
    """Raise unless there are pictures to calibrate with.

    Raises:
        DataError: says what would help.
    """
    if not len(calibrations):
        raise DataError(
            f"{name}: expected a group of pictures to calibrate with, found that training needs "
            "all that val and test leave: near copies, and pictures of one data.group, stay "
            "together; take pictures of other days or places, hold less out, or say "
            'data.near_copies = "keep" if each of them is one of its own'
        )


def check_dealt(name: str, classes: Sequence[str], labels: Indices, trains: Indices) -> None:
    """Raise unless the pictures at `trains` have every class.

    Raises:
        DataError: names the class.
    """
    counts = np.bincount(labels[trains], minlength=len(classes))
    for label, count in zip(classes, counts, strict=True):
        if count == 0:
            raise DataError(
                f"{name}: class {label!r}: expected groups of pictures to learn from, found all "
                "of them held out: they belong together with pictures of other classes; "
                'data.near_copies = "keep" takes near copies for pictures of their own'
            )
