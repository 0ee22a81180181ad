"""The run so far to one HTML file: gather what the report shows, and write it."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.bundle.manifest import InputSpec, Metrics, Score
from edge_agent.bundle.preprocess import fit
from edge_agent.common.arrays import F32
from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import TaskError
from edge_agent.inference.runtime import machine_name
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.softmax import softmax
from pipeline.checkpoints.checkpoint import Checkpoint, load_checkpoint
from pipeline.data.base import ImageSequence
from pipeline.data.classes import ClassDataset, ClassSplit
from pipeline.measure.evaluate import float_scores, onnx_session, to_nchw
from pipeline.measure.latency import first_images, median_ms
from pipeline.measure.verify import Proof
from pipeline.models.macs import cost
from pipeline.report.attention import attend
from pipeline.report.classes.classes import Attention, ClassReport, view
from pipeline.report.data import Phase, Rung
from pipeline.report.page import AnyReport, write
from pipeline.report.texts.texts import TextReport, view_texts
from pipeline.run.run import Run, Stage
from pipeline.run.stages.export import CANDIDATE
from pipeline.run.stages.quantize import FLOAT_FILE, before_int8, final_checkpoint, load_ladder
from pipeline.run.stages.verify import (
    FAILED_FOLDER,
    bundle_path,
    load_failed_proof,
    load_proof,
    networks,
)
from pipeline.tasks.ocr.data.dataset import TextDataset
from pipeline.tasks.ocr.recipe import TextRecipe

REPORT_FILE = "report.html"
RUNGS_FILE = "rungs.json"
# How many right and how many wrong answers are looked into.
EXAMPLES = 4


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
    data = _gather(run)
    write(data, work / REPORT_FILE)
    rungs = msgspec.json.format(msgspec.json.encode(data.rungs), indent=2)
    write_whole(work / RUNGS_FILE, rungs)


def report_failure(run: Run) -> Path:
    """Write the report of a candidate that `verify` refused beside its proof; its path."""
    path = run.path(FAILED_FOLDER) / REPORT_FILE
    candidate = open_bundle(run.path("export") / CANDIDATE)
    write(_gather_from(run, load_failed_proof(run), candidate), path)
    return path


def _gather(run: Run) -> AnyReport:
    return _gather_from(run, load_proof(run), open_bundle(bundle_path(run)))


def _gather_from(run: Run, proof: Proof, bundle: Bundle) -> AnyReport:
    manifest = bundle.manifest
    return _report_of(run, proof, bundle)(
        name=run.recipe.name,
        created=manifest.provenance.created,
        gates=proof.gates,
        rungs=_rungs(run, proof, bundle),
        goal=load_ladder(run).goal,
        phases=_phases(run),
        scores_float=proof.float_scores,
        scores_int8=proof.int8_scores,
        golden=bundle.golden,
        golden_port=manifest.outputs[0],
        golden_tolerance=manifest.golden.tolerance_quanta,
        recipe_text=run.recipe_text.decode(),
        versions={"edgeward": manifest.provenance.code_version, **manifest.provenance.versions},
        hashes={
            "bundle" if manifest.verified else "candidate": bundle.id,
            "recipe": manifest.provenance.recipe_sha256,
            "data": manifest.provenance.data_sha256,
            **manifest.files,
        },
    )


def _report_of(run: Run, proof: Proof, bundle: Bundle) -> Callable[..., AnyReport]:
    """The report for what the network answers, with all that only such a report shows."""
    dataset, output = run.dataset, bundle.manifest.output
    if isinstance(dataset, TextDataset) and isinstance(output, TextSpec):
        text = run.recipe.table(TextRecipe)
        synthetic = text and text.synthetic
        data = view_texts(dataset, synthetic.share if synthetic else 0.0)
        return partial(TextReport, spec=output, test=dataset.test, data=data)
    if isinstance(dataset, ClassDataset) and isinstance(output, ClassifySpec):
        return partial(
            ClassReport,
            labels=output.labels,
            test=dataset.test,
            temperature=output.temperature,
            attention=_attention(final_checkpoint(run), dataset.test, proof, bundle, output),
            data=view(dataset),
        )
    wanted = "ocr" if isinstance(dataset, TextDataset) else "classify"
    raise TaskError(f"{bundle.path}: expected a bundle for the task {wanted}, found another")


def load_rungs(run: Run) -> tuple[Rung, ...]:
    """The ladder of a finished run, as its report shows it."""
    return msgspec.json.decode(
        (run.path("report") / RUNGS_FILE).read_bytes(), type=tuple[Rung, ...]
    )


def _rungs(run: Run, proof: Proof, bundle: Bundle) -> tuple[Rung, ...]:
    """Trained, pruned (where the recipe prunes), and every way to quantise that was tried."""
    network, climbed = final_checkpoint(run), load_ladder(run)
    metrics = proof.metrics
    deployed = (run.path("quantize") / FLOAT_FILE).read_bytes()
    accuracies = (climbed.float_accuracy, metrics.float_accuracy)
    whole = _float_rung(before_int8(run), network, deployed, accuracies, run)
    tried = tuple(
        Rung(
            name=rung.name,
            validation=rung.accuracy,
            drop=rung.drop,
            expected_drop=rung.expected_drop,
            met=rung.met,
            kept=rung.kept,
            macs=whole.macs,
            parameters=whole.parameters,
            size_bytes=rung.size_bytes,
            latency_ms=rung.latency_ms,
            measured_on=metrics.measured_on,
        )
        for rung in climbed.rungs
    )
    place = climbed.rungs.index(climbed.chosen)
    shipped = msgspec.structs.replace(
        tried[place],
        test=metrics.int8_accuracy,
        chosen=True,
        size_bytes=len(bundle.model),
        latency_ms=metrics.latency_ms,
    )
    before = () if run.recipe.prune is None else (_unpruned(run, metrics),)
    return (*before, whole, *tried[:place], shipped, *tried[place + 1 :])


def _unpruned(run: Run, metrics: Metrics) -> Rung:
    """The network as it was trained, which no stage has looked at on validation."""
    trained, model, val = load_checkpoint(run.path("train")), networks(run).trained, run.dataset.val
    with run.progress.task("report: trained on the validation split", len(val)) as task:
        scores = float_scores(model, val.images, run.recipe.input, task)
    test = metrics.trained_accuracy
    assert test is not None, "verify measured it"
    return _float_rung(
        "trained", trained, model, (run.task.truth("val").accuracy(scores), test), run
    )


def _float_rung(
    name: str, network: Checkpoint, model: bytes, accuracies: tuple[Score, Score], run: Run
) -> Rung:
    """A float network with its accuracies on validation and on test."""
    needs = cost(network.module, network.spec.input)
    return Rung(
        name=name,
        validation=accuracies[0],
        test=accuracies[1],
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
    phases = [Phase("training", load_checkpoint(run.path("train")).history)]
    if run.recipe.prune is not None:
        phases.append(Phase("fine-tuning", load_checkpoint(run.path("prune")).history))
    tuned = [rung.history for rung in load_ladder(run).rungs if rung.history]
    phases += [Phase("fine-tuning on the int8 grid", history) for history in tuned]
    return tuple(phases)


def _attention(
    network: Checkpoint, test: ClassSplit, proof: Proof, bundle: Bundle, classes: ClassifySpec
) -> tuple[Attention, ...]:
    """What the network looks at: its surest right answers, and its surest wrong ones."""
    spec, answers = bundle.manifest.input, proof.int8_scores.argmax(axis=1)
    confidence = softmax(proof.int8_scores, classes.temperature).max(axis=1)
    surest = np.argsort(-confidence, kind="stable")
    right = [int(i) for i in surest if answers[i] == test.labels[i]]
    wrong = [int(i) for i in surest if answers[i] != test.labels[i]]
    chosen = _one_of_each(right, answers)[:EXAMPLES] + wrong[:EXAMPLES]
    return tuple(
        attend(
            network.module,
            to_nchw(test.images[i], spec),
            np.squeeze(fit(test.images[i], spec)),
            int(test.labels[i]),
            classes.labels,
            classes.temperature,
        )
        for i in chosen
    )


def _one_of_each(ranked: list[int], answers: F32) -> list[int]:
    """The first of `ranked` for each answer, in their order."""
    firsts: dict[int, int] = {}
    for i in ranked:
        firsts.setdefault(int(answers[i]), i)
    return list(firsts.values())


REPORT = Stage("report", _inputs, _make)
