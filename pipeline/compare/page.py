"""`Comparison` to one self-contained HTML file, in the report's style: nothing is fetched."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.compare import charts, wording
from pipeline.compare.comparison import Comparison, Group
from pipeline.compare.figures import RunFigures
from pipeline.report import words
from pipeline.report.svg import chart_style
from pipeline.report.templates import SHARED, asset, page_template


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart with what stands above it."""

    title: str
    picture: Markup


@dataclass(frozen=True, eq=False)
class GroupSection:
    """A group with everything that is drawn of it.

    Args:
        group: the runs.
        verdict: what their figures say.
        costs: scores over size and over latency.
        curves: by phase, what was measured by epoch.
    """

    group: Group
    verdict: tuple[str, ...]
    costs: tuple[Chart, ...]
    curves: tuple[tuple[str, tuple[Chart, ...]], ...]


def render(comparison: Comparison, title: str, created: str) -> str:
    """The comparison as HTML; the same one gives the same text.

    Args:
        comparison: what is shown.
        title: what it is of.
        created: when it was made, as a reader should see it.
    """
    with chart_style():
        sections = [
            _section(group, number) for number, group in enumerate(comparison.groups, start=1)
        ]
    script = asset(SHARED, "script.js")
    style = asset(SHARED, "style.css") + asset("pipeline.compare", "compare.css")
    return page_template("pipeline.compare", "compare.html.j2").render(
        comparison=comparison,
        title=title,
        created=created,
        sections=sections,
        apart=wording.apart(comparison),
        style=Markup(style),
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        words=words,
        wording=wording,
    )


def _section(group: Group, number: int) -> GroupSection:
    return GroupSection(
        group,
        tuple(wording.verdict(group)),
        tuple(_costs(group, number)),
        tuple(_phases(group, number)),
    )


def _size(run: RunFigures) -> float | None:
    return run.size_bytes


def _latency(run: RunFigures) -> float | None:
    return run.latency_ms


def _costs(group: Group, number: int) -> Iterator[Chart]:
    score = next((run.int8 for run in group.scored), None)
    if score is None or len(group.scored) < 2:
        return
    metric = words.metric(score)
    for name, cost, unit in (
        ("size", _size, words.size),
        ("latency", _latency, words.milliseconds),
    ):
        title = f"{metric} over {name}"
        yield Chart(title, charts.scores_over(group, cost, f"{name}-{number}", unit, title))


def _phases(group: Group, number: int) -> Iterator[tuple[str, tuple[Chart, ...]]]:
    names = dict.fromkeys(phase.name for run in group.runs for phase in run.phases)
    for place, phase in enumerate(names):
        key = f"{number}-{place}"
        drawn = (
            ("Accuracy on validation", charts.curves(
                group, phase, lambda epoch: epoch.val_accuracy, f"accuracy-{key}",
                f"{phase}: accuracy on validation", percent=True)),
            ("Mean error on validation", charts.curves(
                group, phase, lambda epoch: epoch.val_error, f"error-{key}",
                f"{phase}: mean error on validation", percent=False)),
            ("Loss on validation", charts.curves(
                group, phase, lambda epoch: epoch.val_loss, f"loss-{key}",
                f"{phase}: loss on validation", percent=False)),
        )  # fmt: skip
        yield phase, tuple(Chart(title, chart) for title, chart in drawn if chart is not None)
