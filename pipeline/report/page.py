"""`ReportData` to one self-contained HTML file: nothing is fetched, nothing needs a script."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.history import EpochRecord, best_epoch
from pipeline.report import charts, words
from pipeline.report.classes.classes import ClassReport
from pipeline.report.classes.page import class_sections
from pipeline.report.data import Phase, ReportData
from pipeline.report.svg import chart_style
from pipeline.report.texts.page import text_sections
from pipeline.report.texts.texts import TextReport

AnyReport: TypeAlias = ClassReport | TextReport


def write(data: AnyReport, path: Path) -> None:
    """Write the report of `data` to `path`, whole or not at all."""
    write_whole(path, render(data).encode())


def render(data: AnyReport) -> str:
    """The report of `data` as HTML; the same data gives the same text."""
    with chart_style():
        sections: dict[str, object] = {
            **_ladder(data),
            "phases": [_phase(phase, number) for number, phase in enumerate(data.phases)],
            **(class_sections(data) if isinstance(data, ClassReport) else text_sections(data)),
        }
    style, script = _asset("style.css"), _asset("script.js")
    if isinstance(data, TextReport):
        style += _asset("texts.css")
    template = "classes.html.j2" if isinstance(data, ClassReport) else "texts.html.j2"
    return _template(template).render(
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
        "agreement": data.agreement,
    }


def _least(data: ReportData) -> float | None:
    """The accuracy on validation that is left by the drop that was aimed for."""
    return None if data.goal is None else data.before.validation.value - data.goal.aim


def _phase(phase: Phase, number: int) -> Curves:
    return Curves(
        name=phase.name,
        loss=charts.loss_curves(phase, str(number)),
        accuracy=charts.accuracy_curve(phase, str(number)),
        epochs=len(phase.epochs),
        seconds=sum(epoch.seconds for epoch in phase.epochs),
        top_lr=max(epoch.lr for epoch in phase.epochs),
        best=best_epoch(phase.epochs),
    )


def _moment(created: str) -> str:
    """An ISO 8601 moment as a person writes it: `2026-11-21 10:32 UTC`."""
    moment = datetime.fromisoformat(created)
    zone = moment.strftime("%Z")
    return f"{moment:%Y-%m-%d %H:%M} {zone}".strip()


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _asset(name: str) -> str:
    return resources.files("pipeline.report").joinpath(name).read_text("utf-8")
