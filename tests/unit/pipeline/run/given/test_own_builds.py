"""Networks of one's own, from a recipe of a few lines to a verified bundle."""

import json
import sys
from pathlib import Path

import onnx
import pytest
from support.own_networks import NETS, digit_templates, template_network, write_nets
from support.progress import RecordedProgress, recorded

from edge_agent.bundle.archive import open_bundle
from pipeline.checkpoints.checkpoint import load_checkpoint
from pipeline.common.errors import PipelineError, RecipeError, RunError
from pipeline.run.build import build
from pipeline.run.run import Run
from pipeline.run.stages.verify import bundle_path
from quantization.errors import UnsupportedOperatorError

DATA = """
name = "own"
seed = 1
data = { kind = "digits", val = 0.1, test = 0.1, calibration = 32, train_limit = 800 }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
budget = { min_class_recall = 0 }
"""
AS_IT_IS, OURS = 'onnx = "float.onnx"', 'arch = "resnet8"'
TRAINING = """
train = { epochs = 1, batch_size = 32, ema = 0.9 }
prune = { macs = 0.7, round_to = 2, train = { epochs = 1, batch_size = 32, ema = 0.9 } }
"""


@pytest.fixture(autouse=True)
def _paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user's module leaves in `sys.path` goes with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def run_of(folder: Path, model: str, more: str = "", data: str = DATA) -> Run:
    text = f"{data}{more}\n[model]\n{model}\n"
    return Run(folder / "run", text.encode(), folder / "own.toml", None, RecordedProgress())


def given(folder: Path, **form: object) -> Path:
    """The nearest mean of each digit, as a file beside the recipe."""
    path = folder / "float.onnx"
    onnx.save(template_network(digit_templates(), **form), path)  # type: ignore[arg-type]
    return path


def test_a_class_of_ones_own_is_trained_pruned_and_proven(tmp_path: Path) -> None:
    """Its hash is in the bundle; the run is up to date until its code changes."""
    write_nets(tmp_path)
    model = 'arch = "module:nets.Tiny"\noptions = { width = 4 }'
    run = run_of(tmp_path, model, TRAINING)
    build(run)
    bundle = open_bundle(bundle_path(run))
    own = run.task.model.own
    assert own is not None
    versions = bundle.manifest.provenance.versions
    assert versions["module:nets.Tiny"] == f"sha256:{own.sha256}"
    assert "sha256:" in (run.path("report") / "report.html").read_text()

    again = run_of(tmp_path, model, TRAINING)
    build(again)
    assert "train: unchanged" in recorded(again.progress).lines
    write_nets(tmp_path, NETS + "\n# changed\n")
    changed = run_of(tmp_path, model, TRAINING)
    build(changed)
    assert "train: unchanged" not in recorded(changed.progress).lines


def test_an_onnx_file_is_trained_further_and_pruned(tmp_path: Path) -> None:
    """As `arch`: with the weights of the file, and another network after it."""
    given(tmp_path, channels_last=True, batch="N", last="Softmax")
    run = run_of(
        tmp_path, 'arch = "onnx:float.onnx"', "train = { epochs = 1, lr = 1e-4, ema = 0.9 }"
    )
    build(run)
    proof = json.loads((run.path("verify") / "proof.json").read_text())
    assert proof["metrics"]["int8_score"]["value"] > 0.75


def test_an_onnx_file_ships_as_it_is(tmp_path: Path) -> None:
    """No `[train]`: quantised, proven against the labels, reported; five lines of a recipe."""
    given(tmp_path)
    run = run_of(tmp_path, 'onnx = "float.onnx"')
    build(run)
    metrics = open_bundle(bundle_path(run)).manifest.metrics
    assert metrics is not None
    assert metrics.int8_score.value > 0.8
    assert metrics.agreement > 0.95
    said = recorded(run.progress).lines
    assert "train: nothing is trained, float.onnx is taken as it is" in said
    page = (run.path("report") / "report.html").read_text()
    assert 'id="training"' not in page


def test_what_may_be_tried_of_it_leaves_training_out(tmp_path: Path) -> None:
    """The ladder climbs all other remedies, and says what it could not."""
    given(tmp_path)
    more = '[quantize]\ncalibration = "percentile"\npercentile = 55\naim = 0.0\n'
    data = DATA.replace("min_class_recall = 0", "min_class_recall = 0, max_drop = 0.5")
    run = run_of(tmp_path, 'onnx = "float.onnx"', more, data)
    build(run)
    ladder = json.loads((run.path("quantize") / "ladder.json").read_text())
    assert len(ladder["rungs"]) > 1
    assert "fine-tuned" not in {rung["name"] for rung in ladder["rungs"]}


def test_its_fine_tuning_may_be_said(tmp_path: Path) -> None:
    """With `[quantize.finetune]` the last remedy learns from the float network's answers."""
    given(tmp_path)
    more = (
        '[quantize]\ncalibration = "percentile"\npercentile = 55\naim = 0.0\n'
        'remedies = ["finetune"]\nfinetune = { epochs = 1, optimizer = "adamw", lr = 1e-3 }\n'
    )
    data = DATA.replace("min_class_recall = 0", "min_class_recall = 0, max_drop = 0.9")
    run = run_of(tmp_path, 'onnx = "float.onnx"', more, data)
    build(run)
    ladder = json.loads((run.path("quantize") / "ladder.json").read_text())
    assert [rung["name"] for rung in ladder["rungs"]] == ["int8", "fine-tuned"]


@pytest.mark.parametrize(
    ("model", "more", "data", "message"),
    [
        (
            AS_IT_IS, "", DATA.replace("mean = [0.5], std = [0.5]", "mean = [0], std = [1]"),
            "input: expected pictures as float.onnx was trained with, found accuracy",
        ),
        (AS_IT_IS, "train = { epochs = 1 }", DATA, "train: expected none with"),
        (
            AS_IT_IS, "prune = { train = { epochs = 1 } }", DATA,
            "prune: expected none with model.onnx, which is shipped as it is, found one",
        ),
        ('arch = "onnx:float.onnx"', "", DATA, "train: expected how the network is trained, found"),
        ('arch = "resnet8"\nonnx = "float.onnx"', "", DATA, "expected arch or onnx, found both"),
        ('onnx = "absent.onnx"', "", DATA, "expected an ONNX file at"),
        (AS_IT_IS + '\nlabels = ["0"]', "", DATA, "model.labels: expected every class"),
        (AS_IT_IS + "\nwidth = 2.0", "", DATA, "model.width: expected with a network of"),
        (OURS + "\noptions = { a = 1 }", TRAINING, DATA, "model.options: expected with arch ="),
        (OURS + "\nbgr = true", TRAINING, DATA, "model.bgr: expected with an ONNX file only"),
        (
            AS_IT_IS, "",
            DATA.replace('kind = "digits"', 'kind = "text-drawn"')
            + 'text = { charset = "01", synthetic = { kind = "lines" } }\n',
            "model.arch: expected ctc_small for kind 'text-drawn', found 'onnx:float.onnx'",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_error(
    model: str, more: str, data: str, message: str, tmp_path: Path
) -> None:
    """And nothing half-written is left."""
    given(tmp_path)
    with pytest.raises(PipelineError) as error:
        build(run_of(tmp_path, model, more, data))
    assert message in str(error.value)
    assert not (tmp_path / "run" / "train").exists()


def test_a_count_of_classes_that_differs_is_told(tmp_path: Path) -> None:
    """Of a file as it is; `labels` is named as what may help."""
    onnx.save(template_network(digit_templates()[:7]), tmp_path / "float.onnx")
    with pytest.raises(RecipeError) as error:
        build(run_of(tmp_path, AS_IT_IS))
    assert "expected an output for each of the data's 10, found 7; model.labels" in str(error.value)


def test_an_operator_without_a_lowering_is_found_before_the_training(tmp_path: Path) -> None:
    """In the check of the train stage: no epoch is lost, and no folder is left."""
    write_nets(tmp_path, NETS.replace("torch.relu(", "torch.erf("))
    run = run_of(tmp_path, 'arch = "module:nets.Tiny"', TRAINING)
    with pytest.raises(UnsupportedOperatorError, match="Erf"):
        build(run)
    assert not run.path("train").exists()
    assert not any("train 1/1" in line for line in recorded(run.progress).lines)


def test_a_classifier_that_is_to_learn_first_has_to_be_the_last_one_defined(tmp_path: Path) -> None:
    """Another layer would be taken for it; where it is the last one, it learns."""
    write_nets(tmp_path)
    training = "train = { epochs = 0, head_epochs = 20 }"
    with pytest.raises(RecipeError) as error:
        build(run_of(tmp_path, 'arch = "module:nets.Tiny"', training))
    assert "found 'head' computed last and 'hidden' defined last" in str(error.value)
    head = "        self.head = nn.Linear(16, num_classes)\n"
    hidden = "        self.hidden = nn.Linear(2 * width * 4, 16)\n"
    write_nets(tmp_path, NETS.replace(head, "").replace(hidden, hidden + head))
    run = run_of(tmp_path, 'arch = "module:nets.Tiny"', training)
    build(run)
    metrics = open_bundle(bundle_path(run)).manifest.metrics
    assert metrics is not None
    assert metrics.float_score.value > 0.4  # of ten classes, by features that nobody trained


def test_a_finished_run_whose_code_is_gone_says_so(tmp_path: Path) -> None:
    """What needs the network again names where its code was."""
    write_nets(tmp_path)
    run = run_of(tmp_path, 'arch = "module:nets.Tiny"', TRAINING.splitlines()[1])
    build(run)
    spec = run.task.model
    (tmp_path / "nets.py").unlink()
    with pytest.raises(RecipeError, match="expected a module 'nets' in "):
        build(run_of(tmp_path, 'arch = "module:nets.Tiny"', TRAINING.splitlines()[1]))
    assert spec.own is not None
    with pytest.raises(RunError, match="still, found it gone"):
        load_checkpoint(run.path("train"))
