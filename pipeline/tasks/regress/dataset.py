"""`ValueDataset`: pictures of numbers in four splits, divided by what they were taken of."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F64
from edge_agent.tasks.regress.spec import Quantity
from pipeline.data.base import Dataset, Split
from pipeline.data.by_source import Meaning, Shares, divide_by_source, limited
from pipeline.data.distinct import write_record
from pipeline.data.pool import Pool, Source
from pipeline.data_recipe import DataRecipe

# (N, R): what each image shows, in the units of the R quantities.
Values: TypeAlias = NDArray[np.float64]
ValueSplit: TypeAlias = Split[Values]
ValuePool: TypeAlias = Pool[Values]
ValueSource: TypeAlias = Source[Values]


@dataclass(frozen=True, eq=False)
class ValueDataset(Dataset[Values]):
    """See `Dataset`; no source is in two splits.

    Args:
        quantities: what the columns of its labels are.
    """

    quantities: tuple[Quantity, ...] = field(kw_only=True)


def divide_values(
    source: ValueSource, quantities: tuple[Quantity, ...], data: DataRecipe, seed: int
) -> ValueDataset:
    """`source` as a data set of four splits; see `divide_by_source`.

    Raises:
        DataError: too few sources.
    """
    meaning = Meaning(msgspec.to_builtins(quantities), "of other values")
    shares = Shares(data.val, data.test, data.calibration)
    parts = divide_by_source(source, meaning, shares, seed)
    return limited(ValueDataset(**parts, quantities=quantities), data.train_limit)


def record_values(dataset: ValueDataset, path: Path) -> None:
    """Write which image is in which split to `path`; see `write_record`."""
    write_record(dataset, path, {"quantities": msgspec.to_builtins(dataset.quantities)})


def shares(values: Values, quantities: tuple[Quantity, ...]) -> F64:
    """(N, R) `values` in their units as shares of the quantities' ranges, 0 to 1."""
    low = np.array([quantity.low for quantity in quantities])
    span = np.array([quantity.span for quantity in quantities])
    return np.asarray((values - low) / span, np.float64)
