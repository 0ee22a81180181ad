"""The charts of every report: each takes measurements and returns inline SVG."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.report import words
from pipeline.report.axes import STEPS, WIDE, PercentTicks, chart_svg, named_rows
from pipeline.report.data import NetworkRow, Phase
from pipeline.report.metrics import Bin
from pipeline.report.svg import ACCENT, INK, PAPER, QUIET, WARM, axes, figure, inline_svg

NARROW = 200.0
_LOG_FROM = 12.0
_DOTTED = 8


def ladder_scores(rungs: Sequence[NetworkRow], allowed: float | None) -> Markup:
    """Each rung's score: on validation a ring; on test, where it was asked, a dot.

    A dot has its 95 % interval as a line. What the budget allows on validation, `allowed`, is
    a dashed line.
    """
    share = rungs[0].validation.kind.share
    times = 100 if share else 1
    ax = named_rows(
        [rung.name for rung in rungs], WIDE, 52 + (60 if len(rungs) < 4 else 44) * len(rungs)
    )
    if allowed is not None:
        ax.axvline(allowed * times, color=WARM, lw=1.5, ls=(0, (4, 4)))
    for row, rung in enumerate(rungs):
        colour = _emphasis(rung)
        if rung.test is not None:
            low, high = rung.test.low, rung.test.high
            if low is not None and high is not None:
                ends = [low * times, high * times]
                ax.plot(ends, [row, row], color=colour, lw=3, alpha=0.45)
            ax.plot([rung.test.value * times], [row], "o", color=colour, ms=9, mec=PAPER, mew=1.5)
        ax.plot([rung.validation.value * times], [row], "o", mfc=PAPER, ms=8, mec=colour, mew=2)
        score = rung.test or rung.validation
        ax.annotate(
            words.scored(score), (score.value * times, row), (0, 9), color=INK,
            textcoords="offset points", ha="center", fontweight="bold" if rung.test else "normal",
        )  # fmt: skip
    ax.margins(x=0.08)
    ax.set_ylim(len(rungs) - 0.5, -0.75)
    ax.xaxis.grid(True)
    if share:
        ax.xaxis.set_major_formatter(PercentTicks())
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    said = "; ".join(map(_said, rungs))
    title = words.metric(rungs[0].validation)
    return chart_svg(ax, "ladder-accuracy", f"{title}: {said}")


def _said(rung: NetworkRow) -> str:
    """A rung's scores in words."""
    text = f"{rung.name} {words.scored(rung.validation)} on validation"
    if rung.test is not None:
        text += f", {words.scored(rung.test)} ({words.interval(rung.test)}) on test"
    return text


def ladder_bars(
    name: str,
    title: str,
    rungs: Sequence[NetworkRow],
    values: Sequence[float | None],
    unit: words.Unit,
) -> Markup:
    """One cost of each rung as a bar from zero; None is said in words."""
    ax = named_rows([rung.name for rung in rungs], NARROW, 8 + 30 * len(rungs))
    top = max((value for value in values if value is not None), default=1.0) or 1.0
    said = []
    for row, (rung, value) in enumerate(zip(rungs, values, strict=True)):
        text = "not measured" if value is None else unit(value)
        said.append(f"{rung.name} {text}")
        ax.barh(row, value or 0.0, color=_emphasis(rung), height=0.56)
        ax.annotate(
            text, (value or 0.0, row), (5, 0), textcoords="offset points", va="center", color=INK
        )
    ax.set_xlim(0, top * 1.65)  # room for the words behind the longest bar
    ax.set_ylim(len(rungs) - 0.5, -0.5)
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    return chart_svg(ax, f"ladder-{name}", f"{title}: {', '.join(said)}")


def loss_curves(phase: Phase, name: str) -> Markup:
    """Training and validation loss by epoch."""
    ax = axes(WIDE, 230)
    epochs = [e.epoch for e in phase.epochs]
    train, val = [e.train_loss for e in phase.epochs], [e.val_loss for e in phase.epochs]
    marker = "o" if len(epochs) < _DOTTED else ""  # a line through one epoch cannot be seen
    ax.plot(epochs, train, color=QUIET, lw=2.0, ms=4.0, marker=marker)
    ax.plot(epochs, val, color=ACCENT, lw=2.0, ms=4.0, marker=marker)
    if 0 < min(train + val) * _LOG_FROM < max(train + val):
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        ax.yaxis.set_minor_formatter(FuncFormatter(lambda v, _: ""))
        ax.tick_params(which="minor", length=0)
    _by_epoch(ax, epochs)
    return chart_svg(
        ax, f"loss-{name}",
        f"Loss over {len(epochs)} epochs of {phase.name}: training from {train[0]:.3g} to "
        f"{train[-1]:.3g}, validation from {val[0]:.3g} to {val[-1]:.3g}",
    )  # fmt: skip


def accuracy_curve(phase: Phase, name: str) -> Markup:
    """Validation accuracy by epoch, the best one marked; of numbers their mean error."""
    accuracies = [(e.epoch, e.val_accuracy) for e in phase.epochs if e.val_accuracy is not None]
    if not accuracies:
        return _error_curve(phase, name)
    ax = axes(WIDE, 230)
    epoch, best = max(accuracies, key=lambda point: (point[1], -point[0]))
    epochs = [e.epoch for e in phase.epochs]
    ax.plot(epochs, [value * 100 for _, value in accuracies], color=ACCENT, lw=2.0)
    ax.plot([epoch], [best * 100], "o", color=ACCENT, ms=8, mec=PAPER, mew=1.5)
    ax.yaxis.set_major_formatter(PercentTicks())
    _by_epoch(ax, epochs)
    return chart_svg(
        ax, f"accuracy-{name}",
        f"Validation accuracy over {len(epochs)} epochs of {phase.name}, best "
        f"{words.percent(best)} in epoch {epoch}",
    )  # fmt: skip


def _error_curve(phase: Phase, name: str) -> Markup:
    errors = [(e.epoch, e.val_error or 0.0) for e in phase.epochs]
    ax = axes(WIDE, 230)
    epoch, best = min(errors, key=lambda point: (point[1], point[0]))
    epochs = [e.epoch for e in phase.epochs]
    ax.plot(epochs, [value for _, value in errors], color=ACCENT, lw=2.0)
    ax.plot([epoch], [best], "o", color=ACCENT, ms=8, mec=PAPER, mew=1.5)
    _by_epoch(ax, epochs)
    return chart_svg(
        ax, f"accuracy-{name}",
        f"Mean error on validation over {len(epochs)} epochs of {phase.name}, least "
        f"{best:.3g} in epoch {epoch}",
    )  # fmt: skip


def reliability_chart(bins: Sequence[Bin]) -> Markup:
    """Accuracy against confidence, bin by bin, above how many answers each bin holds."""
    drawn = figure(WIDE, 360)
    top, bottom = drawn.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    top.plot([0, 100], [0, 100], color=QUIET, lw=1.5, ls=(0, (4, 4)))
    total = sum(bin_.accuracy.samples for bin_ in bins)
    middles = [bin_.confidence * 100 for bin_ in bins]
    for x, bin_ in zip(middles, bins, strict=True):
        score = bin_.accuracy
        top.plot([x, x], [score.low * 100, score.high * 100], color=ACCENT, lw=2.5, alpha=0.3)
        # A bin with few answers says little, and looks it.
        size = 5.0 + 6.0 * (score.samples / total) ** 0.5
        top.plot([x], [score.value * 100], "o", color=ACCENT, ms=size, mec=PAPER, mew=1.0)
    top.set(xlim=(-2, 102), ylim=(-3, 105), ylabel="answered right")
    top.grid(True)
    top.spines["bottom"].set_visible(False)
    for bin_ in bins:
        left, width = bin_.low * 100, (bin_.high - bin_.low) * 100
        bottom.bar(left, bin_.accuracy.samples, width * 0.9, align="edge", color=QUIET)
    bottom.set(xlabel="confidence", ylabel="images")
    bottom.set_yscale("symlog", linthresh=1)
    bottom.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    bottom.tick_params(which="minor", length=0)
    for ax, axis in ((top, top.yaxis), (bottom, bottom.xaxis)):
        axis.set_major_formatter(PercentTicks())
        ax.tick_params(labelbottom=ax is bottom)
    said = ", ".join(
        f"{words.percent(b.confidence)} confident and {words.percent(b.accuracy.value)} right"
        for b in bins
    )
    return inline_svg(drawn, "reliability", f"Reliability by bin of confidence: {said}")


def _by_epoch(ax: Axes, epochs: Sequence[int]) -> None:
    ax.set_xlabel("epoch")
    ax.yaxis.grid(True)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.margins(x=0.03, y=0.12)
    if len(epochs) == 1:
        ax.set_xlim(epochs[0] - 1, epochs[0] + 1)


def _emphasis(rung: NetworkRow) -> str:
    """The network that ships is the one in colour."""
    return ACCENT if rung.chosen else QUIET
