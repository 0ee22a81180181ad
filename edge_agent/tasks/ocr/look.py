"""Reading the regions of a frame: straighten, judge the picture, recognise, hold to the rules.

In order, and the first that objects says why:

    the frame is where it belongs (aligned) -> the picture changes (frozen)
    -> there is something to read (blank, dark, blurred)
    -> the network reads a text -> it is one that is allowed -> it is sure -> the meter agrees

What looks at pixels only, up to the network's input, is prepared ahead where frames come from
files. Dials are read by their hands, and no network is asked.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

import msgspec

from edge_agent.bundle.preprocess import to_grey
from edge_agent.common.arrays import U8
from edge_agent.common.stillness import Stillness
from edge_agent.sources.base import Frame
from edge_agent.tasks.ocr.answer import Line, Page, Reading, Text
from edge_agent.tasks.ocr.crops import crop_record
from edge_agent.tasks.ocr.dials.reader import DialReader
from edge_agent.tasks.ocr.line_reader import NOTHING, LineReader, PreparedLine
from edge_agent.tasks.ocr.meters.meter import Verdict
from edge_agent.tasks.ocr.meters.region_meter import RegionMeter
from edge_agent.tasks.ocr.meters.rules import ticks_of
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.picture.lines import PageLayout, lay_out
from edge_agent.tasks.ocr.picture.rectify import Upright, rectify
from edge_agent.tasks.ocr.regions import MAX_SQUEEZE, TextRegion, allowed_texts, check_width
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.task import Doubt, Opening, Sighting

# What was read in a frame so far, by region, before any meter judged it.
Texts: TypeAlias = dict[str, tuple[Text, Verdict]]


@dataclass(frozen=True, eq=False)
class PreparedRegion:
    """A region of a frame, up to what has to be asked of the network.

    Args:
        upright: the region, straightened.
        doubt: why it is not read; empty if it is.
        picture: a number that is the same for the same picture; None where nobody asks.
        line: of a line of text.
        hands: of dials: what they say, and whether it may be believed.
        page, lines: of a page: how it is laid out, and its lines.
    """

    upright: Upright
    doubt: str
    picture: int | None
    line: PreparedLine | None = None
    hands: tuple[Text, Verdict] | None = None
    page: PageLayout | None = None
    lines: tuple[PreparedLine, ...] = ()


class TextLooker:
    """Reads every region of a stream's frames, and remembers what its meters showed.

    Args:
        opening: what it is opened with; its memory is a `MeterMemory`, or None to begin anew.

    Raises:
        ConfigError: a region's pattern or words cannot be written by this network, or its
            line is too long for it.
    """

    def __init__(self, opening: Opening[TextSpec, TextOptions]) -> None:
        regions = opening.options.regions
        if not opening.timed:
            # Read as fast as they come, they say nothing about the time between two readings.
            regions = tuple(_untimed(region) for region in regions)
        aspect = opening.image.width / opening.image.height
        for region in (region for region in regions if region.dials is None):
            check_width(region, aspect, opening.stream)
        line = LineReader(opening.network, opening.spec)
        self._regions = [_RegionReader(opening, region, line, aspect) for region in regions]

    @property
    def values(self) -> Mapping[str, RegionMeter]:
        """As `Looker.values`: the meters, by the names of their regions."""
        return {each.name: each.meter for each in self._regions if each.meter is not None}

    def prepare(self, frame: Frame) -> tuple[PreparedRegion, ...]:
        """As `Looker.prepare`: each region, in the order of the configuration."""
        return tuple(region.prepare(frame) for region in self._regions)

    def answers(self, frame: Frame, prepared: tuple[PreparedRegion, ...]) -> Iterator[Sighting]:
        """As `Looker.answers`: what each region says."""
        read: Texts = {}
        for region, one in zip(self._regions, prepared, strict=True):
            yield region.look(frame, one, read)


def _untimed(region: TextRegion) -> TextRegion:
    if region.meter is None:
        return region
    return msgspec.structs.replace(region, meter=region.meter.untimed())


class _RegionReader:
    """One region, and what is remembered of it from frame to frame."""

    def __init__(
        self,
        opening: Opening[TextSpec, TextOptions],
        region: TextRegion,
        line: LineReader,
        aspect: float,
    ) -> None:
        stream = opening.stream
        self._place = f"stream {stream!r}, region {region.name!r}"
        self._region, self._line, self._aspect = region, line, aspect
        self._dials = None if region.dials is None else DialReader(region, self._place)
        self._allowed = None if self._dials else allowed_texts(region, opening.spec, stream)
        self.name, self.meter = region.name, _meter_of(stream, region, opening)
        self._accepted: tuple[str, datetime] | None = None  # the last text, where no meter is
        self._still = Stillness(region.frozen_after_s)

    def prepare(self, frame: Frame) -> PreparedRegion:
        """All that looks at pixels only."""
        upright = rectify(frame.image, self._region, self._place)
        picture = self._content(upright.image)
        doubt = frame.doubt or self._still.problem(picture, frame.monotonic_s)
        if doubt:
            return PreparedRegion(upright, doubt, picture)
        if self._region.page:
            grey = to_grey(upright.image, frame.order)
            page = lay_out(upright.image, grey, MAX_SQUEEZE * self._aspect)
            lines = tuple(self._line.prepare(crop, frame.order) for crop in _crops(page))
            return PreparedRegion(upright, doubt, picture, page=page, lines=lines)
        if self._dials is not None:
            hands = self._dials(upright.image, frame.order)
            return PreparedRegion(upright, doubt, picture, hands=hands)
        line = self._line.prepare(upright.image, frame.order)
        return PreparedRegion(upright, doubt, picture, line=line)

    def look(self, frame: Frame, prepared: PreparedRegion, read: Texts) -> Sighting:
        """What it says; its text is put to those that were `read` in the same frame before."""
        if self._region.page:
            return self._page(prepared)
        text, verdict = read[self.name] = self._text(prepared, read)
        if self.meter is not None and verdict.state == "accepted":
            verdict = self.meter.judge(text.text, frame.monotonic_s, prepared.picture)
        return self._reading(prepared.upright, text, verdict, frame)

    def _text(self, prepared: PreparedRegion, read: Texts) -> tuple[Text, Verdict]:
        if prepared.line is not None:
            return self._line.read(prepared.line, self._allowed)
        if prepared.hands is None or self._dials is None or self._region.dials is None:
            return NOTHING, Verdict("rejected", prepared.doubt)
        hands, verdict = prepared.hands
        wheels = self._region.dials.wheels
        if wheels is None or verdict.state != "accepted" or self.meter is None:
            return hands, verdict
        value = self.meter.shows().value
        before = None if value is None else ticks_of(value, self.meter.rules)
        return self._dials.behind(read[wheels], hands, before)

    def _content(self, image: U8) -> int | None:
        """A number that is the same for the same picture, if anybody asks: it costs to look."""
        if self._region.frozen_after_s is None and self.meter is None:
            return None
        return zlib.crc32(image.tobytes())

    def _reading(self, upright: Upright, text: Text, verdict: Verdict, frame: Frame) -> Sighting:
        if self.meter is None and verdict.state == "accepted":
            self._accepted = text.text, frame.captured_at
        accepted_text, accepted_at = self._accepted or (None, None)
        reading = Reading(
            region=self.name,
            state=verdict.state,
            why=verdict.why,
            text=text.text,
            confidence=text.confidence,
            characters=text.characters,
            box=upright.outline(),
            accepted_text=accepted_text,
            accepted_at=accepted_at,
        )
        if self.meter is not None:
            reading = _with_value(reading, self.meter, frame)
        # Pictures of dials, and of another place than the region's, teach a network nothing.
        plain = verdict.state == "accepted" or bool(self._dials or frame.doubt)
        return Sighting(reading, () if plain else (self._doubt(upright.image, reading),))

    def _page(self, prepared: PreparedRegion) -> Sighting:
        layout = prepared.page
        if layout is None:
            return Sighting(Page(region=self.name, lines=(), why=prepared.doubt))
        page = Upright(layout.image, prepared.upright.to_frame @ layout.to_page)
        lines, doubts = [], []
        for span, crop, ready in zip(layout.lines, _crops(layout), prepared.lines, strict=True):
            text, verdict = self._line.read(ready, self._allowed)
            if verdict.state == "rejected":
                continue  # a texture, or a picture: most of what looks like a line is none
            line = Line(
                state=verdict.state,
                why=verdict.why,
                text=text.text,
                confidence=text.confidence,
                characters=text.characters,
                box=page.box(span.left, span.top, span.right, span.bottom),
            )
            lines.append(line)
            if verdict.state == "held":
                doubts.append(self._doubt(crop, line))
        why = "" if lines else "no lines of text"
        return Sighting(Page(region=self.name, lines=tuple(lines), why=why), tuple(doubts))

    def _doubt(self, image: U8, reading: Reading | Line) -> Doubt:
        return Doubt(image, self.name, partial(crop_record, self.name, reading))


def _crops(page: PageLayout) -> Iterator[U8]:
    """The pictures of the lines of a page."""
    return (page.image[each.top : each.bottom, each.left : each.right] for each in page.lines)


def _meter_of(
    stream: str, region: TextRegion, opening: Opening[TextSpec, TextOptions]
) -> RegionMeter | None:
    if region.meter is None:
        return None
    return RegionMeter(stream, region.name, region.meter, opening.memory)


def _with_value(reading: Reading, meter: RegionMeter, frame: Frame) -> Reading:
    """`reading`, with what the meter is known to show."""
    shown, seen_at = meter.shows(), None
    if shown.seen_at is not None:
        seen_at = frame.captured_at - timedelta(seconds=frame.monotonic_s - shown.seen_at)
    return msgspec.structs.replace(
        reading,
        value=shown.value,
        unit=meter.rules.unit,
        value_at=seen_at,
        rate_per_h=shown.rate_per_h,
        value_from=shown.came_from,
    )
