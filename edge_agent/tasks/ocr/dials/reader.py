"""Reading the dials of a region: where each is, where its hand points, what they count together."""

import math
from dataclasses import dataclass

import cv2
import msgspec
import numpy as np

from edge_agent.bundle.preprocess import ColourOrder, to_grey
from edge_agent.common.arrays import F64, U8
from edge_agent.common.errors import ConfigError
from edge_agent.tasks.ocr.answer import CharacterScore, Text
from edge_agent.tasks.ocr.dials.dials import Dials, DisagreementError, counted, joined
from edge_agent.tasks.ocr.dials.hands import MIN_RADIUS, Hand, find_hand
from edge_agent.tasks.ocr.meters.meter import Verdict
from edge_agent.tasks.ocr.picture.quality import quality
from edge_agent.tasks.ocr.picture.rectify import from_frame
from edge_agent.tasks.ocr.regions import TextRegion

NOTHING = Text(text="", confidence=0.0, characters=(), sure=False)


@dataclass(frozen=True)
class DialPlace:
    """A dial in the straightened region; in its pixels."""

    x: float
    y: float
    radius: float


class DialReader:
    """Reads one region's dials; no network is asked.

    Args:
        region: with dials.
        place: how errors name it.

    Raises:
        ConfigError: a dial is not inside the region, or too small to be read.
    """

    def __init__(self, region: TextRegion, place: str) -> None:
        assert region.dials is not None
        self._dials = region.dials
        self._places = _places(region, region.dials)
        self._clockwise = region.dials.clockwise()
        width, height = region.size()
        for number, dial in enumerate(self._places, 1):
            if not (0 <= dial.x <= width and 0 <= dial.y <= height):
                raise ConfigError(f"{place}: expected dial {number} inside the region")
            if dial.radius < MIN_RADIUS:
                raise ConfigError(
                    f"{place}: expected dials with a radius of {MIN_RADIUS:g} pixels or more, "
                    f"found {dial.radius:.1f}"
                )

    def __call__(self, image: U8, order: ColourOrder) -> tuple[Text, Verdict]:
        """What the hands count, and whether it may be believed.

        Args:
            image: (H, W, 3) in `order`, or (H, W): the region, straightened.
            order: of its channels.
        """
        problem = quality(to_grey(image, order)).problem()
        if problem:
            return NOTHING, Verdict("rejected", problem)
        if image.ndim == 3 and order == "rgb":
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
        hands = list[Hand]()
        for number, dial in enumerate(self._places, 1):
            hand = find_hand(image, (dial.x, dial.y), dial.radius)
            doubt = hand.problem or self._doubt(hand)
            if doubt:
                why = f"hand {number} of {len(self._places)}: {doubt}"
                return NOTHING, Verdict("rejected", why)
            hands.append(hand)
        return self._together(hands)

    def behind(
        self, wheels: tuple[Text, Verdict], hands: Text, before: int | None
    ) -> tuple[Text, Verdict]:
        """What wheels and these hands say together.

        Args:
            wheels: what was read of them, and whether it may be believed.
            hands: what was read here.
            before: what the meter showed last, in units of its last digit.
        """
        text, verdict = wheels
        if verdict.state != "accepted":
            return NOTHING, Verdict(verdict.state, f"its wheels: {verdict.why}")
        if not (text.text.isascii() and text.text.isdigit()):
            return NOTHING, Verdict("held", f"its wheels: expected digits, found {text.text!r}")
        both = joined(text.text, hands.text, before)
        if both is None:
            return NOTHING, Verdict("held", "its last wheel may be turning")
        scores = (*text.characters, *hands.characters)
        characters = tuple(
            msgspec.structs.replace(score, character=digit)
            for digit, score in zip(both, scores, strict=True)
        )
        least = min(text.confidence, hands.confidence)
        return Text(text=both, confidence=least, characters=characters, sure=True), verdict

    def _doubt(self, hand: Hand) -> str:
        least = self._dials.min_confidence
        return f"not sure: {hand.confidence:.3f} of {least:.3f}" if hand.confidence < least else ""

    def _together(self, hands: list[Hand]) -> tuple[Text, Verdict]:
        positions = tuple(
            position(hand, clockwise=right)
            for hand, right in zip(hands, self._clockwise, strict=True)
        )
        try:
            text = counted(positions, self._dials.tolerance)
        except DisagreementError as error:
            return NOTHING, Verdict("rejected", str(error))
        characters = tuple(
            CharacterScore(character=digit, confidence=hand.confidence, position=round(at, 2) % 10)
            for digit, hand, at in zip(text, hands, positions, strict=True)
        )
        least = min(hand.confidence for hand in hands)
        read = Text(text=text, confidence=least, characters=characters, sure=True)
        return read, Verdict("accepted")


def position(hand: Hand, *, clockwise: bool) -> float:
    """Where a hand stands along its scale: [0, 10), 0 is upright."""
    return (hand.degrees if clockwise else -hand.degrees) / 36 % 10


def _places(region: TextRegion, dials: Dials) -> tuple[DialPlace, ...]:
    width, height = region.size()
    if dials.centres is None:
        count = dials.hands
        small, long = min(width, height), max(width, height)
        step = (long - small) / (count - 1) if count > 1 else 0.0
        along = [(small if count > 1 else long) / 2 + i * step for i in range(count)]
        across = small / 2
        if width >= height:
            return tuple(DialPlace(at, across, small / 2) for at in along)
        return tuple(DialPlace(across, at, small / 2) for at in along)
    assert dials.radius is not None  # as __post_init__ of Dials made sure
    to_upright = from_frame(region)
    return tuple(_placed(to_upright, x, y, dials.radius) for x, y in dials.centres)


def _placed(to_upright: F64, x: float, y: float, radius: float) -> DialPlace:
    """A circle of the frame in the straightened picture, where it is one again."""
    points = np.array([[[x, y], [x + 1, y], [x, y + 1]]], np.float64)
    at, right, down = cv2.perspectiveTransform(points, to_upright)[0]
    (a, b), (c, d) = right - at, down - at
    larger = math.sqrt(abs(float(a * d - b * c)))  # the root of the area of a pixel there
    return DialPlace(float(at[0]), float(at[1]), radius * larger)
