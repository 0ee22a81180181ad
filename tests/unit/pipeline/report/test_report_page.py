"""The report's page: its sections, and numbers that are those of the run."""

import base64
import dataclasses
import hashlib
import re
from pathlib import Path

import matplotlib
import msgspec
import numpy as np
import pytest
from support.learned_digits import on_test
from support.pages import Page
from support.scores import accuracy_of

from edge_agent.tasks.classify.decode import classify
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.checkpoints.history import best_epoch
from pipeline.data.classes import NearPair
from pipeline.measure.evaluate import accuracy
from pipeline.measure.gates import Gate
from pipeline.report import page as report_page
from pipeline.report import words
from pipeline.report.data import Phase
from pipeline.report.metrics import calibration_error, reliability, worst_mistakes
from pipeline.tasks.classify.report.contents import ClassReport
from pipeline.tasks.classify.report.sections import MISTAKES, class_page


def render(data: ClassReport) -> str:
    """The whole page of `data`."""
    return report_page.render(class_page(data))


def write(data: ClassReport, path: Path) -> None:
    """The page of `data` as a file."""
    report_page.write(class_page(data), path)


@pytest.fixture(scope="module")
def html(report_data: ClassReport) -> str:
    """The report of the small problem."""
    return render(report_data)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    """The same, parsed."""
    return Page(html)


def test_the_headline_is_the_int8_networks(page: Page, report_data: ClassReport) -> None:
    """Accuracy, its interval, the change from the trained one, size and MACs are the rungs'."""
    first, last = report_data.rungs[0], report_data.rungs[-1]
    for part in (
        "digits",
        "✓ Verified",
        "2 of 2 gates hold",
        f"answers {words.percent(on_test(last).value)} of 697 held-out images",
        f"interval {words.interval(on_test(last))}",
        words.points(on_test(last).value - on_test(first).value),
        "6.12\u202fkB 3.8\u00d7 smaller",
        "121\u202fk 2.1\u00d7 fewer",
        "0.018\u202fms on a CPU",
        "2026-11-21 10:32 UTC",
    ):
        assert part in page.text


def test_every_part_of_the_run_is_there(page: Page, report_data: ClassReport) -> None:
    """Each section is present, and each link of the page leads to one of them."""
    sections = [attrs["id"] for attrs in page.every("section")]
    assert sections == [
        "ladder", "gates", "training", "answers", "mistakes", "attention", "golden", "data",
        "recipe",
    ]  # fmt: skip
    links = [attrs["href"] for attrs in page.every("a")]
    assert links == [f"#{name}" for name in sections]
    for part in (
        "not measured", "at least 90.0 %", "12 epochs", "Most frequent mix-ups",
        "Expected calibration error", "within 4 quanta", "3 copies of a picture",
        "1 file could not be read and was left out", "digits/broken.png: cannot be decoded",
        'kind = "digits" # embedded in scikit-learn', "0" * 64,
    ):  # fmt: skip
        assert part in page.text


def test_the_worst_mistakes_are_shown_with_their_names(
    page: Page, html: str, report_data: ClassReport
) -> None:
    """As many cards as there are wrong answers, up to the limit, each naming its image."""
    wrong = report_data.scores_int8.argmax(axis=1) != report_data.test.labels
    assert wrong.sum() > 0
    cards = [a for a in page.every("li") if a.get("class") == "card" and "title" in a]
    assert len(cards) == min(int(wrong.sum()), MISTAKES)
    ids = {report_data.test.ids[i] for i in np.flatnonzero(wrong)}
    assert {card["title"] for card in cards} <= ids


def test_golden_frames_are_shown_with_the_answer_expected(
    page: Page, report_data: ClassReport
) -> None:
    """Answer and confidence come from the raw output as a device decodes it."""
    golden = page.text[page.text.index("Golden frames Real") :]
    spec = ClassifySpec(labels=report_data.labels, temperature=report_data.temperature)
    for frame in report_data.golden:
        expected = classify(report_data.golden_port.real(frame.outputs[0]), spec)
        assert f" {expected.label} {words.percent(expected.confidence)} " in golden
    bars = [attrs["title"] for attrs in page.every("i") if attrs.get("class") == "top"]
    outputs = [frame.outputs[0][0] for frame in report_data.golden]
    assert bars == [f"{report_data.labels[o.argmax()]}: {o.max()}" for o in outputs]


def test_the_calibration_is_the_int8_networks_with_its_temperature(
    page: Page, report_data: ClassReport
) -> None:
    """Both errors are said, with and without the temperature, and which is which."""
    truth = report_data.test.labels
    fitted, plain = (
        words.percent(calibration_error(reliability(report_data.scores_int8, truth, t)))
        for t in (report_data.temperature, 1.0)
    )
    assert fitted != plain
    assert f"calibration error {fitted} with the temperature" in page.text
    assert f"({plain} without it)" in page.text


def test_a_mistake_says_what_the_network_before_int8_answered(report_data: ClassReport) -> None:
    """The reader sees whether quantisation is to blame for a wrong answer."""
    scores, truth = report_data.scores_float.copy(), report_data.test.labels
    first, second, *_ = worst_mistakes(
        report_data.scores_int8, truth, report_data.temperature, MISTAKES
    )
    other = ({*range(10)} - {second.truth, second.answer}).pop()
    scores[first.index, first.truth] = scores[second.index, other] = 99
    text = Page(render(dataclasses.replace(report_data, scores_float=scores))).text
    assert text.count("pruned was right") == 1
    assert f"pruned says {report_data.labels[other]}" in text


def test_learning_says_how_long_and_which_epoch_was_best(
    page: Page, report_data: ClassReport
) -> None:
    """The seconds are the sum of all epochs; the best is the one a training would keep."""
    epochs = report_data.phases[0].epochs
    best = best_epoch(epochs)
    assert best.val_accuracy is not None
    assert best.val_accuracy == max(e.val_accuracy or 0 for e in epochs)
    assert f"12 epochs in {words.seconds(sum(e.seconds for e in epochs))};" in page.text
    assert f"best {words.percent(best.val_accuracy)} in epoch {best.epoch}" in page.text


def test_the_first_of_equally_good_epochs_is_the_best(report_data: ClassReport) -> None:
    """A plateau's first epoch is named, as the one a run would keep."""
    epochs = tuple(
        msgspec.structs.replace(e, val_accuracy=0.9, val_loss=0.3)
        for e in report_data.phases[0].epochs
    )
    data = dataclasses.replace(report_data, phases=(Phase("training", epochs),))
    assert "best 90.0\u202f% in epoch 1 " in Page(render(data)).text


def test_each_layer_says_how_many_maps_it_has(page: Page, report_data: ClassReport) -> None:
    """Name, number and size stand below the strip, width before height."""
    for item in report_data.attention:
        for name, maps in item.maps:
            count, height, width = maps.shape
            assert f"{name} {count} maps of {width}\u202f\u00d7\u202f{height}" in page.text


def test_near_copies_are_shown_in_pairs(report_data: ClassReport, page: Page) -> None:
    """Both pictures with their names and classes, those of two classes marked; none, no word."""
    test, labels = report_data.test, report_data.labels
    same, other = np.flatnonzero(test.labels == test.labels[0])[1], 0
    clash = int(np.flatnonzero(test.labels != test.labels[0])[0])
    pairs = tuple(NearPair(test.select([other, int(n)]), 0.97) for n in (clash, same))
    data = dataclasses.replace(report_data.data, pairs=pairs)
    shown = Page(render(dataclasses.replace(report_data, data=data)))
    names = labels[int(test.labels[0])], labels[int(test.labels[clash])]
    assert (
        f"{names[0]} and {names[1]} 97.0\u202f% alike {test.ids[0]}, {test.ids[clash]}"
        in shown.text
    )
    assert f"{names[0]} 97.0\u202f% alike {test.ids[0]}, {test.ids[same]}" in shown.text
    assert "Near copies" in shown.text
    assert "Near copies" not in page.text


def test_nothing_is_fetched(page: Page, html: str) -> None:
    """No address but data URIs and the page's own; the page's policy forbids the rest."""
    for _, attrs in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            value = attrs.get(name)
            assert value is None or value.startswith(("data:image/", "#")), value
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    policy = next(a["content"] or "" for a in page.every("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_the_script_is_the_one_the_policy_allows(html: str) -> None:
    """The policy names the hash of the only script; a browser would block another."""
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


def test_the_ladder_names_every_measurement(page: Page, report_data: ClassReport) -> None:
    """Each rung's row holds its own numbers, a dash where there are none."""
    for rung in report_data.rungs:
        lost, expected = rung.drop, rung.expected_drop
        row = (
            rung.name + (" ships" if rung.chosen else ""), words.percent(on_test(rung).value),
            words.interval(on_test(rung)), words.percent(rung.validation.value),
            "\u2013" if lost is None else words.lost(lost),
            "\u2013" if expected is None else f"✓ {words.lost(expected)}",
            words.count(rung.macs), words.count(rung.parameters), words.size(rung.size_bytes),
            "\u2013" if rung.latency_ms is None else words.milliseconds(rung.latency_ms),
        )  # fmt: skip
        assert " ".join(row) in page.text
    assert "Latency is the median of one inference: a CPU." in page.text
    assert "200 validation images: the cheapest way first, until it was expected" in page.text
    assert "to cost at most 0.25\u202fpoints." in page.text
    assert "in grey" not in page.text


@pytest.fixture(scope="module")
def climbed(report_data: ClassReport) -> ClassReport:
    """The page of a run that tried two other ways before the one that ships."""
    last = report_data.rungs[-1]
    tried = [
        msgspec.structs.replace(
            last, name=name, test=None, chosen=False, met=False, kept=kept,
            validation=accuracy_of(160, 200), drop=0.08, expected_drop=0.0725,
        )
        for name, kept in (("plain", True), ("equalised", False))
    ]  # fmt: skip
    return dataclasses.replace(report_data, rungs=(*report_data.rungs[:2], *tried, last))


def test_every_remedy_that_was_tried_is_shown(climbed: ClassReport) -> None:
    """With what it did on validation; nobody asked the test split about it."""
    page = Page(render(climbed))
    for name in ("plain", "equalised"):
        assert f"{name} \u2013 \u2013 80.0\u202f% 8.00 ✗ 7.25 121\u202fk" in page.text
    classes = [attrs.get("class") for attrs in page.every("tr") if "class" in attrs]
    assert [name for name in classes if name] == ["passed", "chosen"]
    assert "Nothing was built on what is in grey" in page.text


def test_what_ships_is_the_headline_wherever_it_stands(
    climbed: ClassReport, report_data: ClassReport
) -> None:
    """A rung after it that was no better changes nothing above the table."""
    rungs = (*climbed.rungs[:2], climbed.rungs[-1], *climbed.rungs[2:4])
    text = Page(render(dataclasses.replace(climbed, rungs=rungs))).text
    assert f"answers {words.percent(on_test(report_data.shipped).value)} of 697" in text


def test_without_a_goal_there_is_no_word_of_one(report_data: ClassReport) -> None:
    """No remedies, no line in the picture; what was expected stands without a verdict."""
    rungs = (*report_data.rungs[:2], msgspec.structs.replace(report_data.rungs[2], met=None))
    html = render(dataclasses.replace(report_data, goal=None, rungs=rungs))
    text = Page(html).text
    assert "validation images" not in text
    assert "aimed for" not in text
    assert f" {words.lost(0.01)} {words.lost(0.0012)} " in text
    assert "stroke-dasharray: 6" not in html[html.index("ladder-accuracy") : html.index("MACs")]


def test_pictures_and_charts_say_what_they_show(page: Page) -> None:
    """Every image has an alternative text, every chart a description."""
    assert all("alt" in attrs for attrs in page.every("img"))
    charts = page.every("svg")
    assert len(charts) == 11
    assert all(attrs["role"] == "img" and len(attrs["aria-label"] or "") > 20 for attrs in charts)


def test_identifiers_are_unique_and_references_lead_somewhere(page: Page, html: str) -> None:
    """Eleven charts share one page without taking each other's clip paths or markers."""
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', html)) <= set(ids)


def test_charts_take_their_colours_from_the_page(html: str) -> None:
    """No marker colour is left, and each variable used is one the style defines."""
    assert "#00000" not in html
    defined = set(re.findall(r"(--[a-z-]+):", html))
    assert set(re.findall(r"var\((--[a-z-]+)\)", html)) <= defined


def test_the_same_data_gives_the_same_text(report_data: ClassReport, html: str) -> None:
    """Neither a date nor an address of memory gets in, whatever Matplotlib's settings are."""
    with matplotlib.rc_context({"svg.hashsalt": None, "font.size": 30, "lines.linewidth": 9}):
        assert render(report_data) == html


def test_matplotlib_is_left_as_it_was(report_data: ClassReport) -> None:
    """A host program's own charts keep their style."""
    before = dict(matplotlib.rcParams)
    render(report_data)
    assert dict(matplotlib.rcParams) == before


def test_the_file_stays_small(html: str) -> None:
    """Ten classes of small images fit well below three megabytes."""
    assert len(html.encode()) < 600_000


def test_names_are_text_not_markup(report_data: ClassReport) -> None:
    """Labels, notes and recipe of the user's own making cannot become HTML or mathematics."""
    evil = '<script>alert("1")</script>'
    labels = (evil, "$x_1$", "类别", "R&D", *report_data.labels[4:])
    data = dataclasses.replace(report_data, name="a&b", labels=labels, recipe_text=f"# {evil}")
    html = render(data)
    page = Page(html)
    assert html.count("<script>") == 1
    assert page.text.count(evil) >= 5
    assert "&lt;script&gt;alert" in html
    assert "$x_1$" in page.text
    assert "类别" in page.text


def test_a_failed_gate_is_the_verdict(report_data: ClassReport) -> None:
    """The headline says that the bundle is not verified, and which gate it was."""
    gate = Gate("latency", "at most 1 ms", "2 ms", holds=False)
    text = Page(render(dataclasses.replace(report_data, gates=(*report_data.gates, gate)))).text
    assert "✗ Not verified" in text
    assert "2 of 3 gates hold; failed: latency; no bundle was written" in text
    assert "✓ Verified" not in text


def test_what_was_not_done_is_left_out(report_data: ClassReport) -> None:
    """No gates, curves, attention or golden frames: no empty sections, no dead links."""
    bare = dataclasses.replace(
        report_data, gates=(), phases=(), attention=(), golden=(), versions={}, hashes={}
    )
    page = Page(render(bare))
    sections = [attrs["id"] for attrs in page.every("section")]
    assert sections == ["ladder", "answers", "mistakes", "data", "recipe"]
    assert [attrs["href"] for attrs in page.every("a")] == [f"#{name}" for name in sections]
    assert "no gate was demanded, so none could fail" in page.text
    assert "Verified" not in page.text
    classes = [attrs.get("class") or "" for attrs in page.every("p")]
    assert [name for name in classes if "verdict" in name] == ["verdict neutral"]


def test_a_perfect_network_has_no_mistakes_to_show(report_data: ClassReport) -> None:
    """The section says so instead of being empty, and 100 % is said as such."""
    perfect = np.eye(10, dtype=np.float32)[report_data.test.labels] * 9
    last = msgspec.structs.replace(
        report_data.rungs[-1], test=accuracy(perfect, report_data.test.labels)
    )
    data = dataclasses.replace(
        report_data, scores_int8=perfect, rungs=(*report_data.rungs[:-1], last)
    )
    text = Page(render(data)).text
    assert "None: every one of the 697 held-out images was answered right." in text
    assert "100.0\u202f%" in text
    assert "Most frequent mix-ups" not in text


def test_one_epoch_is_a_phase_too(report_data: ClassReport) -> None:
    """A run of a single epoch has its own charts."""
    phase = Phase("fine-tuning", report_data.phases[0].epochs[:1])
    text = Page(render(dataclasses.replace(report_data, phases=(phase,)))).text
    assert "1 epoch in" in text
    assert "Fine-tuning" in text


def test_writing_is_whole_or_not_at_all(
    report_data: ClassReport, html: str, tmp_path: Path
) -> None:
    """A report that cannot be made leaves the older one, and nothing beside it."""
    path = tmp_path / "run" / "report.html"
    write(report_data, path)
    assert path.read_text("utf-8") == html
    with pytest.raises(ValueError, match="Invalid isoformat"):
        write(dataclasses.replace(report_data, created="yesterday"), path)
    assert path.read_text("utf-8") == html
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
