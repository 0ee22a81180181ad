"""The proof: measured with the device's own code, and nothing ships that does not hold."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.answers import classification
from support.progress import recorded

from edge_agent.bundle.archive import Bundle, bundle_files, open_bundle, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import Budget
from edge_agent.bundle.metrics import Score
from edge_agent.common.errors import BundleError
from edge_agent.inference.recognizer import TfliteRecognizer
from pipeline.common.errors import GateError
from pipeline.common.progress import SILENT
from pipeline.measure.evaluate import accuracy, agreement
from pipeline.measure.gates import Gate
from pipeline.measure.verify import Networks, Proof, measure, ship
from pipeline.measure.wording import shown
from pipeline.models.macs import cost
from pipeline.run.build import build, single
from pipeline.run.run import Run, perform
from pipeline.run.stages.quantize import FLOAT_FILE, final_checkpoint
from pipeline.run.stages.verify import VERIFY, bundle_path, load_failed_proof, load_proof


@pytest.fixture(name="candidate", scope="module")
def _candidate(built: Path) -> Bundle:
    return open_bundle(built / "export" / "candidate")


@pytest.fixture(name="proof", scope="module")
def _proof(built: Path) -> Proof:
    folder = built / "verify"
    run = Run(built, (built / "recipe.toml").read_bytes(), built / "tiny.toml", None, SILENT)
    assert folder.is_dir()
    return load_proof(run)


def test_the_scores_are_those_of_the_device_on_the_test_split(
    built: Path, proof: Proof, candidate: Bundle, open_tiny: Callable[..., Run]
) -> None:
    """Image by image, the recogniser answers what the proof counted."""
    test = open_tiny(built).dataset.test
    with TfliteRecognizer(candidate) as recognize:
        answers = [classification(recognize(test.images[i])).index for i in range(len(test))]
    assert answers == proof.int8_scores.argmax(axis=1).tolist()


def test_the_metrics_follow_from_the_scores(
    built: Path, proof: Proof, open_tiny: Callable[..., Run]
) -> None:
    """Every number of the manifest can be computed again from what is kept."""
    metrics, labels = proof.metrics, open_tiny(built).dataset.test.labels
    assert metrics.float_score == accuracy(proof.float_scores, labels)
    assert metrics.int8_score == accuracy(proof.int8_scores, labels)
    assert metrics.agreement == agreement(proof.float_scores, proof.int8_scores)
    network = final_checkpoint(open_tiny(built))
    assert metrics.macs == cost(network.module, network.spec.input).macs
    assert metrics.latency_ms > 0
    assert metrics.measured_on.endswith("1 thread")


def test_int8_is_close_to_float_and_both_have_learnt(proof: Proof) -> None:
    """The two networks are one network: nearly the same scores, far better than chance."""
    assert proof.metrics.float_score.value > 0.6
    assert proof.metrics.agreement > 0.95
    spread = proof.float_scores.std()
    assert np.abs(proof.float_scores - proof.int8_scores).mean() < 0.1 * spread


def test_both_forms_of_the_bundle_ship_with_the_proof(
    built: Path, proof: Proof, candidate: Bundle, open_tiny: Callable[..., Run]
) -> None:
    """The directory and the archive are one verified bundle with the candidate's model."""
    archive = open_bundle(bundle_path(open_tiny(built)))
    folder = open_bundle(built / "verify" / "bundle")
    assert archive.id == folder.id
    assert archive.manifest.verified
    assert archive.manifest.metrics == proof.metrics
    assert archive.model == candidate.model


def test_the_proof_is_kept_for_scripts(built: Path, proof: Proof) -> None:
    """proof.json has the metrics of the manifest."""
    kept = json.loads((built / "verify" / "proof.json").read_text())
    assert kept["metrics"] == msgspec.to_builtins(proof.metrics)
    assert [gate["name"] for gate in kept["gates"]] == ["weakest class"]


def test_a_gate_that_does_not_hold_lets_nothing_ship(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """The error names gate, demand and measurement; not even an older bundle is left to ship."""
    budget = "{ min_accuracy = 1.0, min_balanced_accuracy = 0, max_size_kb = 0.5 }"
    run = open_tiny(built_copy, budget=budget)
    value = open_bundle(bundle_path(run)).manifest.metrics
    assert value is not None
    with pytest.raises(GateError) as caught:
        perform(run, VERIFY)
    size = len(open_bundle(built_copy / "export" / "candidate").model) / 1000
    assert not run.path("verify").exists()
    assert str(caught.value) == (
        f"budget: accuracy: expected at least 100.00 %, measured "
        f"{100 * value.int8_score.value:.2f} %; "
        f"size: expected at most 0.50 kB, measured {size:.2f} kB"
    )
    assert not list((built_copy / ".work").iterdir())
    assert len(load_failed_proof(run).int8_scores) == len(run.dataset.test)
    assert {path.name for path in run.path("verify.failed").iterdir()} == {
        "proof.json",
        "scores.npz",
    }


def test_a_budget_that_holds_goes_into_the_manifest(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """Whoever gets the bundle can read what was promised, and each gate is on record."""
    run = open_tiny(built_copy, budget="{ max_drop = 0.5, min_agreement = 0.5 }")
    assert perform(run, VERIFY)
    assert open_bundle(bundle_path(run)).manifest.budget == Budget(max_drop=0.5, min_agreement=0.5)
    assert [(gate.name, gate.holds) for gate in load_proof(run).gates] == [
        ("weakest class", True),
        ("drop", True),
        ("agreement", True),
    ]
    assert recorded(run.progress).lines[-2].endswith("3 gates hold")


def test_nothing_is_written_where_a_gate_fails(
    candidate: Bundle, proof: Proof, tmp_path: Path
) -> None:
    """Not even the first of several paths."""
    failed = Gate("accuracy", "at least 99.00 %", "50.00 %", holds=False)
    bad = Proof(proof.metrics, (failed,), proof.float_scores, proof.int8_scores)
    with pytest.raises(GateError, match=r"^budget: accuracy: expected at least 99\.00 %, meas"):
        ship(candidate, bad, Budget(), (tmp_path / "a", tmp_path / "b.edgeward"))
    assert not list(tmp_path.iterdir())


def test_a_drop_beyond_the_budget_says_what_would_leave_a_margin(
    candidate: Bundle, proof: Proof, tmp_path: Path
) -> None:
    """The ladder met the budget on validation: what helps is to aim lower there."""
    failed = Gate("drop", "at most 0.20 points", "0.31 points", holds=False)
    bad = Proof(proof.metrics, (failed,), proof.float_scores, proof.int8_scores)
    with pytest.raises(GateError) as caught:
        ship(candidate, bad, Budget(), (tmp_path / "a",))
    assert str(caught.value) == (
        "budget: drop: expected at most 0.20 points, measured 0.31 points; "
        "a quantize.aim below the budget would climb the ladder for a margin"
    )


def test_a_candidate_that_fails_its_own_golden_frames_is_not_measured(
    built: Path, candidate: Bundle, tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """What is measured is what was opened from disk and proven here."""
    frame = candidate.golden[0]
    wrong = (GoldenFrame(frame.image, (np.flip(frame.outputs[0]),)), *candidate.golden[1:])
    write_bundle(bundle_files(candidate.manifest, candidate.model, wrong), tmp_path / "wrong")
    run = open_tiny(built)
    test, truth = run.dataset.test.images, run.task.truth("test")
    model = Networks((built / "quantize" / FLOAT_FILE).read_bytes())
    with pytest.raises(BundleError, match="golden frame 0 on"):
        measure(open_bundle(tmp_path / "wrong"), model, 1, test, truth, Budget(), SILENT)


def test_a_score_is_worded_with_its_interval() -> None:
    """One digit, the interval in brackets."""
    score = Score(metric="accuracy", value=0.9812, low=0.9649, high=0.9901, samples=400)
    assert shown(score) == "98.1 % [96.5, 99.0]"


def test_a_build_with_a_budget_out_of_reach_shows_what_failed(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """The error names a report with the gate and the mistakes; no bundle is there."""
    before = (built_copy / "report" / "report.html").read_bytes()
    with pytest.raises(GateError) as caught:
        build(open_tiny(built_copy, budget="{ min_accuracy = 1.0 }"))
    path = built_copy / "verify.failed" / "report.html"
    assert str(caught.value).endswith(f"; report {path}")
    page = path.read_text(encoding="utf-8")
    assert '<p class="verdict bad">' in page
    assert "✗ Not verified" in page
    assert "failed: accuracy" in page
    assert 'id="mistakes"' in page
    assert "refused</span>" in page
    assert not [*built_copy.rglob("*.edgeward"), *built_copy.rglob("bundle")]
    assert (built_copy / "report" / "report.html").read_bytes() == before


def test_a_failed_proof_is_gone_once_one_holds(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """The stage repeats, fails again alike, and passes where the budget is within reach."""
    out_of_reach = open_tiny(built_copy, budget="{ min_accuracy = 1.0 }")
    for _ in range(2):
        with pytest.raises(GateError, match=r"verify\.failed"):
            single(out_of_reach, "verify")
    assert out_of_reach.path("verify.failed").is_dir()
    run = open_tiny(built_copy, budget="{ min_accuracy = 0.2 }")
    single(run, "verify")
    assert not run.path("verify.failed").exists()
    assert open_bundle(bundle_path(run)).manifest.verified


def test_a_report_that_cannot_be_written_leaves_the_verdict(
    built_copy: Path, open_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate is what failed, and the error says that its report is missing and why."""

    def full(_: Run) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.run.build.report_failure", full)
    with pytest.raises(GateError, match=r"^budget: accuracy: .*; no report: .*No space left"):
        single(open_tiny(built_copy, budget="{ min_accuracy = 1.0 }"), "verify")
