"""`ReportData` to one self-contained HTML file: nothing is fetched, nothing needs a script."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.history import EpochRecord, best_epoch
from pipeline.report import charts, words
from pipeline.report.data import Phase, ReportData
from pipeline.report.svg import chart_style
from pipeline.report.templates import SHARED, asset, page_template


@dataclass(frozen=True, eq=False)
class ReportPage:
    """The report of a task.

    Args:
        data: what it shows.
        sections: what only this task's template shows; charts are drawn, so in the chart style.
        package: the Python package with the template and its styles.
        template: the file that extends `template.html.j2`.
        styles: CSS files of its own, after that of all reports.
    """

    data: ReportData
    sections: Callable[[], Mapping[str, object]]
    package: str
    template: str
    styles: tuple[str, ...] = ()


def write(page: ReportPage, path: Path) -> None:
    """Write the report of `page` to `path`, whole or not at all."""
    write_whole(path, render(page).encode())


def render(page: ReportPage) -> str:
    """The report of `page` as HTML; the same data gives the same text."""
    data = page.data
    with chart_style():
        sections: dict[str, object] = {
            **_ladder(data),
            "phases": [_phase(phase, number) for number, phase in enumerate(data.phases)],
            **page.sections(),
        }
    style = "".join(
        (asset(SHARED, "style.css"), *(asset(page.package, name) for name in page.styles))
    )
    script = asset(SHARED, "script.js")
    return page_template(page.package, page.template).render(
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
        "ladder_scores": charts.ladder_scores(rungs, _allowed(data)),
        "ladder_costs": [
            (title, charts.ladder_bars(name, title, shown, values, unit))
            for name, title, shown, values, unit in costs
        ],
        "places": [place for place in dict.fromkeys(r.measured_on for r in rungs) if place],
        "agreement": data.agreement,
    }


def _allowed(data: ReportData) -> float | None:
    """The score on validation that is left by the drop that was aimed for."""
    if data.goal is None:
        return None
    score, aim = data.before.validation, data.goal.aim
    return score.value - aim if score.kind.more else score.value + aim


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
