"""`ReportData` to one self-contained HTML file: nothing is fetched, nothing needs a script."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from edge_agent.atomic import write_whole
from edge_agent.decode.classify import softmax
from pipeline.evaluate import agreement
from pipeline.history import EpochRecord
from pipeline.report import charts, metrics, words
from pipeline.report.data import Attention, Phase, ReportData
from pipeline.report.pictures import Picture, map_strip, overlay, picture
from pipeline.report.svg import chart_style

MISTAKES = 24
MIXUPS = 8
# Classes whose samples, and outputs whose values, are shown.
STRIPS = 40
STRIP_SIDE = 80
OUTPUTS = 10


def write(data: ReportData, path: Path) -> None:
    """Write the report of `data` to `path`, whole or not at all."""
    write_whole(path, render(data).encode())


def render(data: ReportData) -> str:
    """The report of `data` as HTML; the same data gives the same text."""
    with chart_style():
        sections: dict[str, object] = {
            **_ladder(data),
            **_answers(data),
            "phases": [_phase(phase, number) for number, phase in enumerate(data.phases)],
            "mistakes": _mistakes(data),
            "attention": [_attended(item) for item in data.attention],
            "golden": _golden(data),
            "class_counts": charts.class_counts(data.data.splits, data.labels),
            "strips": _strips(data),
        }
    style, script = _asset("style.css"), _asset("script.js")
    return _template().render(
        report=data,
        created=_moment(data.created),
        style=Markup(style),
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        words=words,
        **sections,
    )


@dataclass(frozen=True)
class Curves:
    """A phase's charts and what they add up to."""

    name: str
    loss: Markup
    accuracy: Markup
    epochs: int
    seconds: float
    top_lr: float
    best: EpochRecord


@dataclass(frozen=True)
class MistakeCard:
    """A wrong answer as a picture."""

    picture: Picture
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
    picture: Picture


@dataclass(frozen=True)
class AttendedCard:
    """An image, what spoke for its answer, and a few layers' maps."""

    item: Attention
    picture: Picture
    overlay: Picture
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

    picture: Picture
    answer: str
    confidence: float
    outputs: tuple[OutputBar, ...]


@dataclass(frozen=True)
class Strip:
    """One class with a few of its images."""

    label: str
    pictures: tuple[Picture, ...]
    total: int


def _ladder(data: ReportData) -> dict[str, object]:
    rungs, tested = data.rungs, data.tested
    costs = (
        ("macs", "Multiply-accumulates", tested, [float(r.macs) for r in tested], words.count),
        ("parameters", "Parameters", tested, [float(r.parameters) for r in tested], words.count),
        ("size", "Size", rungs, [float(r.size_bytes) for r in rungs], words.size),
        ("latency", "Latency, median", rungs, [r.latency_ms for r in rungs], words.milliseconds),
    )
    return {
        "first": data.first,
        "last": data.shipped,
        "ladder_accuracy": charts.ladder_accuracy(rungs, _least(data)),
        "ladder_costs": [
            (title, charts.ladder_bars(name, title, shown, values, unit))
            for name, title, shown, values, unit in costs
        ],
        "places": [place for place in dict.fromkeys(r.measured_on for r in rungs) if place],
        "agreement": agreement(data.scores_float, data.scores_int8),
    }


def _least(data: ReportData) -> float | None:
    """The accuracy on validation that is left by the drop that was aimed for."""
    before = [rung for rung in data.rungs if rung.drop is None][-1]
    return None if data.goal is None else before.validation.value - data.goal.aim


def _answers(data: ReportData) -> dict[str, object]:
    truth, classes = data.test.labels, len(data.labels)
    matrix = metrics.confusion(truth, data.scores_int8.argmax(axis=1), classes)
    bins = metrics.reliability(data.scores_int8, truth, data.temperature)
    plain = metrics.reliability(data.scores_int8, truth, 1.0)
    return {
        "confusion": charts.confusion_map(matrix, data.labels),
        "mixups": metrics.mixups(matrix, MIXUPS),
        "per_class": charts.class_accuracy_chart(metrics.class_accuracy(matrix), data.labels),
        "reliability": charts.reliability_chart(bins),
        "ece": metrics.calibration_error(bins),
        "ece_plain": metrics.calibration_error(plain),
        "matrix_limit": charts.MATRIX_LIMIT,
        "row_limit": charts.ROW_LIMIT,
        "wrong": int(matrix.sum() - matrix.trace()),
    }


def _phase(phase: Phase, number: int) -> Curves:
    return Curves(
        name=phase.name,
        loss=charts.loss_curves(phase, str(number)),
        accuracy=charts.accuracy_curve(phase, str(number)),
        epochs=len(phase.epochs),
        seconds=sum(epoch.seconds for epoch in phase.epochs),
        top_lr=max(epoch.lr for epoch in phase.epochs),
        best=max(phase.epochs, key=lambda epoch: (epoch.val_accuracy, -epoch.epoch)),
    )


def _mistakes(data: ReportData) -> list[MistakeCard]:
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


def _golden(data: ReportData) -> list[GoldenCard]:
    cards = []
    for frame in data.golden:
        chances = softmax(data.golden_affine.dequantize(frame.output), data.temperature)
        best = int(chances.argmax())
        # With many classes the strongest outputs, in the order of the labels.
        shown = np.sort(np.argsort(-frame.output.astype(np.int64), kind="stable")[:OUTPUTS])
        outputs = tuple(
            OutputBar(
                label=data.labels[k],
                value=int(frame.output[k]),
                height=(int(frame.output[k]) + 128) / 255,
                top=k == best,
            )
            for k in map(int, shown)
        )
        card = GoldenCard(picture(frame.image), data.labels[best], float(chances[best]), outputs)
        cards.append(card)
    return cards


def _strips(data: ReportData) -> list[Strip]:
    totals = np.sum([split.counts for split in data.data.splits], axis=0)
    return [
        Strip(data.labels[k], tuple(picture(image, STRIP_SIDE) for image in images), int(totals[k]))
        for k, images in enumerate(data.data.samples[:STRIPS])
    ]


def _moment(created: str) -> str:
    """An ISO 8601 moment as a person writes it: `2026-11-21 10:32 UTC`."""
    moment = datetime.fromisoformat(created)
    zone = moment.strftime("%Z")
    return f"{moment:%Y-%m-%d %H:%M} {zone}".strip()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html.j2")


def _asset(name: str) -> str:
    return resources.files("pipeline.report").joinpath(name).read_text("utf-8")
