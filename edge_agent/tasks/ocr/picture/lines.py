"""Lines of text on a page, found by their strokes: no network, nothing learned.

Print has many steep edges close together in rows. So: mark the edges, turn the page until
the rows lie level, join marks that are about a character apart, and take what then has the
shape of a line. On a photograph this finds textures too; that there is writing in a line is
for the network, and its confidence, to say.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F64, U8
from edge_agent.tasks.ocr.picture.rectify import moved, warped

# An edge rises by this many grey levels at least, over three pixels: paper has less.
MIN_EDGE = 30.0
# Marks of fewer pixels are specks; print below this height is not legible.
MIN_HEIGHT = 7
# How far a page may be turned, in degrees, and how finely that is found out: a line of 60
# characters then rises by a tenth of its height.
MAX_SKEW, COARSE, FINE = 10.0, 1.0, 0.1
# The share of a line's box that is marked: less is a frame or a crease, more a dark bar.
MIN_INK, MAX_INK = 0.08, 0.9
# In heights of the usual character: what joins characters to words and words to lines (a
# wider gap is another column), and how high a line may be.
WORD_GAP, LINE_GAP = 1.0, 2.0
LOWEST, HIGHEST = 0.5, 3.5
# Of a line's height: the margin around it, as a network is used to see some.
MARGIN = 0.15
# A page of print has fewer lines, a picture of grass has more "lines" than anyone wants.
MAX_LINES = 200

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Span:
    """A rectangle in pixels, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    def join(self, other: "Span") -> "Span":
        """The smallest that has both."""
        return Span(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, eq=False)
class PageLayout:
    """A page turned level, and its lines.

    Args:
        image: the page, of the size it had.
        to_page: (3, 3), from its pixels to those of the page as it was.
        lines: in reading order: from the top, and in a row from the left.
    """

    image: U8
    to_page: F64
    lines: tuple[Span, ...]


def lay_out(image: U8, grey: U8, aspect: float) -> PageLayout:
    """The lines of a page.

    Args:
        image: the page, (H, W, 3) or (H, W).
        grey: the same in grey, (H, W).
        aspect: how many times as wide as high a line may be; a longer one is parted at a gap
            between words.
    """
    angle = skew(edges(grey))
    height, width = grey.shape
    to_page = _turned(angle, width, height)
    if angle:
        image, grey = (warped(part, to_page, width, height) for part in (image, grey))
    marks = edges(grey)
    rows = _in_order(_joined(_found(marks)))
    pieces = [piece for row in rows for piece in _parted(row, marks, aspect)]
    lines = tuple(_with_margin(piece, width, height) for piece in pieces[:MAX_LINES])
    return PageLayout(image, to_page, lines)


def edges(grey: U8) -> Mask:
    """(H, W): where it goes up or down steeply, whichever is darker, ink or paper."""
    calm = cv2.GaussianBlur(grey, (3, 3), 0)
    rise = cv2.morphologyEx(calm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    otsu, _ = cv2.threshold(rise, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    marks: Mask = rise >= max(MIN_EDGE, otsu)
    return marks


def skew(marks: Mask) -> float:
    """By how many degrees the rows fall to the right; 0 where no angle stands out.

    Level rows make the sums along them rise and fall most (Postl 1986).
    """
    y, x = np.nonzero(marks)
    if len(y) < 100:
        return 0.0
    step = max(1, len(y) // 20_000)
    x, y = x[::step], y[::step]

    def unevenness(degrees: float) -> float:
        slope = np.tan(np.radians(degrees))
        rows = np.bincount((y - x * slope + marks.shape[1]).astype(np.intp))
        return float(np.square(np.diff(rows)).sum())

    coarse = max(np.arange(-MAX_SKEW, MAX_SKEW + COARSE, COARSE), key=unevenness)
    best = float(max(coarse + np.arange(-COARSE, COARSE + FINE, FINE), key=unevenness))
    return round(best, 1) if unevenness(best) > 1.1 * unevenness(0.0) else 0.0


def _turned(angle: float, width: int, height: int) -> F64:
    """From the level page to the page, around its middle."""
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    matrix: F64 = moved(width / 2, height / 2) @ turn @ moved(-width / 2, -height / 2)
    return matrix


def _found(marks: Mask) -> list[Span]:
    """Marks joined to what has the shape of words or lines."""
    usual = _usual_height(marks)
    if usual is None:
        return []
    reach = max(3, round(WORD_GAP * usual))
    bridge = np.ones((1, reach), np.uint8)
    near = cv2.morphologyEx(marks.astype(np.uint8), cv2.MORPH_CLOSE, bridge)
    found = []
    for span in _components(np.asarray(near, np.uint8)):
        ink = marks[span.top : span.bottom, span.left : span.right].mean()
        fits = LOWEST * usual <= span.height <= HIGHEST * usual and span.height >= MIN_HEIGHT
        if fits and MIN_INK <= ink <= MAX_INK and 2 * span.width >= span.height:
            found.append(span)
    return found


def _usual_height(marks: Mask) -> float | None:
    """How high most characters are; None where there are none."""
    heights = [
        span.height
        for span in _components(marks.astype(np.uint8))
        if span.height >= MIN_HEIGHT and span.width <= 4 * span.height
    ]
    return float(np.median(heights)) if heights else None


def _components(mask: U8) -> list[Span]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return [Span(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[1:]]


def _joined(spans: list[Span]) -> list[Span]:
    """Neighbours in a row made one, until there are none."""
    lines: list[Span] = []
    for span in sorted(spans, key=lambda s: s.left):
        for place, line in enumerate(lines):
            if _neighbours(line, span):
                lines[place] = line.join(span)
                break
        else:
            lines.append(span)
    return lines


def _neighbours(left: Span, right: Span) -> bool:
    overlap = min(left.bottom, right.bottom) - max(left.top, right.top)
    low = min(left.height, right.height)
    near = right.left - left.right <= LINE_GAP * max(left.height, right.height)
    return near and 2 * overlap >= low


def _in_order(lines: list[Span]) -> list[Span]:
    """From the top, and from the left where lines are beside each other."""
    rows: list[list[Span]] = []
    for line in sorted(lines, key=lambda s: s.top + s.bottom):
        middle = (line.top + line.bottom) / 2
        row = next((r for r in rows if r[0].top < middle < r[0].bottom), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    return [line for row in rows for line in sorted(row, key=lambda s: s.left)]


def _parted(line: Span, marks: Mask, aspect: float) -> list[Span]:
    """A line in pieces that a network can take, cut in the widest gap near the middle."""
    if line.width <= aspect * line.height:
        return [line]
    empty = ~marks[line.top : line.bottom, line.left : line.right].any(axis=0)
    changes = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    starts, ends = changes[::2], changes[1::2]
    inner = [
        (s, e)
        for s, e in zip(starts.tolist(), ends.tolist(), strict=True)
        if line.width // 4 <= s and e <= line.width - line.width // 4
    ]
    if not inner:
        return [line]
    start, end = max(inner, key=lambda gap: gap[1] - gap[0])
    left = Span(line.left, line.top, line.left + start, line.bottom)
    right = Span(line.left + end, line.top, line.right, line.bottom)
    return _parted(left, marks, aspect) + _parted(right, marks, aspect)


def _with_margin(line: Span, width: int, height: int) -> Span:
    margin = max(1, round(MARGIN * line.height))
    return Span(
        max(0, line.left - margin),
        max(0, line.top - margin),
        min(width, line.right + margin),
        min(height, line.bottom + margin),
    )
