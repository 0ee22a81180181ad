"""`StoredRow`: what of a stored message is needed to do without it."""

from typing import NamedTuple

SIZE = "length(CAST(topic AS BLOB)) + length(payload)"
# Selects a `Row`.
ROW = f"id, stream, seq, importance, {SIZE}"


class StoredRow(NamedTuple):
    """A stored message but for what it says."""

    id: int
    stream: str
    seq: int
    importance: int
    size: int
