"""What the report says about texts: exactness, trust, what was read, mixed-up characters."""

import unicodedata
from dataclasses import dataclass
from itertools import groupby

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.spec import Promise
from pipeline.report import charts, metrics, words
from pipeline.report.axes import ROW_LIMIT, accuracy_rows, stacked_rows
from pipeline.report.page import ReportPage
from pipeline.report.pictures import InlinePicture, picture
from pipeline.tasks.ocr.measure.readings import ReadingScores, read_scores, score_readings
from pipeline.tasks.ocr.measure.thresholds import Point, coverage_curve, largest_coverage
from pipeline.tasks.ocr.report import metrics as measures
from pipeline.tasks.ocr.report.alignment import Edit, align
from pipeline.tasks.ocr.report.charts import coverage_chart
from pipeline.tasks.ocr.report.contents import TextReport

# Shares of wrong readings whose coverage is told.
ERRORS = (0.01, 0.001)
SURE_RIGHT, SURE_WRONG, UNSURE = 12, 24, 12
CONFUSIONS, RAREST = 12, 12
# The longest side kept of a line, in pixels, and of a long one: from so many times its height.
LINE_SIDE, LONG_SIDE, LONG_FROM = 320, 560, 6.0


@dataclass(frozen=True)
class Mark:
    """Some characters of a reading: `same` as is there, `other`, `extra`, or `missing`."""

    kind: str
    text: str


@dataclass(frozen=True)
class ReadingCard:
    """An image with what was read in it; `float_text` is what was read before quantisation."""

    picture: InlinePicture
    identity: str
    truth: str
    text: str
    marks: tuple[Mark, ...]
    confidence: float
    right: bool
    float_text: str


@dataclass(frozen=True)
class Pile:
    """Some of the readings of one kind; `total` are all of it."""

    cards: tuple[ReadingCard, ...]
    total: int


@dataclass(frozen=True)
class Level:
    """The largest coverage with at most `error` wrong on the test split; None if there is none."""

    error: float
    point: Point | None


@dataclass(frozen=True)
class PromiseVerdict:
    """A promise beside what its threshold gave on the test split.

    Args:
        promise: the bundle's.
        verdict: `kept`, `chance` if more are wrong than promised but no more than chance
            explains, `broken`, or `empty` if nothing was accepted.
    """

    promise: Promise
    verdict: str


@dataclass(frozen=True)
class LineCard:
    """A golden frame, or a training image, with what it says."""

    picture: InlinePicture
    answer: str
    confidence: float = 1.0


def text_page(data: TextReport) -> ReportPage:
    """The report of a network that reads texts."""
    package = "pipeline.tasks.ocr.report"
    return ReportPage(data, lambda: text_sections(data), package, "texts.html.j2", ("texts.css",))


def text_sections(data: TextReport) -> dict[str, object]:
    """What `texts.html.j2` shows; charts are drawn, so in the chart style."""
    right = data.read.right(data.test.labels)
    long = _long(data)
    side = LONG_SIDE if long else LINE_SIDE
    edits = [align(a, b) for a, b in zip(data.read.texts, data.test.labels, strict=True)]
    return {
        **_accuracy(data, right),
        **_trust(data, right),
        **_piles(data, right, edits, side),
        **_characters([edit for each in edits for edit in each]),
        **_data(data, side),
        "golden": [_golden(data, place, side) for place in range(len(data.golden))],
        "lines": "lines wide" if long else "lines",
        "shown": shown,
    }


def shown(character: str) -> str:
    """A character for the eye, where it stands alone."""
    if not character:
        return "nothing"
    if character.isspace():
        return "space"
    return f"◌{character}" if unicodedata.combining(character) else character


def _long(data: TextReport) -> bool:
    """Whether most of the texts are long lines, by the shape of the training images shown."""
    shapes = [sample.image.shape for sample in data.data.samples]
    return bool(shapes) and float(np.median([w / h for h, w, *_ in shapes])) >= LONG_FROM


def _accuracy(data: TextReport, right: NDArray[np.bool_]) -> dict[str, object]:
    charset, truth = data.spec.charset, data.test.labels
    networks: list[tuple[str, ReadingScores]] = [
        (data.before.name, score_readings(data.read_float.texts, truth)),
        ("int8", score_readings(data.read.texts, truth)),
    ]
    ranges = measures.length_ranges(truth)
    names = [next(str(one) for one in ranges if one.holds(text)) for text in truth]
    by_length = dict(measures.grouped_scores(names, right))
    sets = [data.data.set_of(identity) for identity in data.test.ids]
    by_set = measures.grouped_scores(sets, right) if all(sets) else ()
    return {
        "networks": networks,
        "read": networks[1][1],
        "cased": len({one.casefold() for one in charset}) < len(charset),
        "by_length": accuracy_rows(
            [(str(one), by_length[str(one)]) for one in ranges], "by-length", "Exact by length"
        ),
        "by_set": (
            accuracy_rows(by_set, "by-set", "Exact by data set") if len(by_set) > 1 else None
        ),
    }


def _trust(data: TextReport, right: NDArray[np.bool_]) -> dict[str, object]:
    read, spec = data.read, data.spec
    curve = coverage_curve(read.confidence, right)
    shipped = curve.at(spec.min_confidence)
    plain = read_scores(data.scores_int8, msgspec.structs.replace(spec, temperature=1.0))
    bins = metrics.bins_of(read.confidence, right)
    promise = spec.promise
    levels = [Level(error, largest_coverage(curve, error)) for error in ERRORS]
    return {
        "curve": coverage_chart(curve, shipped, promise),
        "shipped": shipped,
        "levels": levels,
        "hindsight": [
            (f"At most {words.percent_short(level.error)} wrong, in hindsight", level.point)
            for level in levels
        ],
        "kept": None
        if spec.promise is None
        else PromiseVerdict(spec.promise, _verdict(spec.promise, shipped)),
        "reliability": charts.reliability_chart(bins),
        "ece": metrics.calibration_error(bins),
        "ece_plain": metrics.calibration_error(metrics.bins_of(plain.confidence, right)),
    }


def _verdict(promise: Promise, point: Point) -> str:
    if point.bound is None:
        return "empty"
    if point.error <= promise.error:
        return "kept"
    return "chance" if point.bound.low <= promise.error else "broken"


def _piles(
    data: TextReport, right: NDArray[np.bool_], edits: list[tuple[Edit, ...]], side: int
) -> dict[str, object]:
    kinds = measures.sort_readings(data.read.confidence, right, data.spec.min_confidence)

    def pile(places: tuple[int, ...], chosen: tuple[int, ...]) -> Pile:
        return Pile(tuple(_card(data, i, edits[i], side) for i in chosen), len(places))

    return {
        "sure_wrong": pile(kinds.sure_wrong, kinds.sure_wrong[:SURE_WRONG]),
        "sure_right": pile(kinds.sure_right, measures.spread(kinds.sure_right, SURE_RIGHT)),
        "unsure": pile(kinds.unsure, measures.spread(kinds.unsure, UNSURE)),
    }


def _card(data: TextReport, place: int, edits: tuple[Edit, ...], side: int) -> ReadingCard:
    return ReadingCard(
        picture=picture(data.test.images[place], side),
        identity=data.test.ids[place],
        truth=data.test.labels[place],
        text=data.read.texts[place],
        marks=_marks(edits),
        confidence=float(data.read.confidence[place]),
        right=data.read.texts[place] == data.test.labels[place],
        float_text=data.read_float.texts[place],
    )


def _marks(edits: tuple[Edit, ...]) -> tuple[Mark, ...]:
    """The reading in runs of one kind; of what is missing the mark has what is there."""

    def kind(edit: Edit) -> str:
        found, wanted = edit
        if found == wanted:
            return "same"
        return "other" if found and wanted else "extra" if found else "missing"

    runs = ((name, list(run)) for name, run in groupby(edits, kind))
    return tuple(
        Mark(name, "".join(wanted if name == "missing" else found for found, wanted in run))
        for name, run in runs
    )


def _characters(edits: list[Edit]) -> dict[str, object]:
    scores = [(shown(one), score) for one, score in measures.character_scores(edits)]
    title = "Read right by character, the weakest first"
    return {
        "confused": measures.confusions(edits, CONFUSIONS),
        "by_character": (
            accuracy_rows(scores[:ROW_LIMIT], "by-character", title) if scores else None
        ),
        "scored_characters": len(scores),
        "row_limit": ROW_LIMIT,
        "fewest": measures.FEWEST,
    }


def _data(data: TextReport, side: int) -> dict[str, object]:
    view = data.data
    rarest = sorted(view.characters, key=lambda pair: pair[1])[:RAREST]
    return {
        "text_lengths": stacked_rows(view.lengths, view.ranges, "lengths", "Texts by length"),
        "rarest": rarest,
        "samples": [LineCard(picture(one.image, side), one.text) for one in view.samples],
    }


def _golden(data: TextReport, place: int, side: int) -> LineCard:
    frame = data.golden[place]
    said = read_text(data.golden_port.real(frame.outputs[0]), data.spec)
    answer = said.text or "(nothing)"
    return LineCard(picture(frame.image, side), answer, said.confidence)
