"""What the doctor examines: a run's own networks, or an ONNX file with samples."""

import sys
from io import StringIO
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from support.onnx_nets import graph_of

from edge_agent.common.exit_codes import ExitCode
from pipeline.cli import main
from pipeline.common.errors import DataError
from pipeline.convert import Preprocessing
from pipeline.doctor.case import Case, evenly, spread
from pipeline.doctor.cases import open_case
from pipeline.doctor.findings import Findings
from quantization.doctor import Kind
from quantization.graph.graph import write
from quantization.graph.load import load_model
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """`edgeward doctor` with these arguments: its exit status."""
    monkeypatch.setattr(sys, "argv", ["edgeward", "doctor", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def opened(target: Path, calibration: Path | None = None, count: int = 32) -> Case:
    return open_case(target, calibration, Preprocessing(), QuantRecipe(), count, None, StringIO())


def test_a_file_is_diagnosed_shown_and_written(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The layer and its culprit stand on the terminal, in the page and in the JSON."""
    page, json = tmp_path / "page.html", tmp_path / "found.json"
    calibration = ("--calibration", nets / "samples.npz", "--samples", 16)
    files = ("--out", page, "--json", json)
    assert run(monkeypatch, nets / "outlier.onnx", *calibration, *files) == 0
    said = capsys.readouterr().out
    assert "outlier.onnx: output 1" in said
    assert "r1 (Conv, Relu): outlier in channel 5, " in said
    assert "--equalize --correct-bias" in said
    assert said.splitlines()[-2:] == [f"written {page}", f"written {json}"]
    assert "outlier in channel 5" in page.read_text("utf-8").lower()
    found = msgspec.json.decode(json.read_bytes(), type=Findings)
    assert found.diagnosis.samples == 16
    assert ("r1", Kind.OUTLIER) in [(c.layer, c.kind) for c in found.diagnosis.culprits]
    assert found.best is not None
    assert found.best.recipe.equalize


def test_nothing_is_tried_if_nobody_wants_it(
    nets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a file's page is written only where somebody says."""
    before = sorted(nets.iterdir())
    arguments = ("--calibration", nets / "samples.npz", "--no-remedies")
    assert run(monkeypatch, nets / "healthy.onnx", *arguments) == 0
    said = capsys.readouterr().out
    assert "no culprit" in said
    assert "what helps" not in said
    assert sorted(nets.iterdir()) == before


def test_a_run_is_diagnosed_in_its_own_folder(
    built_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its own network and calibration images; what was done and came of it is said."""
    assert run(monkeypatch, built_copy) == 0
    said = capsys.readouterr().out
    page = built_copy / "doctor" / "doctor.html"
    assert said.splitlines()[-1] == f"written {page}"
    assert "tiny: output " in said
    assert "on 32 samples" in said
    assert "on the test split: pruned" in said
    assert "what was done" in said
    assert "What was done" in page.read_text("utf-8")


def test_a_run_is_measured_on_its_calibration_images(built: Path) -> None:
    """As many as are asked for, preprocessed as for the network."""
    case = opened(built, count=5)
    assert case.measured.shape == (5, 1, 8, 8)
    assert case.name == "tiny"
    assert case.calibration is None
    assert case.ladder is not None
    assert case.recipe == case.ladder.chosen.recipe


def test_a_file_that_brings_its_scales_is_taken_as_it_is(nets: Path, tmp_path: Path) -> None:
    """They are what is diagnosed."""
    with np.load(nets / "samples.npz") as arrays:
        x = arrays["x"]
    made = quantize(graph_of(load_model(nets / "outlier.onnx")), [x], QuantRecipe())
    onnx.save(write(made.qdq), tmp_path / "quantised.onnx")
    case = opened(tmp_path / "quantised.onnx", nets / "samples.npz")
    assert case.brought
    assert not opened(nets / "outlier.onnx", nets / "samples.npz").brought


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["none"], ExitCode.RUN_FOLDER, "none: expected a run folder or an ONNX file, found none"),
        (["."], ExitCode.RUN_FOLDER,
         ".: expected a run folder or an ONNX file, found a folder without recipe.toml"),
        (["samples.npz"], ExitCode.QUANTIZATION,
         "samples.npz: expected an ONNX model, found a file that is not one or is cut short"),
        (["healthy.onnx"], ExitCode.DATA,
         "calibration: expected samples for healthy.onnx, a folder or an NPZ, found none"),
        (["healthy.onnx", "--calibration", "none.npz"], ExitCode.DATA,
         "none.npz: expected a folder, an NPZ or an NPY, found none"),
        (["healthy.onnx", "--calibration", "wrong.npz"], ExitCode.QUANTIZATION,
         "calibration sample 0: expected float32 (N, 3, 16, 16), found float32 (4, 3, 8, 8)"),
        (["healthy.onnx", "--calibration", "empty.npz"], ExitCode.QUANTIZATION,
         "calibration samples: expected at least one, found none"),
        (["healthy.onnx", "--calibration", "samples.npz", "--method", "guess"], ExitCode.DATA,
         "method: expected minmax, percentile"),
    ],
)  # fmt: skip
def test_what_a_user_may_get_wrong(
    arguments: list[str],
    status: ExitCode,
    said: str,
    nets: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each has its sentence and its exit status."""
    monkeypatch.chdir(nets)
    np.savez("wrong.npz", x=np.zeros((4, 3, 8, 8), np.float32))
    np.savez("empty.npz", x=np.zeros((0, 3, 16, 16), np.float32))
    assert run(monkeypatch, *arguments) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"edgeward: {said}")


def test_a_run_that_is_not_quantised_is_refused(
    built_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which stage is missing, and which command makes it; as of a run given samples."""
    given = ("--calibration", built_copy)
    assert run(monkeypatch, built_copy, *given) == ExitCode.DATA
    assert "expected none for a run, which has its own" in capsys.readouterr().err
    (built_copy / "quantize" / "quantised.onnx").unlink()
    assert run(monkeypatch, built_copy) == ExitCode.RUN_FOLDER
    assert capsys.readouterr().err.splitlines() == [
        f"edgeward: {built_copy}/quantize: expected the finished stage 'quantize', found none or "
        f"an altered one; run: edgeward quantize {built_copy}"
    ]


@pytest.mark.parametrize(("total", "count"), [(100, 7), (5, 7), (7, 7), (1000, 3), (17, 8)])
def test_samples_are_taken_evenly(total: int, count: int) -> None:
    """From the first on, whatever arrays they come in, and never one twice."""
    numbers = np.arange(total, dtype=np.float32).reshape(total, 1)
    arrays = np.array_split(numbers, 4)
    taken = evenly(arrays, count)[:, 0]
    assert len(taken) == min(total, count)
    assert taken[0] == 0
    steps = np.diff(taken)
    assert (steps > 0).all()
    assert steps.max() <= 2.5 * total / count
    assert len(spread(total, count)) == min(total, count)


def test_no_samples_are_refused() -> None:
    """There is nothing to measure on."""
    with pytest.raises(DataError, match="expected at least one sample, found none"):
        evenly([np.zeros((0, 1), np.float32)], 3)
