"""The doctor's page: what stands on it for which findings, in one file that fetches nothing."""

import re

import msgspec
import pytest
from support.pages import Page

from pipeline.doctor import charts
from pipeline.doctor.findings import Findings, gained
from pipeline.doctor.page import render
from pipeline.doctor.settings import flags, toml
from pipeline.report.svg import chart_style
from quantization.doctor import Culprit, Kind
from quantization.recipe import QuantRecipe
from quantization.scales.ranges import Range


def test_the_page_names_culprits_and_what_helps(hurt: Findings) -> None:
    """The verdict, each culprit with its reason, every layer, and the trials."""
    text = Page(render(hurt)).text
    for part in (
        "silu.onnx", "✗ 2 culprits", "The costliest reason is at silu: shared scale with wide, ",
        "1silu", "Shared scale with wide, 159x. It shares a scale for [-747, 490] with wide",
        "equalisation and bias correction", "silu, joined, r3 in float", "--float-layers silu,",
        "1 shared scale with wide, 159x", "2 weight spread for channel 7, 199x",
        "1\u00d78\u00d716\u00d716", "[-747, 490]", "on 32 samples", 'calibration = "minmax"',
    ):  # fmt: skip
        assert part in text


def test_links_lead_to_sections(hurt: Findings, sound: Findings) -> None:
    """What was not found or done has neither."""
    for found, wanted in (
        (hurt, ["profile", "culprits", "helps", "layers", "quantisation"]),
        (sound, ["profile", "layers", "quantisation"]),
    ):
        page = Page(render(found))
        assert [a["id"] for tag, a in page.tags if tag == "section"] == wanted
        assert [a["href"] for tag, a in page.tags if tag == "a"] == [f"#{name}" for name in wanted]


def test_a_healthy_network_is_said_to_be_one(sound: Findings) -> None:
    """No culprit, and nothing in the colour of one."""
    html = render(sound)
    assert "✓ No culprit" in html
    assert 'class="blamed"' not in html
    assert "var(--warm)" not in html.partition("</style>")[2]


def test_the_page_stands_alone(hurt: Findings) -> None:
    """One file: nothing is fetched, and its script is the one its policy allows."""
    html = render(hurt)
    assert not re.search(r'(?:src|href)="(?!#)', html)
    assert html.count("<script>") == 1
    assert "default-src 'none'" in html
    assert len(html) < 200_000


def test_names_are_text_not_markup(hurt: Findings) -> None:
    """A layer's name is the network's own, and may be anything."""
    evil = "<script>alert(1)</script>&$x_1$"
    layers = (msgspec.structs.replace(hurt.diagnosis.layers[0], name=evil),)
    culprits = (msgspec.structs.replace(hurt.diagnosis.culprits[0], layer=evil, cause=evil),)
    diagnosis = msgspec.structs.replace(
        hurt.diagnosis, layers=layers + hurt.diagnosis.layers[1:], culprits=culprits
    )
    html = render(msgspec.structs.replace(hurt, name=evil, diagnosis=diagnosis))
    assert html.count("<script>") == 1
    assert Page(html).text.count("alert(1)") >= 5


def test_the_profile_marks_the_culprits(hurt: Findings) -> None:
    """A dot in the warning colour for each, with its number."""
    with chart_style():
        svg = charts.snr_profile(hurt)
        costs = charts.costs(hurt)
    assert svg.count("fill: var(--warm)") >= 2
    for drawn in (svg, costs):
        assert re.findall(r"<text[^>]*var\(--warm\)[^>]*>([^<]*)</text>", drawn) == ["1", "2"]
    assert "What each layer costs alone, the most: silu 91 %, r3" in costs


def culprit(kind: Kind, count: int, *, cause: str = "", channel: int | None = None) -> Culprit:
    return Culprit(
        layer="x", operators=("Conv",), kind=kind, factor=9.0, covers=Range(0, 90),
        needs=Range(0, 10), saved_db=3.0, saved_share=0.5,
        channels=tuple(Range(0.0, float(i % 7 + 1)) for i in range(count)),
        cause=cause, channel=channel,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("blamed", "said"),
    [
        (culprit(Kind.CHANNELS, 8), "Ranges of the values of 8 channels, the widest 7, "),
        (culprit(Kind.WEIGHTS, 9, channel=3), "Ranges of the weights of 9 channels"),
        (culprit(Kind.OUTLIER, 2000, channel=1999), "Ranges of the values of 2000 channels"),
        (culprit(Kind.OUTLIER, 0, cause="calibration"), "The scale covers [0, 90], the values"),
        (culprit(Kind.SHARED, 0, cause="y"), "The scale covers [0, 90], the values need [0, 10]"),
    ],
)
def test_a_culprits_evidence_is_drawn(blamed: Culprit, said: str) -> None:
    """Its channels, at most so many, or the two ranges."""
    with chart_style():
        svg = charts.evidence(blamed, 1)
    assert svg is not None
    assert said in svg
    assert len(svg) < 60_000
    with chart_style():
        assert charts.evidence(culprit(Kind.SHIFT, 8), 1) is None


def test_a_refused_trial_is_said_to_be_one(hurt: Findings) -> None:
    """It has no bar, and cannot be the best."""
    refused = msgspec.structs.replace(hurt.trials[0], output_db=None, refused="no lowering")
    found = msgspec.structs.replace(hurt, trials=(refused, *hurt.trials[1:]))
    assert "refused" in Page(render(found)).text
    assert found.best == hurt.best
    assert refused not in found.done


def test_the_best_trial_brings_something(hurt: Findings) -> None:
    """The most, and more than 1 dB."""
    assert hurt.best is not None
    assert hurt.best.name == "all three"
    none = tuple(t for t in hurt.trials if t.name == "better ranges")
    assert msgspec.structs.replace(hurt, trials=none).best is None
    assert gained(10.0, 12.5) == 2.5
    assert gained(10.0, None) == float("inf")
    assert gained(None, 10.0) == -float("inf")
    assert gained(None, None) == 0


def test_an_exact_network_has_a_page(hurt: Findings) -> None:
    """Nothing to divide by, nothing to draw a line through."""
    layers = tuple(
        msgspec.structs.replace(layer, snr_db=None, alone_db=None, share=0.0)
        for layer in hurt.diagnosis.layers
    )
    diagnosis = msgspec.structs.replace(hurt.diagnosis, layers=layers, culprits=(), output_db=None)
    found = msgspec.structs.replace(hurt, diagnosis=diagnosis, trials=())
    assert "output is what it is in float" in Page(render(found)).text


def test_a_recipe_is_said_as_keys_and_as_options() -> None:
    """Those that are not the default."""
    assert toml(QuantRecipe()) == 'calibration = "minmax"'
    assert flags(QuantRecipe()) == ""
    rich = QuantRecipe(
        calibration="auto", percentile=99.9, equalize=True, correct_bias=True, rounding="learned",
        float_layers=("a", "b"),
    )  # fmt: skip
    assert toml(rich) == (
        'calibration = "auto", percentile = 99.9, equalize = true, correct_bias = true, '
        'rounding = "learned", float_layers = ["a", "b"]'
    )
    assert flags(rich) == (
        "--method auto --equalize --correct-bias --learned-rounding --float-layers a,b"
    )
