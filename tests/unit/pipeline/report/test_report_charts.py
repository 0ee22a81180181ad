"""The report's charts: what each draws, its axes and its colours."""

import re
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from support.learned_digits import on_test
from support.scores import accuracy_of

from edge_agent.bundle.metrics import Proportion, Score
from pipeline.report import charts, words
from pipeline.report.axes import ROW_LIMIT
from pipeline.report.data import Phase, SplitCounts
from pipeline.report.metrics import confusion
from pipeline.report.svg import chart_style
from pipeline.tasks.classify.report import charts as class_charts
from pipeline.tasks.classify.report.contents import ClassReport


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with chart_style():
        yield


def _texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def _bars(svg: str) -> list[tuple[float, float]]:
    """The left and right end of every bar, in the order they were drawn."""
    boxes = re.findall(r'<path d="M ([\d.]+) [\d.]+\s+L ([\d.]+) [\d.]+[^"]*"[^>]*fill: var', svg)
    return [(float(left), float(right)) for left, right in boxes]


def test_only_the_network_that_ships_is_in_colour(report_data: ClassReport) -> None:
    """Its bar has the accent colour wherever it stands, the others are quiet."""
    rungs = report_data.rungs
    backwards = rungs[::-1]
    svg = charts.ladder_bars("macs", "MACs", backwards, [1.0, 1.0, 2.0], words.count)
    assert re.findall(r"fill: var\(--(accent|quiet)\)", svg) == ["accent", "quiet", "quiet"]
    sizes = [float(r.size_bytes) for r in rungs]
    svg = charts.ladder_bars("size", "Size", rungs, sizes, words.size)
    fills = re.findall(r"fill: var\(--(accent|quiet)\)", svg)
    assert fills == ["quiet", "quiet", "accent"]
    assert [t for t in _texts(svg) if "kB" in t] == [words.size(s) for s in sizes]


def test_bars_are_as_long_as_their_numbers(report_data: ClassReport) -> None:
    """Half the MACs is half the bar: the axis starts at zero."""
    values = [200.0, 100.0, 50.0]
    svg = charts.ladder_bars("macs", "MACs", report_data.rungs, values, words.count)
    lengths = [right - left for left, right in _bars(svg)]
    assert len(lengths) == 3
    assert lengths[0] / lengths[1] == pytest.approx(2, rel=1e-3)
    assert lengths[0] / lengths[2] == pytest.approx(4, rel=1e-3)


def test_a_cost_nobody_measured_is_said_in_words(report_data: ClassReport) -> None:
    """None is not a bar of length zero with a number."""
    svg = charts.ladder_bars(
        "latency", "Latency", report_data.rungs, [0.5, None, 0.25], words.milliseconds
    )
    assert "not measured" in _texts(svg)
    assert "pruned not measured" in svg


def test_the_confusion_map_writes_each_count_once(report_data: ClassReport) -> None:
    """Every cell that is not zero is written, in blue on the diagonal and else in orange."""
    truth = report_data.test.labels
    matrix = confusion(truth, report_data.scores_int8.argmax(axis=1), 10)
    svg = class_charts.confusion_map(matrix, report_data.labels)
    written = sorted(int(t) for t in _texts(svg) if t.isdigit())
    assert written == sorted(int(n) for n in matrix[matrix > 0])
    assert "fill: var(--accent)" in svg
    assert "fill: var(--warm)" in svg


def test_of_many_classes_the_most_mixed_up_are_drawn() -> None:
    """Beyond the limit the classes without mistakes are the ones left out."""
    count = class_charts.MATRIX_LIMIT + 10
    matrix = np.eye(count, dtype=np.int64) * 5
    matrix[np.arange(10, count), np.arange(10, count) - 1] = 2
    svg = class_charts.confusion_map(matrix, [f"class {k}" for k in range(count)])
    named = {t for t in _texts(svg) if t.startswith("class")}
    assert len(named) == class_charts.MATRIX_LIMIT
    assert {f"class {k}" for k in range(10, count - 1)} <= named
    assert "class 3" not in named


def test_of_many_classes_the_weakest_are_drawn() -> None:
    """The chart of accuracies keeps the ones to worry about, weakest first."""
    count = ROW_LIMIT + 5
    names = [f"class {k}" for k in range(count)]
    scores = [Proportion(value=k / count, low=0, high=1, samples=9) for k in range(count)]
    svg = class_charts.class_accuracy_chart(scores[::-1], names[::-1])
    shown = [t for t in _texts(svg) if "class" in t]
    assert shown == names[:ROW_LIMIT]


def test_a_class_without_images_has_no_accuracy_to_draw() -> None:
    """It is left out of the chart rather than drawn at zero."""
    scores = [Proportion(value=0.5, low=0.3, high=0.7, samples=9), None]
    assert "absent" not in class_charts.class_accuracy_chart(scores, ["here", "absent"])


def test_epochs_are_whole_numbers(report_data: ClassReport) -> None:
    """One epoch or twelve, no tick lies between two epochs."""
    phase = report_data.phases[0]
    for epochs in (phase.epochs, phase.epochs[:1], phase.epochs[:2]):
        part = Phase("training", epochs)
        svg = charts.accuracy_curve(part, "0")
        ticks = [t for t in _texts(svg) if t != "epoch" and "%" not in t]
        assert ticks
        assert all(t.isdigit() for t in ticks), ticks


def test_loss_is_logarithmic_only_when_it_falls_far(report_data: ClassReport) -> None:
    """A fall from 2.0 to 0.01 needs the logarithm; one from 2.0 to 1.0 does not."""
    first = report_data.phases[0].epochs[0]
    for last, logarithmic in ((0.01, True), (1.0, False)):
        epochs = [
            msgspec.structs.replace(first, epoch=n, train_loss=loss, val_loss=loss)
            for n, loss in enumerate((2.0, last), start=1)
        ]
        ticks = _texts(charts.loss_curves(Phase("training", tuple(epochs)), "0"))
        assert ("0.1" in ticks) == logarithmic, ticks


def test_the_ladder_shows_validation_everywhere_and_test_where_it_was_asked(
    report_data: ClassReport,
) -> None:
    """Each rung has its ring; only what was tested has a dot, whose number is the one written."""
    tried = msgspec.structs.replace(
        report_data.rungs[-1],
        name="tried",
        test=None,
        chosen=False,
        validation=accuracy_of(150, 200),
    )
    rungs = (*report_data.rungs, tried)
    svg = charts.ladder_scores(rungs, None)
    for rung in report_data.rungs:
        assert words.percent(on_test(rung).value) in _texts(svg)
    assert words.percent(0.75) in _texts(svg)
    assert f"int8 87.0\u202f% on validation, {words.percent(on_test(rungs[2]).value)} (" in svg
    assert (
        "tried 75.0\u202f% on validation&#34;" in svg or 'tried 75.0\u202f% on validation"' in svg
    )


def test_what_is_aimed_for_is_a_dashed_line(report_data: ClassReport) -> None:
    """Where nothing is aimed for there is none."""
    dashed = "stroke-dasharray: 6"
    assert dashed in charts.ladder_scores(report_data.rungs, 0.87)
    assert dashed not in charts.ladder_scores(report_data.rungs, None)


def test_percent_ticks_have_the_decimals_they_need(report_data: ClassReport) -> None:
    """Ticks 0.2 points apart show one decimal, ticks 5 points apart none."""
    for low, high, decimals in ((0.990, 0.998, 1), (0.7, 0.95, 0)):
        score = Score(metric="accuracy", value=(low + high) / 2, low=low, high=high, samples=697)
        rungs = [
            msgspec.structs.replace(r, test=score, validation=score) for r in report_data.rungs
        ]
        ticks = [
            t.split("\u202f")[0]
            for t in _texts(charts.ladder_scores(rungs, None))
            if t.endswith("%") and t != words.percent(score.value)
        ]
        assert len(ticks) >= 2
        assert {len(t.partition(".")[2]) for t in ticks} == {decimals}


def test_class_counts_stack_the_splits() -> None:
    """Each class has one bar with a part per split, in the splits' colours."""
    splits = [SplitCounts(n, (4, 2)) for n in ("train", "val", "calibration", "test")]
    svg = class_charts.class_counts(splits, ["a", "b"])
    fills = re.findall(r"fill: var\(--(accent|second|third|quiet)\)", svg)
    assert fills == ["accent"] * 2 + ["second"] * 2 + ["third"] * 2 + ["quiet"] * 2
    assert "from 8 to 16" in svg
    bars = _bars(svg)  # split by split, the two classes of each
    for part in (0, 1):
        ends = bars[part::2]
        assert [left for left, _ in ends[1:]] == pytest.approx([right for _, right in ends[:-1]])


def test_long_names_are_cut_not_squeezed() -> None:
    """A long class name ends in an ellipsis, and the chart keeps its width."""
    scores = [Proportion(value=0.5, low=0.3, high=0.7, samples=9)]
    svg = class_charts.class_accuracy_chart(scores, ["a very long name of a class"])
    assert "a very long name …" in _texts(svg)
    assert 'viewBox="0 0 460 ' in svg


def test_a_name_between_dollars_is_no_mathematics() -> None:
    """`$x_1$` is what the class is called, not a formula."""
    scores = [Proportion(value=0.5, low=0.3, high=0.7, samples=9)]
    assert "$x_1$" in _texts(class_charts.class_accuracy_chart(scores, ["$x_1$"]))
