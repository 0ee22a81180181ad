"""What int8 changes in each architecture with its trained weights, as `benchmarks/zoo.py` saw it.

The figures lie beside the recipes that ship, as those of the recipes do; an architecture that
nobody measured has none.
"""

from pathlib import Path

import msgspec

FILE, SIZES_FILE = "zoo.json", "zoo-sizes.json"


class Int8Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often the int8 network names the same class as the float one, on unlabelled photographs.

    Args:
        weights: which trained weights it had.
        side: of the input in pixels.
        images: how many photographs, none of them seen in calibration.
        same: the share of them with the same first answer of 1000.
        low, high: its 95 % interval, by Wilson's score.
        data: which photographs.
        method: how it was quantised.
        date: of the measurement, YYYY-MM-DD.
    """

    weights: str
    side: int
    images: int
    same: float
    low: float
    high: float
    data: str
    method: str
    date: str


class Int8Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How large an architecture's TFLite file is: the same on every machine, whatever it learnt.

    Args:
        side: of the input in pixels.
        size_bytes: with 1000 classes.
        date: of the measurement, YYYY-MM-DD.
    """

    side: int
    size_bytes: int
    date: str


def int8_sizes(folder: Path) -> dict[str, Int8Size]:
    """The sizes by architecture, of `benchmarks/zoo.py --sizes`; empty if the folder has none."""
    path = folder / SIZES_FILE
    if not path.is_file():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Int8Size])


def int8_costs(folder: Path) -> dict[str, Int8Cost]:
    """The figures by architecture; empty if the folder has none."""
    path = folder / FILE
    if not path.is_file():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Int8Cost])
