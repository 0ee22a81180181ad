"""A comparison as a page, as a table in the terminal, as CSV and as JSON."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from support.pages import Page

from pipeline.compare.comparison import Comparison, grouped
from pipeline.compare.figures import ComparedRun, TestIdentity
from pipeline.compare.page import render
from pipeline.compare.publish import publish
from pipeline.compare.sheet import comparison_csv, comparison_json
from pipeline.compare.terminal import show
from pipeline.measure.gates import Gate
from pipeline.report.data import Phase

PHOTOS = TestIdentity("classify", "photos", "cats, dogs", ("a", "b", "c"))
FAILED = Gate("size", "at most 50.00 kB", "100.00 kB", holds=False)

MakeRun = Callable[..., ComparedRun]


@pytest.fixture(name="several")
def _several(make_run: MakeRun) -> Comparison:
    """A best one, a small one that is as good, a refused one and one under way."""
    runs = [
        make_run("big", 0.95, 400_000, recipe={"model.arch": "resnet20"}),
        make_run("slim", 0.93, 30_000),
        make_run("refused", 0.9, 100_000, state="refused", gates=(FAILED,)),
        make_run("begun", None, state="unfinished", waits_for="train", best_epoch=1, epochs=1),
    ]
    return Comparison(tuple(grouped(runs)))


def printed(comparison: Comparison, width: int) -> str:
    """What a terminal of `width` cells shows."""
    stream = StringIO()
    show(comparison, Console(file=stream, highlight=False, width=width))
    return stream.getvalue()


def test_the_page_shows_every_run_and_what_follows(several: Comparison) -> None:
    """The verdict, every figure, the gate that does not hold, and the keys that differ."""
    text = Page(render(several, "photos, 4 runs", "2026-12-01 10:00 UTC")).text
    for part in (
        "photos, 4 runs", "Best: big, 95.0 % [93.0, 97.0].", "slim smallest as good",
        "photos: classify, 3 test images", "resnet8, 96\u00d764, from scratch", "refused: size",
        "unfinished: train, 1 epoch so far", "at most 50.00 kB", "model.arch", "2 of 3",
        "1\u202fmin 15\u202fs", "a processor, 1 thread",
    ):  # fmt: skip
        assert part in text


def test_the_page_stands_alone(several: Comparison) -> None:
    """One file: nothing is fetched, and its script is the one its policy allows."""
    html = render(several, "x", "now")
    assert not re.search(r'(?:src|href)="(?!#)', html)
    assert html.count("<script>") == 1
    assert "default-src 'none'" in html


def test_every_run_has_its_curve_and_every_scored_one_its_dot(several: Comparison) -> None:
    """In words, too, for those who do not see them."""
    labels = [svg["aria-label"] or "" for svg in Page(render(several, "x", "now")).every("svg")]
    over_size, over_latency, accuracy, loss = labels
    for name in ("big", "slim", "refused"):
        assert f"{name} " in over_size
        assert f"{name} " in over_latency
    assert "begun" not in over_size
    for name in ("big", "slim", "refused", "begun"):
        assert f"{name} " in accuracy
        assert f"{name} " in loss


def test_many_runs_have_lines_that_differ(make_run: MakeRun) -> None:
    """From the sixth on another dash: as many styles as runs."""
    runs = [make_run(f"run{n}", 0.9 - n / 100) for n in range(12)]
    html = render(Comparison(tuple(grouped(runs))), "x", "now")
    curves = html.partition('aria-label="training: accuracy')[2].partition("</svg>")[0]
    styles = re.findall(r'style="fill: none; (stroke[^"]*stroke-width: 1\.8[^"]*)"', curves)
    assert len(styles) == 12
    assert len(set(styles)) == 12


def test_names_of_dots_that_lie_close_stand_apart(make_run: MakeRun) -> None:
    """Two of the same score, a little apart in size: one name goes above the other one's line."""
    runs = [make_run("nearby", 0.9, 20_000), make_run("closeby", 0.9, 22_000), make_run("z", 0.8)]
    html = render(Comparison(tuple(grouped(runs))), "x", "now")
    chart = html.partition('aria-label="Accuracy over size')[2].partition("</svg>")[0]
    heights = dict.fromkeys(("nearby", "closeby"), 0.0)
    for name in heights:
        (text,) = re.findall(rf"<text ([^>]*)>{name}</text>", chart)
        (heights[name],) = (float(y) for y in re.findall(r'\by="([\d.]+)"', text))
    assert abs(heights["nearby"] - heights["closeby"]) > 10


def test_one_run_has_no_chart_of_costs(make_run: MakeRun) -> None:
    """A dot alone compares nothing, and recipes differ from others only."""
    page = Page(render(Comparison(tuple(grouped([make_run("one")]))), "x", "now"))
    assert [a["id"] for tag, a in page.tags if tag == "section"] == ["runs-1", "curves-1"]


def test_runs_that_cannot_be_compared_are_in_tables_of_their_own(make_run: MakeRun) -> None:
    """With the word that says why, on the page and in the terminal."""
    other = make_run("other", identity=replace(PHOTOS, images=("d",)))
    apart = Comparison(tuple(grouped([make_run("one"), make_run("two"), other])))
    page = Page(render(apart, "x", "now"))
    assert len(page.every("thead")) == 2  # the recipes of the first do not differ
    assert "tested on different pictures" in page.text
    assert "tested on different pictures" in printed(apart, 80)


def test_names_are_text_not_markup(make_run: MakeRun) -> None:
    """A folder may be called anything."""
    html = render(Comparison(tuple(grouped([make_run("<b>x</b>"), make_run("y")]))), "x", "now")
    assert "<b>x</b>" not in html


def test_a_narrow_terminal_has_what_matters(several: Comparison) -> None:
    """No line is longer than 80 cells; a wide one has every column."""
    narrow, wide = printed(several, 80), printed(several, 160)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "95.0 % [93.0, 97.0]" in narrow
    assert "parameters" not in narrow
    assert "slim, 30.0 kB, 13.3\u00d7 smaller" in narrow
    for column in ("network", "trained", "parameters", "best epoch", "gates"):
        assert column in wide
    assert "refused: refused: size" in narrow
    assert "model.arch: resnet20 (big), resnet8 (slim, refused, begun)" in wide


def test_the_csv_has_a_row_for_each_run(several: Comparison) -> None:
    """Figures with all their digits; what is not known is empty."""
    rows = list(csv.DictReader(StringIO(comparison_csv(several))))
    assert [row["run"] for row in rows] == ["big", "slim", "refused", "begun"]
    assert (rows[0]["int8"], rows[0]["size_bytes"], rows[0]["pruned"]) == ("0.95", "400000", "")
    assert (rows[2]["gates"], rows[2]["gates_held"], rows[2]["failed"]) == ("1", "0", "size")
    assert (rows[3]["int8"], rows[3]["status"]) == ("", "unfinished: train, 1 epoch so far")


def test_the_json_names_what_follows(several: Comparison) -> None:
    """Groups with their runs, the best one, and the smallest that is as good."""
    (group,) = msgspec.json.decode(comparison_json(several))["groups"]
    assert (group["best"], group["smallest_as_good"]) == ("big", "slim")
    assert [run["name"] for run in group["runs"]] == ["big", "slim", "refused", "begun"]
    assert group["differences"][0]["key"] == "model.arch"


def test_files_are_written_where_they_are_asked_for(several: Comparison, tmp_path: Path) -> None:
    """The page and the table; without a wish none is."""
    stream = StringIO()
    page, table = tmp_path / "c.html", tmp_path / "c.csv"
    assert list(publish(several, stream, page=page, csv=table)) == [page, table]
    assert "photos, 4 runs" in page.read_text()
    assert list(publish(several, stream, json=True)) == []


def test_an_error_by_epoch_has_a_chart_of_its_own(make_run: MakeRun) -> None:
    """Runs of numbers have no accuracy to draw."""
    run = make_run("dial")
    (phase,) = run.phases
    epochs = tuple(
        msgspec.structs.replace(epoch, val_accuracy=None, val_error=0.5 / epoch.epoch)
        for epoch in phase.epochs
    )
    numbers = replace(run, phases=(Phase("training", epochs),))
    labels = [
        svg["aria-label"] or ""
        for svg in Page(render(Comparison(tuple(grouped([numbers]))), "x", "now")).every("svg")
    ]
    assert [label.split(" by epoch")[0] for label in labels] == [
        "training: mean error on validation",
        "training: loss on validation",
    ]
