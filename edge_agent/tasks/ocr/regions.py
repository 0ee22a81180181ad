"""Where in a frame there is text, and what may stand there: one of a stream's `regions`.

Nothing here looks at a picture; `edge_agent.tasks.ocr.picture.rectify` does.
"""

import math
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import msgspec

from edge_agent.common.errors import ConfigError
from edge_agent.common.strict import LEAST, Name, Strict
from edge_agent.tasks.ocr.decode.automaton import Automaton, LanguageError, of_words
from edge_agent.tasks.ocr.decode.pattern import compile_pattern, parse_pattern
from edge_agent.tasks.ocr.dials.dials import Dials
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.places import Corners, Point, Region

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]

# No writing is legible in fewer pixels; and corners this near each other are a slip.
MIN_SIDE = 4.0
# How much narrower than the model was made for a text may be squeezed.
MAX_SQUEEZE = 2.0


class TextRegion(Strict, frozen=True):
    """A place in every frame where there is text.

    Args:
        name: in every result about it.
        rect: the place, upright: a line of text, or a page.
        corners: the place as four points, clockwise from where the text's top left is; it is
            straightened. Either this or `rect`.
        page: whether to look for lines of text in it; else it is one line.
        pattern: what a line must look like; see `edge_agent.tasks.ocr.decode.pattern`.
        words: what a line may be; at most one of `pattern` and `words`.
        dials: the dials in it, whose hands are read instead of a text.
        meter: how what it shows counts, if it is a meter.
        frozen_after_s: a picture that has not changed by a bit for so long is a display, or a
            camera, that stands still: its readings are rejected. None never says so.

    Raises:
        ValueError: fields contradict each other, corners make no quadrilateral, or a pattern
            is malformed.
    """

    name: Name
    rect: Region | None = None
    corners: Corners | None = None
    page: bool = False
    pattern: str | None = None
    words: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1)] | None = None
    dials: Dials | None = None
    meter: MeterRules | None = None
    frozen_after_s: Annotated[float, msgspec.Meta(ge=LEAST, le=1e8)] | None = None

    def __post_init__(self) -> None:
        if (self.rect is None) == (self.corners is None):
            found = "neither" if self.rect is None else "both"
            raise ValueError(
                f"region {self.name!r}: expected either rect or corners, found {found}"
            )
        if self.page and self.meter is not None:
            raise ValueError(f"region {self.name!r}: expected no meter with page = true")
        if self.pattern is not None and self.words is not None:
            raise ValueError(f"region {self.name!r}: expected a pattern or words, found both")
        if self.pattern is not None:
            parse_pattern(self.pattern)
        _check_corners(self.name, self.outline())
        self._check_dials()

    def _check_dials(self) -> None:
        if self.dials is None:
            return
        for key in ("page", "pattern", "words"):
            if getattr(self, key):
                raise ValueError(f"region {self.name!r}: expected no {key} with dials")
        digits, hands = None if self.meter is None else self.meter.digits, self.dials.hands
        if self.dials.wheels is not None:
            if digits is None or digits <= hands:
                raise ValueError(
                    f"region {self.name!r}: expected meter.digits with dials.wheels, for those of "
                    f"the wheels and the {hands} hands, found {digits or 'none'}"
                )
        elif digits is not None and digits != hands:
            raise ValueError(
                f"region {self.name!r}: expected meter.digits of {hands}, one a dial, "
                f"found {digits}"
            )

    def outline(self) -> Corners:
        """Its four corners, clockwise from the top left."""
        if self.corners is not None:
            return self.corners
        assert self.rect is not None  # as __post_init__ made sure
        return self.rect.corners()

    def size(self) -> tuple[int, int]:
        """The width and height it has once it is straightened: its longer sides, in pixels."""
        a, b, c, d = self.outline()
        width = max(math.dist(a, b), math.dist(d, c))
        height = max(math.dist(a, d), math.dist(b, c))
        return max(1, round(width)), max(1, round(height))


def check_wheels(regions: tuple[TextRegion, ...], stream: str) -> None:
    """Refuse dials whose wheels are not read before them.

    Raises:
        ValueError: they name no such region.
    """
    read = list[str]()
    for region in regions:
        if region.dials is None:
            read += [] if region.page else [region.name]
        elif region.dials.wheels is not None and region.dials.wheels not in read:
            raise ValueError(
                f"stream {stream!r}, region {region.name!r}: expected dials.wheels to name a "
                f"line of text before it, found {region.dials.wheels!r}"
            )


def allowed_texts(region: TextRegion, spec: TextSpec, stream: str) -> Automaton | None:
    """What may be read in `region` by a network of `spec`; None for anything.

    Raises:
        ConfigError: its pattern or its words cannot be written by this network, or by none
            that the region's meter would count.
    """
    place = f"stream {stream!r}, region {region.name!r}"
    try:
        allowed = _allowed(region, spec)
    except LanguageError as error:
        raise ConfigError(f"{place}: {error}") from error
    if region.meter is not None:
        _check_meter(region.meter.pattern(), allowed, spec, place)
    return allowed


def _allowed(region: TextRegion, spec: TextSpec) -> Automaton | None:
    fits = f"expected texts that fit the {spec.steps} steps of the model along a line"
    if region.words is not None:
        for word in region.words:
            steps = of_words([word], spec.charset).least_steps()
            if steps > spec.steps:
                raise LanguageError(f"words: {fits}, found {word!r} which takes {steps}")
        return of_words(region.words, spec.charset)
    if region.pattern is None:
        return None
    allowed = compile_pattern(region.pattern, spec.charset)
    steps = allowed.least_steps()
    if steps > spec.steps:
        raise LanguageError(f"pattern {region.pattern!r}: {fits}, found none below {steps}")
    return allowed


def _check_meter(readings: str, allowed: Automaton | None, spec: TextSpec, place: str) -> None:
    """Refuse a meter of which no reading, as in the pattern `readings`, can ever be read."""
    try:
        counted = compile_pattern(readings, spec.charset)
    except LanguageError as error:
        raise ConfigError(
            f"{place}: expected a model that writes what the meter shows, {readings}, "
            f"found one of the characters {''.join(spec.charset)!r}"
        ) from error
    if allowed is not None and not allowed.overlaps(counted):
        raise ConfigError(
            f"{place}: expected a pattern or words for what the meter shows, {readings}, "
            "found none of its readings allowed"
        )


def check_width(region: TextRegion, aspect: float, stream: str) -> None:
    """Refuse a line that is too long for a model whose input is `aspect` times as wide as high.

    Raises:
        ConfigError: its text would be squeezed until it cannot be read.
    """
    width, height = region.size()
    if not region.page and width / height > MAX_SQUEEZE * aspect:
        raise ConfigError(
            f"stream {stream!r}, region {region.name!r}: expected at most "
            f"{MAX_SQUEEZE * aspect:.1f} times as wide as high for this model, "
            f"found {width}x{height}"
        )


def _check_corners(name: str, corners: Corners) -> None:
    turns = _turns(corners)
    if all(turn < 0 for turn in turns):
        raise ValueError(
            f"region {name!r}: expected corners clockwise from the top left, "
            f"found them the other way round: {_written(corners)}"
        )
    if not all(turn > 0 for turn in turns):
        raise ValueError(
            f"region {name!r}: expected the corners of a convex quadrilateral, "
            f"found {_written(corners)}"
        )
    shortest = min(math.dist(p, q) for p, q in zip(corners, _shifted(corners), strict=True))
    if shortest < MIN_SIDE:
        raise ValueError(
            f"region {name!r}: expected sides of {MIN_SIDE:g} pixels or more, found {shortest:.1f}"
        )


def _turns(corners: Corners) -> list[float]:
    """Of each corner, how the outline turns there: positive is clockwise, as y points down."""
    following = _shifted(corners)
    edges = [(q[0] - p[0], q[1] - p[1]) for p, q in zip(corners, following, strict=True)]
    return [a[0] * b[1] - a[1] * b[0] for a, b in zip(edges, [*edges[1:], edges[0]], strict=True)]


def _shifted(corners: Corners) -> Sequence[Point]:
    return (*corners[1:], corners[0])


def _written(corners: Corners) -> str:
    return ", ".join(f"[{x:g}, {y:g}]" for x, y in corners)
