"""The doctor's findings as text, in terminals of any width."""

from io import StringIO

import msgspec
import pytest
from rich.console import Console

from pipeline.doctor.findings import Findings
from pipeline.doctor.terminal import EXPLAINED, headline, show
from quantization.recipe import QuantRecipe


def shown(findings: Findings, width: int) -> list[str]:
    stream = StringIO()
    show(findings, Console(file=stream, width=width, highlight=False))
    return stream.getvalue().splitlines()


def row(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.split()[:1] == [name])


@pytest.mark.parametrize("width", [80, 100, 140])
def test_every_layer_has_a_row_that_fits(hurt: Findings, width: int) -> None:
    """Names and numbers are whole at 80 columns, and nothing is wider than the terminal."""
    lines = shown(hurt, width)
    assert max(map(len, lines)) <= width
    for layer in hurt.diagnosis.layers:
        assert layer.snr_db is not None
        assert f" {layer.snr_db:.1f} " in row(lines, layer.name)
    silu = row(lines, "silu")
    assert "1 shared scale" in silu
    assert "91 %" in silu
    assert silu.count("█") >= 5
    assert "█" not in row(lines, "joined").partition("33.9")[2].partition("-")[2]


def test_ranges_and_shapes_are_shown_where_there_is_room(hurt: Findings) -> None:
    """At 140 columns; at 80 they would push the culprits out."""
    assert "1x8x16x16" in row(shown(hurt, 140), "joined")
    assert "-747 … 490" in row(shown(hurt, 140), "joined")
    assert "1x8x16x16" not in "\n".join(shown(hurt, 80))


def test_culprits_are_explained(hurt: Findings) -> None:
    """The reason, what it costs and what helps, under the layer's name."""
    text = " ".join(" ".join(shown(hurt, 80)).split())
    assert "1 silu (Mul): shared scale with wide, 159x" in text
    assert "it is 91 % of all layers' error. What helps: equalisation" in text
    assert "as it is 10.2 dB" in text
    assert "--equalize --correct-bias" in text


def test_many_culprits_are_counted(hurt: Findings) -> None:
    """The costliest are explained, the others named in a line each."""
    many = hurt.diagnosis.culprits * 4
    diagnosis = msgspec.structs.replace(hurt.diagnosis, culprits=many)
    text = "\n".join(shown(msgspec.structs.replace(hurt, diagnosis=diagnosis), 100))
    assert text.count("What helps:") == EXPLAINED
    assert "8 r3: weight spread for channel 7" in text


def test_a_healthy_network_has_no_sentences(sound: Findings) -> None:
    """A table and a headline."""
    text = "\n".join(shown(sound, 80))
    assert "What helps" not in text
    assert "healthy.onnx: output 37.0 dB over its int8 error, on 32 samples; no culprit" in text


def test_names_are_text(hurt: Findings) -> None:
    """A layer may be called [bold], and cannot speak to the terminal."""
    evil = "[bold]x\x1b[2J"
    layers = (msgspec.structs.replace(hurt.diagnosis.layers[0], name=evil),)
    culprits = (msgspec.structs.replace(hurt.diagnosis.culprits[0], layer=evil, cause=evil),)
    diagnosis = msgspec.structs.replace(
        hurt.diagnosis, layers=layers + hurt.diagnosis.layers[1:], culprits=culprits
    )
    text = "\n".join(shown(msgspec.structs.replace(hurt, diagnosis=diagnosis, name=evil), 140))
    assert "\x1b" not in text
    assert text.count("[bold]x\\x1b[2J") >= 4


def test_what_a_file_brought_is_said(sound: Findings) -> None:
    """Nothing was tried then."""
    brought = msgspec.structs.replace(sound, brought=True)
    assert "The file brings its scales" in "\n".join(shown(brought, 80))


def test_a_run_says_how_it_was_quantised(sound: Findings) -> None:
    """In the keys of its recipe."""
    recipe = QuantRecipe(equalize=True)
    run = msgspec.structs.replace(sound, is_run=True, recipe=recipe)
    assert shown(run, 80)[-1].strip() == "quantised with equalize = true"


def test_an_exact_output_is_said_to_be_exact(sound: Findings) -> None:
    """There is no number for it."""
    diagnosis = msgspec.structs.replace(sound.diagnosis, output_db=None)
    assert "output exact over" in headline(msgspec.structs.replace(sound, diagnosis=diagnosis))
