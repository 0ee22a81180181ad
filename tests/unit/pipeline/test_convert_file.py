import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx_nets import Array, net, node, normal, operators

from edge_agent.exit_codes import ExitCode
from edge_agent.runtime import Interpreter
from pipeline.cli import main
from pipeline.convert import Preprocessing, convert_file
from quantization.convert import convert
from quantization.errors import ModelError
from quantization.load import load_model
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
    onnx.save(made.quantized.qdq, tmp_path / "quantised.onnx")
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
        (["--method", "guess"], ExitCode.DATA, "method: Invalid enum value 'guess'"),
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
        assert interpreter.infer(np.zeros((1, 8, 10, 3), np.int8)).shape == (1, 1, 1, 4)
