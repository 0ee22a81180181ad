"""Whether a frame is as it was taken: what can be told from its pixels."""

from edge_agent.common.arrays import U8

# What decoders leave where the data of a JPEG ended: half of full scale, as YCbCr of 128 each
# comes out, in full and in video range.
GREY = (125, 131)
# JPEG is coded in rows of blocks; these are the lowest there are.
MIN_ROWS = 8


def grey_rows(image: U8) -> int:
    """How many rows at the bottom of (H, W, 3) are one even mid-grey."""
    if not _is_grey(image[-1]):
        return 0
    rows = 0
    for row in image[::-1]:
        if not _is_grey(row):
            break
        rows += 1
    return rows


def _is_grey(row: U8) -> bool:
    # The middle first: it tells most rows at a fraction of the cost.
    low, high = GREY
    middle = row[len(row) // 2]
    return bool((middle >= low).all() and (middle <= high).all()) and bool(
        row.min() >= low and row.max() <= high
    )


class GreyBand:
    """Tells a picture that ends in a grey band, as those of truncated JPEGs do.

    One that every picture has had since the camera was opened is part of the scene.
    """

    def __init__(self) -> None:
        self._seen_without = False

    def problem(self, image: U8) -> str:
        """What is wrong with (H, W, 3); empty if nothing is."""
        rows = grey_rows(image)
        if rows < MIN_ROWS:
            self._seen_without = True
            return ""
        if not self._seen_without:
            return ""
        return f"truncated: expected a picture to its last row, found {rows} rows of grey"
