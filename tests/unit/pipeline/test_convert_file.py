"""`convert_file`: an ONNX file and its calibration data, from the disk to the disk."""

import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from support.onnx_nets import (
    FLOAT_ERROR,
    Array,
    expected,
    net,
    node,
    normal,
    operators,
    run_litert,
    worst_error,
)

from edge_agent.common.exit_codes import ExitCode
from edge_agent.inference.runtime import Interpreter
from pipeline.cli import main
from pipeline.convert import PhotoSamples, Preprocessing, convert_file, recipe_of
from quantization.convert import convert
from quantization.errors import ModelError
from quantization.graph.load import load_model
from quantization.recipe import QuantRecipe

SHAPE = (1, 3, 8, 10)


def small(**changes: Array) -> onnx.ModelProto:
    """A convolution, a ReLU and a mean, of the input's shape `SHAPE`."""
    nodes = [
        node("Conv", "input", "w", to="a", pads=[1, 1, 1, 1]),
        node("Relu", "a", to="b"),
        node("GlobalAveragePool", "b"),
    ]
    return net(nodes, SHAPE, {"w": normal(4, 3, 3, 3), **changes})


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """`edgeward convert` with these arguments: its exit status."""
    monkeypatch.setattr(sys, "argv", ["edgeward", "convert", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture(name="model")
def _model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(small(), path)
    return path


@pytest.fixture(name="samples")
def _samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.npz"
    np.savez(path, x=normal(12, *SHAPE[1:]))
    return path


def test_a_file_and_its_samples_become_a_tflite_file(
    model: Path,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The file is what the Python call makes, and the command says what its ends are."""
    out = tmp_path / "model.tflite"
    assert run(monkeypatch, model, "--calibration", samples, "-o", out) == 0
    assert out.read_bytes() == convert(small(), [normal(12, *SHAPE[1:])]).tflite
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("input input (1, 8, 10, 3) int8, scale 0.0")
    assert said[1].startswith("output output (1, 1, 1, 4) int8, scale 0.0")
    assert said[2] == f"tflite {out}, {out.stat().st_size} bytes"


@pytest.mark.parametrize("last", [False, True])
def test_a_folder_of_images_is_preprocessed(tmp_path: Path, last: bool) -> None:
    """Black and white images span (0 - mean) / std to (1 - mean) / std, in either layout."""
    (tmp_path / "images" / "inner").mkdir(parents=True)
    for name, level in (("black.png", 0), ("inner/white.png", 255)):
        image = np.full((20, 30, 3), level, np.uint8)
        assert cv2.imwrite(str(tmp_path / "images" / name), image)
    shape = (1, 8, 10, 3) if last else SHAPE
    onnx.save(net([node("Relu", "input")], shape), tmp_path / "model.onnx")
    preprocessing = Preprocessing(mean=(0.5,), std=(0.25, 0.25, 0.25))
    made = convert_file(
        tmp_path / "model.onnx",
        tmp_path / "images",
        tmp_path / "model.tflite",
        preprocessing,
        QuantRecipe(),
    )
    assert made.quantized.ranges.samples == 2
    ends = made.quantized.ranges.values["input"]
    assert (ends.low, ends.high) == (-2.0, 2.0)


def test_a_model_with_scales_needs_no_samples(tmp_path: Path, model: Path) -> None:
    """What was quantised already converts by itself."""
    made = convert(load_model(model), [normal(12, *SHAPE[1:])])
    onnx.save(made.qdq, tmp_path / "quantised.onnx")
    again = convert_file(
        tmp_path / "quantised.onnx", None, tmp_path / "a.tflite", Preprocessing(), QuantRecipe()
    )
    assert again.tflite == made.tflite == (tmp_path / "a.tflite").read_bytes()


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_refused(tmp_path: Path, model: Path, kept: float) -> None:
    """Wherever the file ends too early, it is one clear error."""
    data = model.read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ModelError):
        convert(load_model(cut), [normal(1, *SHAPE[1:])])


def dynamic() -> onnx.ModelProto:
    return net([node("Relu", "input")], (1, 3, "height", "width"))


def of_integers() -> onnx.ModelProto:
    cast = onnx.helper.make_node("Cast", ["input"], ["output"], to=1, name="cast")
    return net([cast], (1, 3), dtype=onnx.TensorProto.INT64)


@pytest.mark.parametrize(
    ("model", "samples", "said"),
    [
        (dynamic(), normal(1, 3, 8, 8), "input 'input': expected a static shape (1, ...), "),
        (of_integers(), normal(1, 3), "input 'input': expected float, found int64"),
        (small(w=np.full((4, 3, 3, 3), np.nan, np.float32)), normal(1, *SHAPE[1:]),
         "weight 'w': 108 of 108 values are not finite"),
        (small(), np.full(SHAPE, np.nan, np.float32),
         "calibration sample 0: 240 of 240 values are not finite"),
        (small(), normal(2, 8, 10, 3),
         "calibration sample 0: expected float32 (N, 3, 8, 10), found float32 (2, 8, 10, 3)"),
        (small(), normal(0, *SHAPE[1:]), "calibration samples: expected at least one, found none"),
        (small(), np.zeros(SHAPE), "calibration sample 0: expected float32 (N, 3, 8, 10), "
         "found float64 (1, 3, 8, 10)"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(
    model: onnx.ModelProto,
    samples: Array,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error names the place, and nothing is written."""
    onnx.save(model, tmp_path / "model.onnx")
    np.savez(tmp_path / "samples.npz", x=samples)
    out = tmp_path / "model.tflite"
    arguments = (tmp_path / "model.onnx", "--calibration", tmp_path / "samples.npz", "-o", out)
    assert run(monkeypatch, *arguments) == ExitCode.QUANTIZATION
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"edgeward: {said}")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--calibration", "none.npz"], ExitCode.DATA,
         "none.npz: expected a folder, an NPZ or an NPY, found none"),
        (["--calibration", "model.onnx"], ExitCode.DATA,
         "model.onnx: expected an NPZ or NPY of numbers, found neither"),
        (["--calibration", "two.npz"], ExitCode.DATA,
         "two.npz: expected one array (N, ...), found a, b"),
        (["--calibration", "."], ExitCode.DATA, ".: expected images, found none"),
        (["--mean", "a,b"], ExitCode.DATA,
         "mean: expected numbers like 0.5,0.5,0.5, found 'a,b'"),
        (["--calibration", ".", "--std", "1,1"], ExitCode.DATA,
         "preprocessing: std: expected 3 values for rgb, found 2"),
        (["--resize", "squash"], ExitCode.DATA,
         "resize: expected stretch, crop, letterbox, found 'squash'"),
        (["--method", "guess"], ExitCode.DATA, "method: expected minmax, percentile"),
        (["--float", "--equalize"], ExitCode.DATA,
         "float: expected no choice about int8 beside it, found equalize"),
        (["--float", "--method", "mse"], ExitCode.DATA,
         "float: expected no choice about int8 beside it, found calibration"),
        (["--float-layers", "b,c"], ExitCode.QUANTIZATION,
         "float layers: expected layers of the network, found 'c'; it has b, output"),
        ([], ExitCode.QUANTIZATION, "calibration samples: expected at least one, found none"),
    ],
)  # fmt: skip
def test_what_a_user_may_get_wrong(
    arguments: list[str],
    status: ExitCode,
    said: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each has its sentence and its exit status."""
    monkeypatch.chdir(model.parent)
    np.savez("two.npz", a=np.zeros(1), b=np.zeros(1))
    assert run(monkeypatch, "model.onnx", *arguments, "-o", "out.tflite") == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"edgeward: {said}")


def test_a_network_converts_in_float_without_samples(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command says that its ends are float32, and the file computes what the model does."""
    out = tmp_path / "model.tflite"
    assert run(monkeypatch, model, "--float", "-o", out) == 0
    assert capsys.readouterr().out.splitlines() == [
        "input input (1, 8, 10, 3) float32",
        "output output (1, 1, 1, 4) float32",
        f"tflite {out}, {out.stat().st_size} bytes",
    ]
    made = convert(small(), recipe=QuantRecipe(precision="float32"))
    assert out.read_bytes() == made.tflite
    assert operators(made.tflite) == ["CONV_2D", "MEAN"]
    x = normal(2, *SHAPE[1:])
    for found, wanted in zip(run_litert(made, x), expected(made, x), strict=True):
        assert worst_error(found, wanted) <= FLOAT_ERROR


@pytest.mark.parametrize(
    ("layers", "said"),
    [("b", "in float32 Conv to a"), ("output", "in float32 none: no weights to keep")],
)
def test_layers_stay_in_float_by_name(
    layers: str,
    said: str,
    model: Path,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command says which nodes are float32: one without constants has nothing to keep."""
    out = tmp_path / "model.tflite"
    options = ("--calibration", samples, "--float-layers", layers, "-o", out)
    assert run(monkeypatch, model, *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("input input (1, 8, 10, 3) int8, scale ")
    assert lines[2] == said
    recipe = QuantRecipe(float_layers=(layers,))
    assert out.read_bytes() == convert(small(), [normal(12, *SHAPE[1:])], recipe).tflite


def test_every_choice_on_the_command_line_reaches_the_recipe() -> None:
    """Each field of the recipe by its own word, layers without the spaces around them."""
    assert recipe_of("minmax") == QuantRecipe()
    assert recipe_of("mse", float_layers=" a, b ,") == QuantRecipe(
        calibration="mse", float_layers=("a", "b")
    )
    assert recipe_of("minmax", equalize=True) == QuantRecipe(equalize=True)
    assert recipe_of("minmax", correct_bias=True) == QuantRecipe(correct_bias=True)
    assert recipe_of("minmax", learned_rounding=True) == QuantRecipe(rounding="learned")
    assert recipe_of("minmax", in_float=True) == QuantRecipe(precision="float32")


@pytest.mark.parametrize("option", ["--equalize", "--correct-bias", "--learned-rounding"])
def test_each_remedy_is_a_word_on_the_command_line(
    option: str, model: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken, and a file comes out."""
    out = tmp_path / "model.tflite"
    assert run(monkeypatch, model, "--calibration", samples, option, "-o", out) == 0
    assert operators(out.read_bytes()) == ["CONV_2D", "MEAN"]


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_samples_can_be_read_again(kind: str, samples: Path, tmp_path: Path) -> None:
    """Some remedies look at them twice: each time they are read from the start."""
    folder = tmp_path / "images"
    folder.mkdir()
    for level in (0, 128, 255):
        assert cv2.imwrite(str(folder / f"{level}.png"), np.full((9, 9, 3), level, np.uint8))
    source = folder if kind == "folder" else samples
    read = PhotoSamples(small(), source, Preprocessing())
    once, again = list(read), list(read)
    assert len(once) == (3 if kind == "folder" else 1)
    np.testing.assert_array_equal(once, again)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is said to be one."""
    with pytest.raises(ModelError) as raised:
        load_model(tmp_path / "none.onnx")
    assert str(raised.value) == f"{tmp_path / 'none.onnx'}: expected an ONNX file, found none"


def test_the_file_runs(model: Path, samples: Path, tmp_path: Path) -> None:
    """The device's own interpreter takes what the command writes."""
    out = tmp_path / "model.tflite"
    made = convert_file(model, samples, out, Preprocessing(), QuantRecipe(calibration="auto"))
    assert operators(made.tflite) == ["CONV_2D", "MEAN"]
    with Interpreter(out.read_bytes()) as interpreter:
        assert interpreter.infer(np.zeros((1, 8, 10, 3), np.int8))[0].shape == (1, 1, 1, 4)
