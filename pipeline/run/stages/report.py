"""The run so far to one HTML file: gather what the report shows, and write it."""

from importlib.metadata import version
from pathlib import Path

import msgspec

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.metrics import Metrics, Score
from edge_agent.common.atomic import write_whole
from edge_agent.inference.runtime import machine_name
from pipeline.checkpoints.checkpoint import Checkpoint, load_checkpoint
from pipeline.data.base import ImageSequence
from pipeline.measure.evaluate import float_scores, onnx_session, to_nchw
from pipeline.measure.latency import first_images, median_ms
from pipeline.measure.verify import Proof
from pipeline.models.macs import cost
from pipeline.report.data import NetworkRow, Phase
from pipeline.report.page import ReportPage, write
from pipeline.run.run import Run, Stage, read_result
from pipeline.run.stages.export import CANDIDATE
from pipeline.run.stages.quantize import FLOAT_FILE, before_int8, final_checkpoint, load_ladder
from pipeline.run.stages.verify import (
    FAILED_FOLDER,
    bundle_path,
    load_failed_proof,
    load_proof,
    networks,
)
from pipeline.tasks.run_task import Evidence

REPORT_FILE = "report.html"
RUNGS_FILE = "rungs.json"


def report_path(run: Run) -> Path:
    """The report of a finished run."""
    return run.path("report") / REPORT_FILE


def _inputs(run: Run) -> object:
    before = ("data", "train", "prune", "quantize", "export", "verify")
    return {
        "recipe": run.recipe_text.decode("utf-8", "replace"),
        "stages": {stage: run.need(stage).outputs for stage in before},
    }


def _make(run: Run, work: Path) -> None:
    _write(_gather(run), work)


def report_failure(run: Run) -> Path:
    """Write the report of a candidate that `verify` refused beside its proof; its path."""
    folder = run.path(FAILED_FOLDER)
    candidate = open_bundle(run.path("export") / CANDIDATE)
    _write(_gather_from(run, load_failed_proof(run), candidate), folder)
    return folder / REPORT_FILE


def _write(page: ReportPage, folder: Path) -> None:
    write(page, folder / REPORT_FILE)
    rungs = msgspec.json.format(msgspec.json.encode(page.data.rungs), indent=2)
    write_whole(folder / RUNGS_FILE, rungs)


def _gather(run: Run) -> ReportPage:
    return _gather_from(run, load_proof(run), open_bundle(bundle_path(run)))


def _gather_from(run: Run, proof: Proof, bundle: Bundle) -> ReportPage:
    manifest, weights = bundle.manifest, bundle.manifest.provenance.weights
    evidence = Evidence(bundle, proof.float_scores, proof.int8_scores, final_checkpoint(run).module)
    return run.task.report(
        evidence,
        name=run.recipe.name,
        created=manifest.provenance.created,
        gates=proof.gates,
        rungs=_rungs(run, proof, bundle),
        goal=load_ladder(run).goal,
        phases=_phases(run),
        golden=bundle.golden,
        golden_port=manifest.outputs[0],
        golden_tolerance=manifest.golden.tolerance_quanta,
        recipe_text=run.recipe_text.decode(),
        versions={"edgeward": manifest.provenance.code_version, **manifest.provenance.versions},
        hashes={
            "bundle" if manifest.verified else "candidate": bundle.id,
            "recipe": manifest.provenance.recipe_sha256,
            "data": manifest.provenance.data_sha256,
            **({} if weights is None else {f"weights {weights.label}": weights.sha256}),
            **manifest.files,
        },
    )


def load_rungs(run: Run) -> tuple[NetworkRow, ...]:
    """The ladder of a finished run, as its report shows it.

    Raises:
        RunError: another build wrote the report.
    """
    return read_result(run, "report", run.path("report") / RUNGS_FILE, tuple[NetworkRow, ...])


def load_failed_rungs(run: Run) -> tuple[NetworkRow, ...]:
    """The ladder of a run whose candidate was refused; empty where its report was not written.

    Raises:
        RunError: another build wrote it.
    """
    path = run.path(FAILED_FOLDER) / RUNGS_FILE
    return read_result(run, "verify", path, tuple[NetworkRow, ...]) if path.is_file() else ()


def _rungs(run: Run, proof: Proof, bundle: Bundle) -> tuple[NetworkRow, ...]:
    """Trained, pruned (where the recipe prunes), and every way to quantise that was tried."""
    network, climbed = final_checkpoint(run), load_ladder(run)
    metrics = proof.metrics
    deployed = (run.path("quantize") / FLOAT_FILE).read_bytes()
    scores = (climbed.float_score, metrics.float_score)
    whole = _float_rung(before_int8(run), network, deployed, scores, run)
    tried = tuple(
        NetworkRow(
            name=rung.name,
            validation=rung.figures.score,
            drop=rung.figures.drop,
            expected_drop=rung.figures.expected_drop,
            met=rung.met,
            kept=rung.kept,
            macs=whole.macs,
            parameters=whole.parameters,
            size_bytes=rung.figures.size_bytes,
            latency_ms=rung.figures.latency_ms,
            measured_on=metrics.measured_on,
        )
        for rung in climbed.rungs
    )
    place = climbed.rungs.index(climbed.chosen)
    shipped = msgspec.structs.replace(
        tried[place],
        test=metrics.int8_score,
        chosen=True,
        size_bytes=len(bundle.model),
        latency_ms=metrics.latency_ms,
    )
    before = () if run.recipe.prune is None else (_unpruned(run, metrics),)
    return (*before, whole, *tried[:place], shipped, *tried[place + 1 :])


def _unpruned(run: Run, metrics: Metrics) -> NetworkRow:
    """The network as it was trained, which no stage has looked at on validation."""
    trained, model, val = load_checkpoint(run.path("train")), networks(run).trained, run.dataset.val
    with run.progress.task("report: trained on the validation split", len(val)) as task:
        scores = float_scores(model, val.images, run.recipe.input, task)
    test = metrics.trained_score
    assert test is not None, "verify measured it"
    return _float_rung("trained", trained, model, (run.task.truth("val").score(scores), test), run)


def _float_rung(
    name: str, network: Checkpoint, model: bytes, scores: tuple[Score, Score], run: Run
) -> NetworkRow:
    """A float network with its scores on validation and on test."""
    needs = cost(network.module, network.spec.input)
    return NetworkRow(
        name=name,
        validation=scores[0],
        test=scores[1],
        macs=needs.macs,
        parameters=needs.parameters,
        size_bytes=len(model),
        latency_ms=_float_latency_ms(model, run.dataset.test.images, run.recipe.input),
        measured_on=f"{machine_name()}, onnxruntime {version('onnxruntime')}, 1 thread",
    )


def _float_latency_ms(model: bytes, test: ImageSequence, spec: InputSpec) -> float:
    session = onnx_session(model)
    name = session.get_inputs()[0].name
    inputs = [{name: to_nchw(image, spec)} for image in first_images(test)]
    return median_ms(lambda feed: session.run(None, feed), inputs)


def _phases(run: Run) -> tuple[Phase, ...]:
    trained = load_checkpoint(run.path("train")).history
    phases = [Phase("training", trained)] if trained else []
    if run.recipe.prune is not None:
        phases.append(Phase("fine-tuning", load_checkpoint(run.path("prune")).history))
    tuned = [rung.history for rung in load_ladder(run).rungs if rung.history]
    phases += [Phase("fine-tuning on the int8 grid", history) for history in tuned]
    return tuple(phases)


REPORT = Stage("report", _inputs, _make)
