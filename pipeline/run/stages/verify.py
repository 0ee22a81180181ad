"""Candidate to verified bundle: the proof, its numbers, and the two forms that ship.

Of a candidate that a gate refuses only the proof is kept, in a folder that is no stage's.
"""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.bundle.archive import ARCHIVE_SUFFIX, Bundle, open_bundle
from edge_agent.bundle.metrics import Metrics
from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.checkpoint import load_checkpoint
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.common.errors import GateError
from pipeline.data.root import data_root, find_data
from pipeline.measure.advice import Settings
from pipeline.measure.gates import Gate
from pipeline.measure.kept_answers import kept_answers
from pipeline.measure.verify import Networks, Proof, measure, ship, summary
from pipeline.models.macs import cost
from pipeline.run.run import Run, Stage, read_result
from pipeline.run.stages.data import check_test_images
from pipeline.run.stages.export import CANDIDATE
from pipeline.run.stages.quantize import FLOAT_FILE, final_checkpoint, final_checkpoint_stage
from pipeline.tasks import task_of
from quantization.fold.fold import fold

PROOF_FILE = "proof.json"
SCORES_FILE = "scores.npz"
BUNDLE_FOLDER = "bundle"
# Of proof.json; a run folder with another one is verified again.
PROOF_LAYOUT = 2
# The proof of a candidate that did not pass, for its report: no stage's result, and no bundle.
FAILED_FOLDER = "verify.failed"


class ProofRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`proof.json`: the metrics and every gate, for the report and for scripts."""

    metrics: Metrics
    gates: tuple[Gate, ...]


def bundle_path(run: Run) -> Path:
    """The verified bundle, as one archive file."""
    return run.path("verify") / f"{run.recipe.name}{ARCHIVE_SUFFIX}"


def load_proof(run: Run) -> Proof:
    """What `verify` measured in this run.

    Raises:
        RunError: another build measured it.
    """
    return _read_proof(run, run.path("verify"))


def load_failed_proof(run: Run) -> Proof:
    """What `verify` measured in this run when a gate did not hold."""
    return _read_proof(run, run.path(FAILED_FOLDER))


def _read_proof(run: Run, folder: Path) -> Proof:
    record = read_result(run, "verify", folder / PROOF_FILE, ProofRecord)
    with np.load(folder / SCORES_FILE, allow_pickle=False) as arrays:
        return Proof(record.metrics, record.gates, arrays["float"], arrays["int8"])


def _inputs(run: Run) -> object:
    against = _old_bundle(run)
    return {
        "against": None if against is None else against.id,
        "crops": run.task.kept_identity(),
        "candidate": run.need("export").outputs,
        "trained": run.need("train").outputs,
        "float": run.need("quantize").outputs[FLOAT_FILE],
        "network": run.need(final_checkpoint_stage(run)).outputs,
        "split": run.need("data").outputs,
        "budget": run.recipe.budget,
        "proof": PROOF_LAYOUT,
    }


def _old_bundle(run: Run) -> Bundle | None:
    path = run.recipe.verify.against
    if path is None:
        return None
    places = data_root(run.data_root), run.recipe_folder
    return open_bundle(find_data(path, "verify.against", "a bundle", *places))


def _older(run: Run, candidate: Bundle) -> Iterator[Gate]:
    """What the older bundle could do, and the candidate must."""
    old = _old_bundle(run)
    if old is not None:
        yield kept_answers(candidate, old, task_of(run.recipe).lacks).gate()
        yield from run.task.kept_gates(candidate, old)


def _make(run: Run, work: Path) -> None:
    # Should a gate fail now, no bundle that was proven for other inputs may lie there to ship.
    for old in ("verify", FAILED_FOLDER):
        shutil.rmtree(run.path(old), ignore_errors=True)
    candidate = open_bundle(run.path("export") / CANDIDATE)
    network = final_checkpoint(run)
    macs = cost(network.module, network.spec.input).macs
    test, budget = run.dataset.test.images, run.recipe.budget
    truth = run.task.truth("test")
    proof = measure(candidate, networks(run), macs, test, truth, budget, run.progress)
    proof = replace(proof, gates=(*proof.gates, *_older(run, candidate)))
    _write_proof(proof, work)
    paths = (work / BUNDLE_FOLDER, work / bundle_path(run).name)
    try:
        ship(candidate, proof, budget, paths, Settings.of(run.recipe, _pictures(run)))
    except GateError:
        work.rename(run.path(FAILED_FOLDER))
        raise
    for line in summary(proof, pruned=run.recipe.prune is not None):
        run.progress.say(line)


def _write_proof(proof: Proof, work: Path) -> None:
    record = msgspec.json.encode(ProofRecord(proof.metrics, proof.gates))
    write_whole(work / PROOF_FILE, msgspec.json.format(record, indent=2))
    scores = io.BytesIO()
    np.savez_compressed(scores, float=proof.float_scores, int8=proof.int8_scores)
    write_whole(work / SCORES_FILE, scores.getvalue())


def _pictures(run: Run) -> dict[str, int]:
    """How many images of each class there are to learn from; empty of texts."""
    return dict(run.task.truth("train").class_counts() or {})


def networks(run: Run) -> Networks:
    """The networks of a run before quantisation."""
    quantized = (run.path("quantize") / FLOAT_FILE).read_bytes()
    if run.recipe.prune is None:
        return Networks(quantized)
    trained = fold(to_onnx(load_checkpoint(run.path("train")))).SerializeToString()
    return Networks(trained, quantized)


VERIFY = Stage("verify", _inputs, _make, check=check_test_images)
