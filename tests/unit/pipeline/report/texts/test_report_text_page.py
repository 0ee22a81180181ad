"""The report of a reader of texts: what it says, and what no text may do to it."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.pages import Page
from support.scores import exact_of

from edge_agent.tasks.ocr.spec import Promise
from pipeline.checkpoints.history import EpochRecord
from pipeline.report import page as report_page
from pipeline.report import words
from pipeline.report.data import Phase
from pipeline.report.metrics import bins_of, calibration_error
from pipeline.tasks.ocr.measure.readings import read_scores
from pipeline.tasks.ocr.report.contents import TextReport
from pipeline.tasks.ocr.report.sections import shown, text_page

MakeReport = Callable[..., TextReport]
MakePage = Callable[[TextReport], tuple[str, str]]

# Eight of ten are right; the surest of the two wrong ones is less sure than five of the right.
TRUTH = ("Bus", "bus", "17", "42", "stop", "go", "Exit", "7", "no", "on")
FOUND = ("Bus", "bus", "17", "42", "stop", "go", "exit", "7", "no", "own")
NONE = "\u2013"  # what stands where there is no number
SURE = (12.0, 11.0, 10.0, 9.5, 9.0, 4.0, 6.0, 4.5, 5.0, 3.0)


def render(data: TextReport) -> str:
    """The whole page of `data`."""
    return report_page.render(text_page(data))


def write(data: TextReport, path: Path) -> None:
    """The page of `data` as a file."""
    report_page.write(text_page(data), path)


def promising(error: float, coverage: float, threshold: float) -> dict[str, Any]:
    """The part of a spec that says from which confidence on a reading counts, and why."""
    promise = Promise(error=error, coverage=coverage, samples=50)
    return {"min_confidence": threshold, "promise": promise}


@pytest.fixture(name="data", scope="module")
def _data(text_report: MakeReport) -> TextReport:
    return text_report(TRUTH, FOUND, SURE, output=promising(0.1, 0.55, 0.5))


@pytest.fixture(name="html", scope="module")
def _html(data: TextReport) -> str:
    return render(data)


@pytest.fixture(name="page", scope="module")
def _page(html: str) -> Page:
    return Page(html)


@pytest.fixture(name="quick")
def _quick(monkeypatch: pytest.MonkeyPatch) -> MakePage:
    """The HTML of a report and its text, without the charts, which take the most time."""
    for name in ("ladder_scores", "ladder_bars", "reliability_chart", "accuracy_curve"):
        monkeypatch.setattr(f"pipeline.report.charts.{name}", lambda *_: "")
    for name in ("coverage_chart", "accuracy_rows", "stacked_rows"):
        monkeypatch.setattr(f"pipeline.tasks.ocr.report.sections.{name}", lambda *_: "")

    def make(data: TextReport) -> tuple[str, str]:
        html = render(data)
        return html, Page(html).text

    return make


def test_the_headline_says_how_much_is_read(page: Page) -> None:
    """Whole readings, of float too, wrong characters, and coverage for two shares of errors."""
    for part in (
        "the int8 network reads 80.0\u202f% of 10 held-out images without any error",
        "Exact: trained 100.0\u202f%, int8 80.0\u202f%. Characters wrong: 8.0\u202f%.",
        "At most 1\u202f% wrong at 50.0\u202f% coverage, 0.1\u202f% at 50.0\u202f%.",
        "Exact readings, int8",
        "80.0\u202f% same answers as before quantisation",
    ):
        assert part in page.text


def test_every_part_is_there_and_linked(page: Page) -> None:
    """Each link leads to a section; what was not done is left out."""
    sections = [attrs["id"] for attrs in page.every("section")]
    assert sections == [
        "ladder", "answers", "trust", "mistakes", "characters", "golden", "data", "recipe",
    ]  # fmt: skip
    assert [attrs["href"] for attrs in page.every("a")] == [f"#{name}" for name in sections]
    assert "Attention" not in page.text


def test_trained_and_int8_are_set_side_by_side(page: Page) -> None:
    """Exact and edits, with case and without; `exit` for `Exit` is an error of case."""
    table = page.text[page.text.index("NetworkExact") : page.text.index("When it may")]
    assert "trained 100.0\u202f% 72.2 to 100.0\u202f% 100.0\u202f%" in table
    assert "int8 80.0\u202f% 49.0 to 94.3\u202f% 90.0\u202f% 59.6 to 98.2\u202f%" in table
    assert "8.0\u202f% 4.0\u202f%" in table


def test_case_is_no_matter_where_the_charset_has_one(
    quick: MakePage, text_report: MakeReport
) -> None:
    """Digits have no capital letters: no columns that would say everything twice."""
    text = quick(text_report(("1", "2")))[1]
    assert "case ignored" not in text
    assert "Characters wrong" in text


def test_the_promise_stands_beside_what_it_gave(page: Page, data: TextReport) -> None:
    """Its error and coverage on validation; those of the same threshold on test."""
    accepted = int((data.read.confidence >= 0.5).sum())
    assert accepted == 6
    table = page.text[page.text.index("RuleConfidence") :]
    assert (
        f"Promised, on 50 validation images 0.5 55.0\u202f% {NONE} at most 10\u202f% {NONE}"
        in table
    )
    assert "threshold, on test 0.5 60.0\u202f% 1 of 6 16.67\u202f%" in table
    assert re.search(r"At most 1\u202f% wrong, in hindsight 0\.9\d+ 50\.0\u202f% 0 of 5", table)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (promising(0.2, 0.5, 0.5), "✓ Kept"),
        (promising(0.1, 0.5, 0.5), "More wrong than promised"),
        (promising(0.02, 0.5, 0.5), "✗ Broken"),
        (promising(0.02, 0.5, 1.0), "Nothing accepted"),
    ],
)
def test_whether_a_promise_was_kept(
    quick: MakePage, text_report: MakeReport, output: dict[str, Any], said: str
) -> None:
    """One of six wrong keeps 20 %, may be chance for 10 %, and is not for 2 %."""
    text = quick(text_report(TRUTH, FOUND, SURE, output=output))[1]
    verdicts = ("✓ Kept", "More wrong than promised", "✗ Broken", "Nothing accepted")
    assert [verdict for verdict in verdicts if verdict in text] == [said]


def test_without_a_promise_nothing_is_judged(quick: MakePage, text_report: MakeReport) -> None:
    """No row, no ring, no verdict; and without a threshold every reading is sure."""
    text = quick(text_report(TRUTH, FOUND, SURE))[1]
    assert "romised" not in text
    assert "The bundle has no threshold: every reading is sure." in text
    assert "Not sure" not in text
    assert "Wrong and sure 2" in text


def test_the_calibration_is_said_with_its_temperature_and_without(
    quick: MakePage, text_report: MakeReport
) -> None:
    """Both errors are of whole readings of the int8 network, each at its own temperature."""
    right = np.array([a == b for a, b in zip(TRUTH, FOUND, strict=True)])
    data = text_report(TRUTH, FOUND, SURE, output={"temperature": 2.0})
    errors = []
    for temperature in (2.0, 1.0):
        spec = msgspec.structs.replace(data.spec, temperature=temperature)
        sure = read_scores(data.scores_int8, spec).confidence
        errors.append(words.percent(calibration_error(bins_of(sure, right))))
    assert errors[0] != errors[1]
    text = quick(data)[1]
    assert f"calibration error {errors[0]} with the temperature 2 fitted" in text
    assert f"({errors[1]} without it)" in text


def test_the_dangerous_readings_are_shown_first(page: Page) -> None:
    """Wrong and sure, then what a device would hold, then right and sure; each with its number."""
    text = page.text
    places = [text.index(f"{name} ") for name in ("Wrong and sure 1", "Not sure 4", "Right and")]
    assert places == sorted(places)
    wrong = text[places[0] : places[1]]
    assert re.search(r"exit \d\d\.\d\u202f% in truth Exit trained was right", wrong)
    titles = [a["title"] for a in page.every("li") if a.get("class") == "card" and "title" in a]
    assert len(titles) == 10
    assert titles[0] == "test/6"


def test_the_network_before_int8_is_named_only_where_it_differs(
    quick: MakePage, text_report: MakeReport
) -> None:
    """The same mistake of both networks is not quantisation's."""
    data = text_report(TRUTH, FOUND, SURE)
    same = dataclasses.replace(data, scores_float=data.scores_int8)
    text = quick(same)[1]
    assert "trained reads the same" in text
    assert "trained was right" not in text


def test_what_differs_is_marked(quick: MakePage, html: str, text_report: MakeReport) -> None:
    """Other characters, made up ones and missing ones, each in its own way."""
    assert '<mark class="other">e</mark>xit' in html
    other = quick(text_report(("cat", "12.7"), ("cart", "127")))[0]
    assert 'ca<mark class="extra">r</mark>t' in other
    assert '12<mark class="missing" title="missing: ."></mark>7' in other


def test_mix_ups_of_characters_are_listed(page: Page) -> None:
    """What was read for what: another case, and two characters for one."""
    table = page.text[page.text.index("Most frequent mix-ups") :]
    assert "nothingw1" in table
    assert "Ee1100.0\u202f%" in table


def test_the_data_are_counted(page: Page) -> None:
    """Images, sources and characters of each split, what the reader said; one set is no table."""
    assert "By data set" not in page.text
    assert "train105250 " in page.text
    assert "a note" in page.text
    assert "Seldom in the training images:" in page.text


def test_what_was_drawn_is_said(quick: MakePage, data: TextReport) -> None:
    """The share that no training image was part of."""
    view = dataclasses.replace(data.data, drawn=0.75)
    text = quick(dataclasses.replace(data, data=view))[1]
    assert "75\u202f% of what was learnt from was drawn" in text


def test_sets_are_told_apart(data: TextReport) -> None:
    """Where data sets were joined, how well each of them is read."""
    ids = tuple(f"{'one' if i < 5 else 'two'}/{i}" for i in range(10))
    view = dataclasses.replace(data.data, sets=("one", "two"))
    test = dataclasses.replace(data.test, ids=ids)
    html = render(dataclasses.replace(data, data=view, test=test))
    assert "Exact by data set: one 100.0\u202f%, two 60.0\u202f%" in html
    assert "By data set" in html


def test_the_learning_says_how_many_characters_were_wrong(
    quick: MakePage, data: TextReport
) -> None:
    """The best epoch's character error rate stands beside its accuracy."""
    epochs = (EpochRecord(1, 2.0, 1.0, 0.7, 0.01, 3.0, val_cer=0.105),)
    text = quick(dataclasses.replace(data, phases=(Phase("training", epochs),)))[1]
    assert "best 70.0\u202f% in epoch 1, 10.5\u202f% of characters wrong" in text


EVIL = '<script>alert("1")</script>'


def test_texts_are_text_not_markup(text_report: MakeReport) -> None:
    """Neither what is read nor what is there, nor a name, becomes HTML or mathematics."""
    truth = (EVIL, "$x_1$", 'R&D\'s "x"', "\\n{{ 1 }}")
    found = ("$x_1$", EVIL, "R&D's x", "{{ 1 }}")
    html = render(text_report(truth, found, name="a&b"))
    page = Page(html)
    assert html.count("<script>") == 1
    assert page.text.count(EVIL) >= 3
    for text in truth[1:]:
        assert text in page.text
    assert all("onerror" not in attrs for _, attrs in page.tags)


def test_texts_keep_their_direction_and_their_spaces(
    quick: MakePage, text_report: MakeReport
) -> None:
    """Each stands in its own isolation, so that right-to-left text turns nothing around it."""
    peace = "\u05e9\u05dc\u05d5\u05dd 12"
    html = quick(text_report((peace, "a  b")))[0]
    assert f'<bdi class="text">{peace}</bdi>' in html
    assert '<bdi class="said text">a  b</bdi>' in html
    assert "white-space: pre-wrap" in html


@pytest.mark.parametrize(
    ("character", "text"), [("a", "a"), ("", "nothing"), (" ", "space"), ("\u0301", "◌\u0301")]
)
def test_a_character_alone_can_be_seen(character: str, text: str) -> None:
    """A space, nothing and an accent get words or something to stand on."""
    assert shown(character) == text


def test_nothing_read_at_all(text_report: MakeReport) -> None:
    """A network that says nothing about every image: said as such, without an error."""
    page = Page(render(text_report(("ab", "c"), ("", ""))))
    assert "reads 0.0\u202f% of 2 held-out images" in page.text
    assert "Characters wrong: 100.0\u202f%" in page.text
    assert "At most 1\u202f% wrong at 0.0\u202f% coverage" in page.text
    assert "nothing" in page.text
    assert "None: no reading that reaches the threshold is right." in page.text


def test_all_right(text_report: MakeReport) -> None:
    """No mistake to show, no character to list, everything covered."""
    text = Page(render(text_report(TRUTH))).text
    assert "At most 1\u202f% wrong at 100.0\u202f% coverage, 0.1\u202f% at 100.0\u202f%." in text
    assert "None: no reading that reaches the threshold is wrong." in text
    assert "Every character of the held-out images was read right." in text
    assert "Most frequent mix-ups" not in text


def test_all_wrong_and_certain(text_report: MakeReport) -> None:
    """Wrong at a confidence of 1: there is no threshold above it, and the report says so."""
    html = render(text_report(("a", "b"), ("b", "a"), output={"temperature": 0.01}))
    text = Page(html).text
    assert "At most 1\u202f% wrong at 0.0\u202f% coverage, 0.1\u202f% at 0.0\u202f%." in text
    assert f"At most 0.1\u202f% wrong, in hindsight {NONE} 0.0\u202f% {NONE} {NONE} {NONE}" in text


def test_blank_images_alone(text_report: MakeReport) -> None:
    """Without a character there is no rate of wrong ones, and no rarest character to show."""
    text = Page(render(text_report(("", ""), charset="7"))).text
    assert "reads 100.0\u202f% of 2" in text
    assert "Characters wrong:" not in text
    assert f"int8 100.0\u202f% 34.2 to 100.0\u202f% {NONE}" in text
    assert "(nothing)" in text


def test_a_charset_of_one_character(text_report: MakeReport) -> None:
    """One character and the blank are a network too."""
    text = Page(render(text_report(("1", "11", "111", "1", "1"), ("1", "11", "11", "", "1")))).text
    assert "reads 60.0\u202f% of 5" in text
    assert "1nothing225.0\u202f%" in text


def test_one_image_is_enough(text_report: MakeReport) -> None:
    """Every chart can be drawn of a single reading."""
    assert "reads 100.0\u202f% of 1 held-out" in Page(render(text_report(("9",)))).text


def test_nothing_is_fetched_and_nothing_clashes(page: Page, html: str) -> None:
    """Only data URIs and places of the page; each identifier is there once."""
    for _, attrs in page.tags:
        for name in ("src", "href", "xlink:href"):
            value = attrs.get(name)
            assert value is None or value.startswith(("data:image/", "#")), value
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', html)) <= set(ids)


def test_charts_and_pictures_say_what_they_show(page: Page, html: str) -> None:
    """Alternative texts and descriptions; no marker colour is left, no variable undefined."""
    assert all("alt" in attrs for attrs in page.every("img"))
    for attrs in page.every("svg"):
        assert len(attrs["aria-label"] or "") > 15
    assert "#00000" not in html
    defined = set(re.findall(r"(--[a-z-]+):", html))
    assert set(re.findall(r"var\((--[a-z-]+)\)", html)) <= defined


def test_the_same_data_gives_the_same_text(data: TextReport, html: str) -> None:
    """Byte for byte."""
    assert render(dataclasses.replace(data)) == html


def test_a_report_that_cannot_be_made_leaves_the_older_one(
    data: TextReport, tmp_path: Path
) -> None:
    """Written whole or not at all."""
    path = tmp_path / "report.html"
    write(data, path)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        write(dataclasses.replace(data, created="yesterday"), path)
    assert path.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: {"scores_float": d.scores_float[:-1]},
            "scores_float: expected shape (10, 8, 19), found (9, 8, 19)",
        ),
        (
            lambda d: {"scores_int8": d.scores_int8[:, :, :-1]},
            "scores_int8: expected shape (10, 8, 19), found (10, 8, 18)",
        ),
        (lambda d: {"test": d.test.select([])}, "test: expected at least one image, found none"),
        (
            lambda d: {
                "rungs": (
                    d.rungs[0],
                    msgspec.structs.replace(d.rungs[1], test=exact_of(9, 10)),
                )
            },
            f"rung int8: expected the score of scores_int8, {exact_of(8, 10)}, "
            f"found {exact_of(9, 10)}",
        ),
    ],
)
def test_a_report_does_not_contradict_itself(
    data: TextReport, change: Callable[[TextReport], dict[str, Any]], message: str
) -> None:
    """Scores of another size, no images, or an accuracy that is not that of the readings."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dataclasses.replace(data, **change(data))


def test_readings_of_many_pieces_are_drawn_small(text_report: MakeReport) -> None:
    """Thousands of different confidences do not swell the file: the curve is thinned out."""
    sure = np.linspace(3, 12, 2000)
    html = render(text_report(("a",) * 2000, sure=list(sure), charset="ab"))
    assert len(html) < 250_000


def test_long_lines_get_wide_places(quick: MakePage, text_report: MakeReport) -> None:
    """Where most images are many times as wide as high; short texts stay side by side."""
    long, short = ("a" * 40, "b" * 40, "c"), ("a" * 40, "b", "c")
    assert '<ul class="cards lines wide">' in quick(text_report(long))[0]
    assert '<ul class="cards lines">' in quick(text_report(short))[0]
