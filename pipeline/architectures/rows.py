"""`ModelRow`: what `edgeward models` shows of one architecture, and where each figure is from."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from pipeline.architectures.int8_costs import Int8Cost, int8_costs, int8_sizes
from pipeline.architectures.measurements import Measurement
from pipeline.common.errors import WeightsError
from pipeline.models.zoo import ZOO, ZooEntry
from pipeline.weights.find import find_known
from pipeline.weights.known import KNOWN, KnownWeights


class WeightsRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trained weights of an architecture: their name, and whether their file is on this machine."""

    name: str
    here: bool


class ModelRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One architecture; what nobody published or measured is None.

    Args:
        name, family, paper: see `ZooEntry`.
        side: the resolution in pixels that the figures below are at.
        top1: published top-1 accuracy on ImageNet in percent, with `top1_source`.
        parameters: with 1000 classes.
        macs: multiply-accumulates of one inference at `side`, with 1000 classes.
        small: whether `edgeward build --arch all-small` builds it.
        size_bytes: its int8 file, measured here or when it was made.
        measured: its int8 file and how fast that is on this machine.
        int8_cost: what int8 changes in it, as measured on photographs.
        weights: which trained weights are known.
    """

    name: str
    family: str
    paper: str
    side: int
    top1: float | None
    top1_source: str
    parameters: int
    macs: int
    small: bool
    size_bytes: int | None
    measured: Measurement | None
    int8_cost: Int8Cost | None
    weights: tuple[WeightsRow, ...]


def model_rows(
    measurements: Mapping[str, Measurement], recipes: Path, root: Path
) -> Iterator[ModelRow]:
    """A row for each architecture of the zoo, in its order.

    Args:
        measurements: those of this machine by architecture.
        recipes: the folder with the recipes that ship, and what was measured of int8.
        root: the data root, one of the places of weights.
    """
    costs, sizes = int8_costs(recipes), int8_sizes(recipes)
    for entry in ZOO:
        made, size = measurements.get(entry.name), sizes.get(entry.name)
        known_size = size.size_bytes if size is not None and size.side == entry.side else None
        yield ModelRow(
            name=entry.name,
            family=entry.family,
            paper=entry.paper,
            side=entry.side,
            top1=entry.top1,
            top1_source=entry.top1_source,
            parameters=entry.parameters,
            macs=entry.macs,
            small=entry.small,
            size_bytes=known_size if made is None else made.size_bytes,
            measured=made,
            int8_cost=costs.get(entry.name),
            weights=tuple(_weights(entry, root)),
        )


def _weights(entry: ZooEntry, root: Path) -> Iterator[WeightsRow]:
    for row in KNOWN:
        if row.arch == entry.name:
            yield WeightsRow(row.name, here=_is_here(row, root))


def _is_here(row: KnownWeights, root: Path) -> bool:
    """Whether its file lies in one of the usual places; another one of its name does not count."""
    try:
        return find_known(row, root) is not None
    except WeightsError:
        return False
