"""The report's stage: which numbers of the run go into it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_agent.bundle.archive import open_bundle, sha256
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.checkpoints.checkpoint import load_checkpoint
from pipeline.checkpoints.history import EpochRecord
from pipeline.data.classes import ClassDataset
from pipeline.ladder.ladder import Goal, Ladder
from pipeline.models.macs import cost
from pipeline.run.run import Run
from pipeline.run.stages.quantize import FLOAT_FILE, LADDER_FILE, load_ladder
from pipeline.run.stages.report import _gather, load_rungs, report_path
from pipeline.run.stages.verify import bundle_path, load_proof
from pipeline.tasks.classify.report.attention import EXAMPLES, _one_of_each
from pipeline.tasks.classify.report.contents import ClassReport


@pytest.fixture(name="gathered")
def _gathered(built: Path, open_tiny: Callable[..., Run]) -> ClassReport:
    found = _gather(open_tiny(built)).data
    assert isinstance(found, ClassReport)
    return found


def test_the_ladder_leads_from_trained_over_pruned_to_int8(
    built: Path, gathered: ClassReport, open_tiny: Callable[..., Run]
) -> None:
    """Each rung is its own network: its cost, its file, and its accuracy on both splits."""
    run = open_tiny(built)
    proof, climbed = load_proof(run), load_ladder(run)
    trained, pruned = load_checkpoint(built / "train"), load_checkpoint(built / "prune")
    first, middle, last = gathered.rungs
    assert [rung.name for rung in gathered.rungs] == ["trained", "pruned", "int8"]
    assert (first.macs, middle.macs) == tuple(
        cost(network.module, network.spec.input).macs for network in (trained, pruned)
    )
    assert (last.macs, last.parameters) == (middle.macs, middle.parameters)
    assert first.test == proof.metrics.trained_score
    assert middle.test == proof.metrics.float_score
    assert middle.validation == climbed.float_score
    assert last.test == proof.metrics.int8_score
    assert last.validation == climbed.rungs[0].figures.score
    assert last.expected_drop == climbed.rungs[0].figures.expected_drop
    assert last.latency_ms == proof.metrics.latency_ms
    assert last.chosen
    assert middle.size_bytes == (built / "quantize" / FLOAT_FILE).stat().st_size
    assert first.size_bytes > middle.size_bytes > last.size_bytes
    assert all(rung.latency_ms is not None and rung.latency_ms > 0 for rung in gathered.rungs)
    assert "onnxruntime" in middle.measured_on
    assert last.measured_on == proof.metrics.measured_on


def test_the_unpruned_network_is_scored_on_both_splits(
    built: Path, gathered: ClassReport, open_tiny: Callable[..., Run]
) -> None:
    """As its training measured it on validation; nobody else has looked at its test split."""
    run, first = open_tiny(built), gathered.rungs[0]
    assert first.validation.samples == len(run.dataset.val)
    assert first.validation.value == load_checkpoint(built / "train").history[-1].val_accuracy
    assert first.test is not None
    assert first.test.samples == len(run.dataset.test)


def test_what_was_tried_is_part_of_the_ladder(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """In the order it was tried, the one that ships where it stood, without the test split."""
    path = built_copy / "quantize" / LADDER_FILE
    ladder = msgspec.json.decode(path.read_bytes(), type=Ladder)
    (made,) = ladder.rungs
    slower = msgspec.structs.replace(made.figures, expected_drop=0.5, latency_ms=9.5)
    worse = msgspec.structs.replace(
        made, name="worse", figures=slower, kept=False, met=False,
        history=(EpochRecord(1, 0.5, 0.4, 0.9, 1e-3, 2.5),),
    )  # fmt: skip
    dearer = msgspec.structs.replace(made.figures, expected_drop=0.4)
    first = msgspec.structs.replace(made, name="first", figures=dearer, met=False)
    changed = msgspec.structs.replace(ladder, rungs=(first, worse, made), goal=Goal(0.1, 0.2))
    path.write_bytes(msgspec.json.encode(changed))
    gathered = _gather(open_tiny(built_copy)).data
    rungs = gathered.rungs[2:]
    assert [(r.name, r.chosen, r.kept, r.met) for r in rungs] == [
        ("first", False, True, False),
        ("worse", False, False, False),
        ("int8", True, True, None),
    ]
    assert [rung.test is None for rung in rungs] == [True, True, False]
    assert rungs[1].latency_ms == 9.5
    assert gathered.goal == Goal(0.1, 0.2)
    assert gathered.phases[-1].name == "fine-tuning on the int8 grid"
    assert gathered.phases[-1].epochs == worse.history


def test_the_ladder_is_kept_for_scripts(
    built: Path, gathered: ClassReport, open_tiny: Callable[..., Run]
) -> None:
    """As the report shows it but for the latencies of float, which were measured again here."""
    kept = load_rungs(open_tiny(built))
    for found, wanted in zip(kept, gathered.rungs, strict=True):
        assert found == msgspec.structs.replace(wanted, latency_ms=found.latency_ms)


def test_without_pruning_the_ladder_has_two_rungs(
    built: Path, open_tiny: Callable[..., Run]
) -> None:
    """The trained network is then the one that was quantised, and there is one training."""
    run = open_tiny(built, prune="")
    gathered = _gather(run).data
    assert [rung.name for rung in gathered.rungs] == ["trained", "int8"]
    assert gathered.rungs[0].test == load_proof(run).metrics.float_score
    assert [phase.name for phase in gathered.phases] == ["training"]


def test_the_trainings_are_shown_epoch_by_epoch(built: Path, gathered: ClassReport) -> None:
    """The history of each checkpoint, training first."""
    assert [phase.name for phase in gathered.phases] == ["training", "fine-tuning"]
    assert gathered.phases[0].epochs == load_checkpoint(built / "train").history
    assert gathered.phases[1].epochs == load_checkpoint(built / "prune").history


def test_the_bundle_in_the_report_is_the_one_that_ships(
    built: Path, gathered: ClassReport, open_tiny: Callable[..., Run]
) -> None:
    """Its hash, golden frames, temperature and scales, and the exact recipe."""
    run = open_tiny(built)
    bundle = open_bundle(bundle_path(run))
    proof = load_proof(run)
    np.testing.assert_array_equal(gathered.scores_float, proof.float_scores)
    np.testing.assert_array_equal(gathered.scores_int8, proof.int8_scores)
    assert gathered.hashes["bundle"] == bundle.id
    assert gathered.hashes["model.tflite"] == sha256(bundle.model)
    assert isinstance(bundle.manifest.output, ClassifySpec)
    assert gathered.temperature == bundle.manifest.output.temperature
    assert (gathered.golden_port,) == bundle.manifest.outputs
    assert gathered.recipe_text == run.recipe_text.decode()
    assert isinstance(run.dataset, ClassDataset)
    assert gathered.labels == run.dataset.labels
    assert bundle.id in report_path(run).read_text()


def test_the_network_is_looked_into_where_it_was_right_and_wrong(
    built: Path, gathered: ClassReport, open_tiny: Callable[..., Run]
) -> None:
    """Four surest right answers, each another one, then at most four wrong ones."""
    run = open_tiny(built)
    proof = load_proof(run)
    wrong = int((proof.int8_scores.argmax(axis=1) != run.dataset.test.labels).sum())
    right = gathered.attention[:EXAMPLES]
    assert all(item.right for item in right)
    assert len({item.answer for item in right}) == EXAMPLES
    assert len(gathered.attention) == EXAMPLES + min(EXAMPLES, wrong)


def test_the_first_of_each_answer_is_taken() -> None:
    """In the order of the ranking, whatever comes in between."""
    answers = np.array([7, 7, 3, 7, 3, 1])
    assert _one_of_each([4, 1, 0, 5, 2], answers) == [4, 1, 5]
