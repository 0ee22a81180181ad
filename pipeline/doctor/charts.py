"""The doctor's charts: each takes findings and returns inline SVG; see `report.svg`."""

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.doctor.findings import Findings
from pipeline.report.svg import ACCENT, INK, PAPER, QUIET, SECOND, WARM, axes, inline_svg
from quantization.doctor import Culprit, Kind
from quantization.doctor.words import share, span
from quantization.scales.ranges import Range

WIDE, TALL, LOW = 460.0, 250.0, 150.0
# Up to this many layers each has a dot of its own; more would run together.
DOTTED = 80
# More channels than this cannot be told apart.
CHANNELS = 128
# What a culprit's chart shows: its channels, where they are the evidence.
BY_CHANNEL = (Kind.OUTLIER, Kind.CHANNELS, Kind.WEIGHTS)


def snr_profile(findings: Findings) -> Markup:
    """The SNR of every layer's value, from the input to the output; culprits numbered."""
    layers = findings.diagnosis.layers
    ax = axes(WIDE, TALL)
    known = [(x, layer.snr_db) for x, layer in enumerate(layers, 1) if layer.snr_db is not None]
    places, values = zip(*known, strict=True) if known else ((), ())
    marker = "o" if len(layers) <= DOTTED else ""
    ax.plot(places, values, color=ACCENT, lw=1.6, ms=4, marker=marker, mec=PAPER, mew=0.6)
    for x, layer in enumerate(layers, 1):
        numbers = [number for number, _ in findings.blamed(layer)]
        if numbers and layer.snr_db is not None:
            ax.plot([x], [layer.snr_db], "o", color=WARM, ms=8, mec=PAPER, mew=1.2)
            _number(ax, numbers, x, layer.snr_db)
    ax.set_ylim(min(0, *values) if values else 0)
    _by_layer(ax, len(layers), "dB")
    low = min(values, default=0.0)
    return _svg(ax, "snr", f"SNR by layer, {low:.1f} dB at the lowest")


def costs(findings: Findings) -> Markup:
    """The share of every layer in the error of all; culprits numbered."""
    layers = findings.diagnosis.layers
    ax = axes(WIDE, TALL)
    for x, layer in enumerate(layers, 1):
        numbers = [number for number, _ in findings.blamed(layer)]
        ax.bar(x, 100 * layer.share, color=WARM if numbers else ACCENT, width=0.75)
        if numbers:
            _number(ax, numbers, x, 100 * layer.share)
    ax.margins(y=0.15)
    _by_layer(ax, len(layers), "% of all layers' error")
    said = ", ".join(
        f"{layer.name} {share(layer.share)}" for layer in findings.diagnosis.by_cost[:5]
    )
    return _svg(ax, "costs", f"What each layer costs alone, the most: {said}")


def trials(findings: Findings) -> Markup:
    """The output's SNR as it is and after every remedy."""
    before = findings.diagnosis.output_db
    rows = [("as it is", before, QUIET)]
    rows += [
        (trial.name, trial.output_db, ACCENT if trial == findings.best else SECOND)
        for trial in findings.done
    ]
    ax = axes(WIDE, 40 + 34 * len(rows))
    top = max((value for _, value, _ in rows if value is not None), default=1.0)
    for row, (_, value, colour) in enumerate(rows):
        ax.barh(row, top if value is None else value, color=colour, height=0.6)
        text = "exact" if value is None else f"{value:.1f}"
        ax.annotate(
            text, (top if value is None else value, row), (5, 0),
            textcoords="offset points", va="center", color=INK, fontweight="bold",
        )  # fmt: skip
    ax.set_yticks(range(len(rows)), [_short(name) for name, _, _ in rows])
    ax.tick_params(axis="y", labelcolor=INK)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(min(0.0, *(v for _, v, _ in rows if v is not None)), top * 1.15)
    ax.set_xlabel("output SNR in dB")
    ax.xaxis.grid(True)
    said = ", ".join(f"{name} {value:.1f} dB" for name, value, _ in rows if value is not None)
    return _svg(ax, "trials", f"Output SNR: {said}")


def evidence(culprit: Culprit, number: int) -> Markup | None:
    """What a culprit was named for; None where a sentence says it all."""
    if culprit.kind in BY_CHANNEL and len(culprit.channels) > 1 and culprit.cause != "calibration":
        return _channels(culprit, number)
    return None if culprit.kind is Kind.SHIFT else _ranges(culprit, number)


def _channels(culprit: Culprit, number: int) -> Markup:
    """The range of each channel: the wide ones set the scale of all."""
    shown = _chosen(culprit)
    ax = axes(WIDE, LOW)
    for x, channel in enumerate(shown):
        seen = culprit.channels[channel]
        colour = WARM if channel == culprit.channel else QUIET
        least = (culprit.covers.high - culprit.covers.low) / 100  # a hair is a line still
        ax.bar(x, max(seen.high - seen.low, least), bottom=seen.low, color=colour, width=0.75)
    ax.set_xticks([0, len(shown) - 1], [str(shown[0]), str(shown[-1])])
    of_weights = culprit.kind is Kind.WEIGHTS
    rows = of_weights and not culprit.cause
    ax.set_xlabel("row" if rows else "channel of its input" if of_weights else "channel")
    ax.yaxis.grid(True)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    widths = sorted(seen.high - seen.low for seen in culprit.channels)
    what = "weights" if of_weights else "values"
    return _svg(
        ax, f"culprit-{number}",
        f"Ranges of the {what} of {len(culprit.channels)} channels, "
        f"the widest {widths[-1]:.3g}, the median {widths[len(widths) // 2]:.3g}",
    )  # fmt: skip


def _ranges(culprit: Culprit, number: int) -> Markup:
    """What the scale covers above what the values need."""
    ax = axes(WIDE, 96)
    rows: tuple[tuple[str, Range, str], ...] = (
        ("scale covers", culprit.covers, QUIET),
        ("values need", culprit.needs, WARM),
    )
    for row, (_, seen, colour) in enumerate(rows):
        ax.barh(row, seen.high - seen.low, left=seen.low, color=colour, height=0.55)
    ax.set_yticks(range(2), [name for name, _, _ in rows])
    ax.tick_params(axis="y", labelcolor=INK)
    ax.set_ylim(1.5, -0.5)
    ax.xaxis.grid(True)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    return _svg(
        ax, f"culprit-{number}",
        f"The scale covers {span(culprit.covers)}, the values need {span(culprit.needs)}",
    )  # fmt: skip


def _chosen(culprit: Culprit) -> list[int]:
    """The channels to show, in order: all, or evenly some with the one to blame and the widest."""
    count = len(culprit.channels)
    if count <= CHANNELS:
        return list(range(count))
    widest = int(np.argmax([seen.high - seen.low for seen in culprit.channels]))
    some = {place * count // CHANNELS for place in range(CHANNELS)} | {widest}
    return sorted(some | ({culprit.channel} if culprit.channel is not None else set()))


def _number(ax: Axes, numbers: list[int], x: float, y: float) -> None:
    ax.annotate(
        ", ".join(map(str, numbers)), (x, y), (0, 7), textcoords="offset points",
        ha="center", color=WARM, fontweight="bold",
        bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
    )  # fmt: skip


def _by_layer(ax: Axes, count: int, unit: str) -> None:
    ax.set_xlabel("layer")
    ax.set_ylabel(unit)
    ax.set_xlim(0.4, count + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.grid(True)


def _short(name: str, length: int = 26) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _svg(ax: Axes, name: str, description: str) -> Markup:
    drawn = ax.figure
    assert isinstance(drawn, Figure), "axes are made on a figure of their own"
    return inline_svg(drawn, name, description)
