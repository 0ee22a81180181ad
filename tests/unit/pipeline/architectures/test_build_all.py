"""Several architectures on one recipe: one that fails stops no other, and the status says it."""

from io import StringIO
from pathlib import Path

import pytest

from pipeline.architectures import build_all as module
from pipeline.architectures.build_all import (
    Outcome,
    build_all,
    compared,
    named_architectures,
    raise_if_none_passed,
    show_outcome,
)
from pipeline.common.errors import DataError, GateError, RecipeError
from pipeline.run.run import Run, write_recipe_copy

RECIPE = """\
name = "tiny"
data = { kind = "digits", val = 0.1, test = 0.1, calibration = 32, train_limit = 300 }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "vgg_tiny" }
train = { epochs = 1, batch_size = 64, ema = 0.9 }
budget = { min_class_recall = 0 }
"""


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def test_all_small_stands_for_the_small_ones_of_the_task(recipe: Path) -> None:
    """Each once, also where it is named besides; no reader of text among them."""
    names = named_architectures("resnet56, all-small,resnet56", recipe)
    assert names[0] == "resnet56"
    assert {"resnet8", "vgg_tiny", "ds_cnn"} <= set(names)
    assert len(names) == len(set(names))
    assert "ctc_small" not in names
    for nothing in ("", " , "):
        with pytest.raises(RecipeError, match="arch: expected names joined by commas"):
            named_architectures(nothing, recipe)


def test_a_slip_in_a_name_is_told_before_anything_is_built(recipe: Path) -> None:
    """Nor can a reader of text say what class a picture is of; must not fire: one's own network."""
    for wrong in ("resnet8,lenet9", "ctc_small"):
        with pytest.raises(
            RecipeError, match=r"--arch: arch: expected .*found '(lenet9|ctc_small)'"
        ):
            named_architectures(wrong, recipe)
    assert named_architectures("module:nets.Net", recipe) == ("module:nets.Net",)


def test_all_small_has_weights_where_the_recipe_asks_for_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those whose file is here, and its own; from scratch there are those only that are named."""
    path = tmp_path / "photos.toml"
    text = RECIPE.replace('"vgg_tiny"', '"mobilenet_v2", weights = "imagenet"')
    path.write_text(text)
    monkeypatch.setattr(
        module, "find_known", lambda row, _: row.arch == "efficientnet_lite0" or None
    )
    names = named_architectures("all-small,resnet8", path)
    assert set(names) == {"mobilenet_v2", "efficientnet_lite0", "resnet8"}


def test_one_that_fails_stops_no_other(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused one, one without its data, one without memory and one that is unknown."""
    failures = {
        "resnet8": GateError("budget: size"),
        "ds_cnn": DataError("photos: expected images, found none"),
        "resnet20": RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    }
    asked = []

    def build(run: Run) -> None:
        run.folder.mkdir(parents=True)
        write_recipe_copy(run)
        asked.append(run.recipe.model.arch)
        if run.recipe.model.arch in failures:
            raise failures[run.recipe.model.arch]

    monkeypatch.setattr(module, "build", build)
    stream = StringIO()
    names = ("resnet8", "ds_cnn", "lenet9", "resnet20", "vgg_tiny")
    outcome = build_all(recipe, names, tmp_path / "out", None, stream)
    assert asked == ["resnet8", "ds_cnn", "resnet20", "vgg_tiny"]
    assert set(outcome.errors) == {"resnet8", "ds_cnn", "lenet9", "resnet20"}
    assert outcome.passed == 1
    assert "ds_cnn: photos: expected images, found none" in stream.getvalue()
    assert "vgg_tiny: architecture 5 of 5" in stream.getvalue()
    raise_if_none_passed(outcome)
    runs = {run.name: run for group in compared(outcome).groups for run in group.figures}
    assert runs["ds_cnn"].stopped == "photos: expected images, found none"
    assert runs["resnet8"].stopped == ""
    assert "lenet9" not in runs


def test_a_defect_is_not_taken_for_an_architecture_that_fails(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must fire: what torch says besides that there is no memory, and a full disk."""
    for error in (RuntimeError("shapes differ"), OSError("No space left on device")):

        def build(_run: Run, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(module, "build", build)
        with pytest.raises(type(error), match=str(error)):
            build_all(recipe, ["resnet8", "vgg_tiny"], tmp_path / "out", None, StringIO())


def test_the_status_is_that_of_a_gate_where_one_was_measured(tmp_path: Path) -> None:
    """Else that of the first error; with one bundle there is nothing to raise."""
    refused, broken = GateError("budget: size"), DataError("none found")
    measured = Outcome(tmp_path, {"a": tmp_path, "b": tmp_path}, {"a": broken, "b": refused})
    with pytest.raises(GateError, match="passes its gates, found none of 2; measured: b"):
        raise_if_none_passed(measured)
    with pytest.raises(DataError, match="none found"):
        raise_if_none_passed(Outcome(tmp_path, {"a": tmp_path}, {"a": broken}))
    raise_if_none_passed(Outcome(tmp_path, {"a": tmp_path, "b": tmp_path}, {"a": refused}))


def test_two_are_built_and_compared_and_a_second_time_unchanged(
    recipe: Path, tmp_path: Path
) -> None:
    """Real builds: a run folder each, a page and a table beside them; and nothing is done again."""
    out = tmp_path / "out"
    outcome = build_all(recipe, ("vgg_tiny", "ds_cnn"), out, None, StringIO())
    assert outcome.errors == {}
    shown = StringIO()
    assert list(show_outcome(outcome, shown)) == [out / "compare.html", out / "compare.csv"]
    assert "tiny: classify" not in shown.getvalue()
    assert "digits: classify, 179 test images" in shown.getvalue()
    for arch in ("vgg_tiny", "ds_cnn"):
        assert (out / arch / "verify" / f"tiny-{arch}.edgeward").is_file()
        assert arch in shown.getvalue()
    stream = StringIO()
    build_all(recipe, ("vgg_tiny", "ds_cnn"), out, None, stream)
    assert stream.getvalue().count("train: unchanged") == 2
    assert "done in" not in stream.getvalue()
