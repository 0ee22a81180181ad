"""Reading the regions of a frame: straighten, judge the picture, recognise, hold to the rules.

In order, and the first that objects says why:

    the frame is where it belongs (aligned) -> the picture changes (frozen)
    -> there is something to read (blank, dark, blurred)
    -> the network reads a text -> it is one that is allowed -> it is sure -> the meter agrees

Dials are read by their hands, and no network is asked.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from edge_agent.bundle.manifest import InputSpec, Manifest
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.common.errors import TaskError
from edge_agent.common.stillness import Stillness
from edge_agent.config import StreamConfig
from edge_agent.inference.recognizer import Recognizer
from edge_agent.sources.base import Frame
from edge_agent.sources.config import ImagesConfig, VideoConfig
from edge_agent.tasks.ocr.answer import Line, Page, Reading, Text
from edge_agent.tasks.ocr.decode.automaton import Automaton
from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.dials.reader import DialReader
from edge_agent.tasks.ocr.lines import lay_out
from edge_agent.tasks.ocr.meters.memory import MeterMemory
from edge_agent.tasks.ocr.meters.meter import Verdict
from edge_agent.tasks.ocr.meters.region_meter import RegionMeter
from edge_agent.tasks.ocr.meters.rules import ticks_of
from edge_agent.tasks.ocr.quality import quality, to_grey
from edge_agent.tasks.ocr.rectify import Upright, rectify
from edge_agent.tasks.ocr.regions import MAX_SQUEEZE, TextRegion, allowed_texts, check_width
from edge_agent.tasks.ocr.spec import TextSpec

# What was read in a frame so far, by region, before any meter judged it.
Texts: TypeAlias = dict[str, tuple[Text, Verdict]]
ACCEPTED = Verdict("accepted")
NOTHING = Text(text="", confidence=0.0, characters=(), sure=False)


@dataclass(frozen=True, eq=False)
class Seen:
    """A region of a frame and what it says.

    Args:
        answer: what it says.
        doubts: the pictures that were not accepted, in the frame's channel order, and what
            was made of each; to be labelled.
    """

    answer: Reading | Page
    doubts: tuple[tuple[U8, Reading | Line], ...] = ()


class Reader:
    """Reads every region of a stream's frames, and remembers what its meters showed.

    Args:
        stream: the stream's name, for errors.
        regions: where there is text.
        output, image: what the network writes and what it looks at.
        recognize: the network.
        memory: of what meters showed before this start; None begins anew.

    Raises:
        ConfigError: a region's pattern or words cannot be written by this network, or its
            line is too long for it.
    """

    def __init__(
        self,
        stream: str,
        regions: tuple[TextRegion, ...],
        output: TextSpec,
        image: InputSpec,
        recognize: Recognizer,
        memory: MeterMemory | None = None,
    ) -> None:
        aspect = image.width / image.height
        line = LineReader(recognize, output)
        for region in (region for region in regions if region.dials is None):
            check_width(region, aspect, stream)
        self._regions = [_Place(stream, region, output, line, aspect, memory) for region in regions]

    @property
    def meters(self) -> dict[str, RegionMeter]:
        """The meters, by the names of their regions."""
        return {place.name: place.meter for place in self._regions if place.meter is not None}

    def read(self, frame: Frame) -> Iterator[Seen]:
        """What each region says, in the order of the configuration.

        Raises:
            ConfigError: a region is not inside the frame.
        """
        read: Texts = {}
        for place in self._regions:
            yield place.look(frame, read)


def open_reader(
    stream: StreamConfig,
    manifest: Manifest,
    place: str,
    recognize: Recognizer,
    memory: MeterMemory | None = None,
) -> Reader | None:
    """The reader of a stream with text; None for another stream.

    Args:
        stream: what it is to read.
        manifest: what its bundle says of itself.
        place: the bundle, for errors.
        recognize: the bundle's network.
        memory: as of `Reader`.

    Raises:
        TaskError: the bundle is for another task than the stream.
        ConfigError: as `Reader`.
    """
    found = "ocr" if isinstance(manifest.output, TextSpec) else "classify"
    if found != stream.task:
        raise TaskError(
            f"{place}: expected a bundle for the task {stream.task}, as stream {stream.name!r} "
            f"says, found one for {found}"
        )
    if not isinstance(manifest.output, TextSpec):
        return None
    output = manifest.output
    if stream.min_confidence is not None:
        output = msgspec.structs.replace(output, min_confidence=stream.min_confidence)
    regions = stream.regions
    if isinstance(stream.source, ImagesConfig | VideoConfig) and not stream.interval_s:
        # Read as fast as they come, they say nothing about the time between two readings.
        regions = tuple(_untimed(region) for region in regions)
    return Reader(stream.name, regions, output, manifest.input, recognize, memory)


def _untimed(region: TextRegion) -> TextRegion:
    if region.meter is None:
        return region
    return msgspec.structs.replace(region, meter=region.meter.untimed())


class LineReader:
    """One line of text: gates, network, threshold; knows nothing of frames.

    Args:
        recognize: the network.
        spec: what it writes.
    """

    def __init__(self, recognize: Recognizer, spec: TextSpec) -> None:
        self._recognize, self.spec = recognize, spec

    def __call__(
        self, image: U8, order: ColourOrder, allowed: Automaton | None
    ) -> tuple[Text, Verdict]:
        """What the picture of a line says, and whether it may be believed."""
        problem = quality(to_grey(image, order)).problem()
        if problem:
            return NOTHING, Verdict("rejected", problem)
        scores = self._recognize.scores(self._recognize.prepare(image, order))
        text = read_text(scores, self.spec, allowed)
        if not text.text:
            what = "no text" if allowed is None else "nothing that is allowed there"
            return NOTHING, Verdict("rejected", what)
        if not text.sure:
            least = self.spec.min_confidence
            return text, Verdict("held", f"not sure: {text.confidence:.3f} of {least:.3f}")
        return text, ACCEPTED


class _Place:
    """One region, and what is remembered of it from frame to frame."""

    def __init__(
        self,
        stream: str,
        region: TextRegion,
        output: TextSpec,
        line: LineReader,
        aspect: float,
        memory: MeterMemory | None,
    ) -> None:
        self._name = f"stream {stream!r}, region {region.name!r}"
        self._region, self._line, self._aspect = region, line, aspect
        self._dials = None if region.dials is None else DialReader(region, self._name)
        self._allowed = None if self._dials else allowed_texts(region, output, stream)
        self.name, self.meter = region.name, _meter_of(stream, region, memory)
        self._accepted: tuple[str, datetime] | None = None  # the last text, where no meter is
        self._still = Stillness(region.frozen_after_s)

    def look(self, frame: Frame, read: Texts) -> Seen:
        """What it says; its text is put to those that were `read` in the same frame before."""
        upright = rectify(frame.image, self._region, self._name)
        picture = self._content(upright.image)
        doubt = frame.doubt or self._still.problem(picture, frame.monotonic_s)
        if self._region.page:
            return self._page(upright, frame.order, doubt)
        if doubt:
            text, verdict = NOTHING, Verdict("rejected", doubt)
        else:
            text, verdict = self._text(upright.image, frame.order, read)
        read[self.name] = text, verdict
        if self.meter is not None and verdict.state == "accepted":
            verdict = self.meter.judge(text.text, frame.monotonic_s, picture)
        return self._reading(upright, text, verdict, frame)

    def _text(self, image: U8, order: ColourOrder, read: Texts) -> tuple[Text, Verdict]:
        if self._dials is None or self._region.dials is None:
            return self._line(image, order, self._allowed)
        hands, verdict = self._dials(image, order)
        wheels = self._region.dials.wheels
        if wheels is None or verdict.state != "accepted" or self.meter is None:
            return hands, verdict
        value = self.meter.says().value
        before = None if value is None else ticks_of(value, self.meter.rules)
        return self._dials.behind(read[wheels], hands, before)

    def _content(self, image: U8) -> int | None:
        """A number that is the same for the same picture, if anybody asks: it costs to look."""
        if self._region.frozen_after_s is None and self.meter is None:
            return None
        return zlib.crc32(image.tobytes())

    def _reading(self, upright: Upright, text: Text, verdict: Verdict, frame: Frame) -> Seen:
        if self.meter is None and verdict.state == "accepted":
            self._accepted = text.text, frame.captured_at
        accepted_text, accepted_at = self._accepted or (None, None)
        reading = Reading(
            region=self._region.name,
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
        doubts = () if plain else ((upright.image, reading),)
        return Seen(reading, doubts)

    def _page(self, upright: Upright, order: ColourOrder, doubt: str) -> Seen:
        if doubt:
            return Seen(Page(region=self._region.name, lines=(), why=doubt))
        grey = to_grey(upright.image, order)
        layout = lay_out(upright.image, grey, MAX_SQUEEZE * self._aspect)
        page = Upright(layout.image, upright.to_frame @ layout.to_page)
        lines, doubts = [], []
        for span in layout.lines:
            crop = layout.image[span.top : span.bottom, span.left : span.right]
            text, verdict = self._line(crop, order, self._allowed)
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
                doubts.append((crop, line))
        why = "" if lines else "no lines of text"
        return Seen(Page(region=self._region.name, lines=tuple(lines), why=why), tuple(doubts))


def _meter_of(stream: str, region: TextRegion, memory: MeterMemory | None) -> RegionMeter | None:
    if region.meter is None:
        return None
    return RegionMeter(stream, region.name, region.meter, memory)


def _with_value(reading: Reading, meter: RegionMeter, frame: Frame) -> Reading:
    """`reading`, with what the meter is known to show."""
    said, seen_at = meter.says(), None
    if said.seen_at is not None:
        seen_at = frame.captured_at - timedelta(seconds=frame.monotonic_s - said.seen_at)
    return msgspec.structs.replace(
        reading,
        value=said.value,
        unit=meter.rules.unit,
        value_at=seen_at,
        rate_per_h=said.rate_per_h,
        value_from=said.came_from,
    )
