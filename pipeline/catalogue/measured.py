"""What was measured of the recipes that ship: read from `measured.json` beside them."""

from pathlib import Path

import msgspec

FILE = "measured.json"


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures of one recipe, each with its unit and on what, as a reader should see them.

    Args:
        reads: what the network tells apart or reads.
        data: which data set, and who has to fetch it.
        answers: how right the int8 network is, and on how many held-out pictures.
        size: of the TFLite file.
        time: of the build or the training, and on what machine.
        date: of the measurement, YYYY-MM-DD.
    """

    reads: str
    data: str
    answers: str
    size: str
    time: str
    date: str


def measured(folder: Path) -> dict[str, Measured]:
    """The figures by recipe name; empty if the folder has none."""
    path = folder / FILE
    if not path.is_file():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Measured])
