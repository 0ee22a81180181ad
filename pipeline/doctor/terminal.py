"""The findings for a terminal: a table of every layer, the culprits, and what helps."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edge_agent.common.errors import printable
from pipeline.doctor.findings import Findings, gained
from pipeline.doctor.settings import flags, toml
from pipeline.report.words import lost, scored
from quantization.doctor import Layer
from quantization.doctor.words import advice, number, price, reason, share, title

# An SNR of 60 dB fills its bar: a value with 10 bits.
FULL_DB = 60.0
EIGHTHS = " ▏▎▍▌▋▊▉█"
# Narrower than this there is no room for ranges and shapes.
WIDE = 120
# What a narrow table has for an operator, and for a culprit's number and kind.
OPERATOR, CULPRIT = 9, 16
# As many culprits are explained; the page has them all.
EXPLAINED = 5
LEGEND = (
    "SNR: the value over its error with all before it in int8, too. Alone: the output over its "
    "error with that layer alone in int8, in dB, and its share of all layers' errors."
)
NOTHING = "-"


def show(findings: Findings, console: Console) -> None:
    """Print everything."""
    for part in _parts(findings, wide=console.width >= WIDE):
        console.print(part)


def _parts(findings: Findings, *, wide: bool) -> Iterator[RenderableType]:
    yield _layers(findings, wide=wide)
    yield Text(LEGEND, style="dim")
    yield Text()
    yield Text(printable(headline(findings)), style="bold")
    culprits = findings.diagnosis.culprits
    for number_, culprit in enumerate(culprits[:EXPLAINED], start=1):
        operators = ", ".join(culprit.operators)
        yield Text()
        yield Text.assemble(
            (printable(f"{number_} {culprit.layer}"), "bold yellow"),
            printable(f" ({operators}): "),
            (printable(title(culprit)), "yellow"),
        )
        text = f"{reason(culprit)} {price(culprit)} What helps: {advice(culprit)}."
        yield Padding(Text(printable(text)), (0, 0, 0, 2))
    for number_, culprit in enumerate(culprits[EXPLAINED:], start=EXPLAINED + 1):
        yield Text(printable(f"{number_} {culprit.layer}: {title(culprit)}"), style="yellow")
    if findings.trials:
        yield _trials(findings)
    if findings.ladder is not None:
        yield _ladder(findings)
    yield from _done(findings)


def headline(findings: Findings) -> str:
    """The output's error, and how many culprits there are."""
    diagnosis = findings.diagnosis
    culprits = len(diagnosis.culprits)
    blame = "no culprit" if not culprits else f"{culprits} culprit{'s' if culprits > 1 else ''}"
    return (
        f"{findings.name}: output {decibels(diagnosis.output_db)} over its int8 error, "
        f"on {diagnosis.samples} samples; {blame}"
    )


def decibels(value: float | None) -> str:
    """`13.2 dB`; `exact` where there is no error."""
    return "exact" if value is None else f"{value:.1f} dB"


def _layers(findings: Findings, *, wide: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("layer", no_wrap=True, overflow="ellipsis", min_width=8)
    table.add_column(
        "operator", no_wrap=True, overflow="ellipsis", max_width=None if wide else OPERATOR
    )
    if wide:
        table.add_column("shape", no_wrap=True)
        table.add_column("covers", no_wrap=True, justify="right")
    bar = 12 if wide else 5
    table.add_column("SNR dB", no_wrap=True, justify="right")
    table.add_column("", no_wrap=True, width=bar)
    table.add_column("alone", no_wrap=True, justify="right")
    table.add_column("share", no_wrap=True, justify="right", min_width=6)
    table.add_column("", no_wrap=True, width=bar)
    table.add_column("culprit", no_wrap=not wide, min_width=CULPRIT)
    most = max(layer.share for layer in findings.diagnosis.layers) or 1.0
    for layer in findings.diagnosis.layers:
        table.add_row(*_row(findings, layer, most, bar, wide=wide))
    return table


def _row(
    findings: Findings, layer: Layer, most: float, bar: int, *, wide: bool
) -> Iterator[RenderableType]:
    blamed = findings.blamed(layer)
    style = "yellow" if blamed else ""
    yield Text(printable(layer.name), style=f"bold {style}" if blamed else "")
    yield Text(printable("+".join(layer.operators)))
    if wide:
        yield "x".join(map(str, layer.shape))
        covers = layer.covers
        yield "float" if covers is None else f"{number(covers.low)} … {number(covers.high)}"
    yield "exact" if layer.snr_db is None else f"{layer.snr_db:.1f}"
    yield Text(_bar(1.0 if layer.snr_db is None else layer.snr_db / FULL_DB, bar), style="blue")
    yield NOTHING if layer.alone_db is None else f"{layer.alone_db:.1f}"
    yield share(layer.share) if layer.share else NOTHING
    yield Text(_bar(layer.share / most, bar), style=style or "blue")
    names = [title(culprit) if wide else culprit.kind.value for _, culprit in blamed]
    numbered = zip(blamed, names, strict=True)
    yield Text("\n".join(printable(f"{n} {name}") for (n, _), name in numbered), style="yellow")


def _trials(findings: Findings) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("what helps")
    table.add_column("output", no_wrap=True, justify="right")
    table.add_column("better by", no_wrap=True, justify="right")
    table.add_column("edgeward convert …", style="dim", overflow="fold")
    before = findings.diagnosis.output_db
    table.add_row("as it is", decibels(before), "", flags(findings.recipe))
    for trial in findings.trials:
        gain = f"{gained(before, trial.output_db):+.1f} dB"
        found = ("refused", "") if trial.refused else (decibels(trial.output_db), gain)
        style = "bold green" if trial == findings.best else ""
        table.add_row(
            Text(printable(trial.name)), *found, Text(printable(flags(trial.recipe))), style=style
        )
    return table


def _ladder(findings: Findings) -> Table:
    assert findings.ladder is not None, "asked for by whoever has one"
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("what was done")
    for name in ("validation", "drop, points", "expected drop"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("")
    table.add_row(findings.before, scored(findings.ladder.float_score), "", "", "")
    for rung in findings.ladder.rungs:
        chosen = rung == findings.ladder.chosen
        table.add_row(
            rung.name, scored(rung.figures.score), lost(rung.figures.drop, rung.figures.score),
            lost(rung.figures.expected_drop, rung.figures.score),
            "chosen" if chosen else "" if rung.kept else "not kept",
            style="bold" if chosen else "",
        )  # fmt: skip
    return table


def _done(findings: Findings) -> Iterator[Text]:
    if findings.is_run:
        yield Text(printable(f"quantised with {toml(findings.recipe)}"))
    if findings.metrics is not None:
        yield Text(
            f"on the test split: {findings.before} "
            f"{scored(findings.metrics.float_score)}, "
            f"int8 {scored(findings.metrics.int8_score)}"
        )
    if findings.brought:
        yield Text("The file brings its scales: they are what was examined, and nothing was tried.")


def _bar(part: float, cells: int) -> str:
    """A bar of so many cells, in eighths of one."""
    eighths = round(max(0.0, min(1.0, part)) * cells * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")
