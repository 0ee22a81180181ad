"""What the report says about classes: confusion, mistakes, attention, images per class."""

from dataclasses import dataclass

import numpy as np

from edge_agent.tasks.softmax import softmax
from pipeline.data.classes import NearPair
from pipeline.measure.recall import balance_of
from pipeline.report import charts, metrics
from pipeline.report.axes import ROW_LIMIT
from pipeline.report.page import ReportPage
from pipeline.report.pictures import InlinePicture, map_strip, overlay, picture
from pipeline.tasks.classify.report import charts as class_charts
from pipeline.tasks.classify.report.contents import Attention, ClassReport

MISTAKES = 24
MIXUPS = 8
# Classes whose samples, and outputs whose values, are shown.
STRIPS = 40
STRIP_SIDE = 80
OUTPUTS = 10


@dataclass(frozen=True)
class MistakeCard:
    """A wrong answer as a picture."""

    picture: InlinePicture
    identity: str
    truth: str
    answer: str
    confidence: float
    float_answer: str


@dataclass(frozen=True)
class LayerMaps:
    """The liveliest of a layer's maps, and how many of which size there are."""

    name: str
    shape: tuple[int, ...]
    picture: InlinePicture


@dataclass(frozen=True)
class AttendedCard:
    """An image, what spoke for its answer, and a few layers' maps."""

    item: Attention
    picture: InlinePicture
    overlay: InlinePicture
    layers: tuple[LayerMaps, ...]


@dataclass(frozen=True)
class OutputBar:
    """One raw output: its class, its int8 value, and how far up its range that is."""

    label: str
    value: int
    height: float
    top: bool


@dataclass(frozen=True)
class GoldenCard:
    """A golden frame with the answer any device must give."""

    picture: InlinePicture
    answer: str
    confidence: float
    outputs: tuple[OutputBar, ...]


@dataclass(frozen=True)
class Strip:
    """One class with a few of its images."""

    label: str
    pictures: tuple[InlinePicture, ...]
    total: int


@dataclass(frozen=True)
class PairCard:
    """Two near copies beside each other, with their names and classes."""

    pictures: tuple[InlinePicture, InlinePicture]
    ids: tuple[str, str]
    labels: tuple[str, str]
    likeness: float
    clash: bool


def class_page(data: ClassReport) -> ReportPage:
    """The report of a network that names classes."""
    package = "pipeline.tasks.classify.report"
    return ReportPage(data, lambda: class_sections(data), package, "classes.html.j2")


def class_sections(data: ClassReport) -> dict[str, object]:
    """What `classes.html.j2` shows; charts are drawn, so in the chart style."""
    return {
        **_answers(data),
        "mistakes": _mistakes(data),
        "attention": [_attended(item) for item in data.attention],
        "golden": _golden(data),
        "class_counts": class_charts.class_counts(data.data.splits, data.labels),
        "strips": _strips(data),
        "pairs": [_pair(pair, data.labels) for pair in data.data.pairs],
    }


def _answers(data: ClassReport) -> dict[str, object]:
    truth, classes = data.test.labels, len(data.labels)
    matrix = metrics.confusion(truth, data.scores_int8.argmax(axis=1), classes)
    bins = metrics.reliability(data.scores_int8, truth, data.temperature)
    plain = metrics.reliability(data.scores_int8, truth, 1.0)
    return {
        "confusion": class_charts.confusion_map(matrix, data.labels),
        "balance": balance_of(data.scores_int8.argmax(axis=1), truth, data.labels),
        "mixups": metrics.mixups(matrix, MIXUPS),
        "per_class": class_charts.class_accuracy_chart(metrics.class_accuracy(matrix), data.labels),
        "reliability": charts.reliability_chart(bins),
        "ece": metrics.calibration_error(bins),
        "ece_plain": metrics.calibration_error(plain),
        "matrix_limit": class_charts.MATRIX_LIMIT,
        "row_limit": ROW_LIMIT,
        "wrong": int(matrix.sum() - matrix.trace()),
    }


def _mistakes(data: ClassReport) -> list[MistakeCard]:
    worst = metrics.worst_mistakes(data.scores_int8, data.test.labels, data.temperature, MISTAKES)
    return [
        MistakeCard(
            picture=picture(data.test.images[wrong.index]),
            identity=data.test.ids[wrong.index],
            truth=data.labels[wrong.truth],
            answer=data.labels[wrong.answer],
            confidence=wrong.confidence,
            float_answer=data.labels[int(data.scores_float[wrong.index].argmax())],
        )
        for wrong in worst
    ]


def _attended(item: Attention) -> AttendedCard:
    layers = tuple(LayerMaps(name, maps.shape, map_strip(maps)) for name, maps in item.maps)
    return AttendedCard(item, picture(item.image), overlay(item.image, item.cam), layers)


def _golden(data: ClassReport) -> list[GoldenCard]:
    cards = []
    for frame in data.golden:
        raw = frame.outputs[0].reshape(-1)
        chances = softmax(data.golden_port.real(raw), data.temperature)
        best = int(chances.argmax())
        # With many classes the strongest outputs, in the order of the labels.
        shown = np.sort(np.argsort(-raw.astype(np.int64), kind="stable")[:OUTPUTS])
        outputs = tuple(
            OutputBar(
                label=data.labels[k],
                value=int(raw[k]),
                height=(int(raw[k]) + 128) / 255,
                top=k == best,
            )
            for k in map(int, shown)
        )
        card = GoldenCard(picture(frame.image), data.labels[best], float(chances[best]), outputs)
        cards.append(card)
    return cards


def _strips(data: ClassReport) -> list[Strip]:
    totals = np.sum([split.counts for split in data.data.splits], axis=0)
    return [
        Strip(data.labels[k], tuple(picture(image, STRIP_SIDE) for image in images), int(totals[k]))
        for k, images in enumerate(data.data.samples[:STRIPS])
    ]


def _pair(pair: NearPair, labels: tuple[str, ...]) -> PairCard:
    images = pair.images
    first, second = (picture(images.images[place]) for place in (0, 1))
    return PairCard(
        pictures=(first, second),
        ids=(images.ids[0], images.ids[1]),
        labels=(labels[int(images.labels[0])], labels[int(images.labels[1])]),
        likeness=pair.likeness,
        clash=pair.clash,
    )
