"""Usual answers of a stream with text, for whoever reckons with their size."""

from edge_agent.tasks.ocr.answer import Box, CharacterScore, Line, Page, Reading
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion

# What a text is taken to be where nothing says how long it is.
CHARACTERS, LINES, LINE_CHARACTERS = 6, 10, 20

_BOX: Box = ((212.0, 118.0), (401.5, 121.0), (400.0, 163.0), (211.0, 160.5))


def typical(options: TextOptions) -> tuple[Reading | Page, ...]:
    """A usual answer about each region."""
    return tuple(_region(region) for region in options.regions)


def _region(region: TextRegion) -> Reading | Page:
    if region.page:
        line = Line(
            state="accepted",
            text="x" * LINE_CHARACTERS,
            confidence=0.98765,
            characters=_characters(LINE_CHARACTERS),
            box=_BOX,
        )
        return Page(region=region.name, lines=(line,) * LINES)
    count = (region.meter.digits if region.meter is not None else None) or CHARACTERS
    return Reading(
        region=region.name,
        state="accepted",
        text="0" * count,
        confidence=0.98765,
        characters=_characters(count),
        box=_BOX,
        value=None if region.meter is None else 471.4,
        unit="" if region.meter is None else region.meter.unit,
    )


def _characters(count: int) -> tuple[CharacterScore, ...]:
    return (CharacterScore("0", 0.98765),) * count
