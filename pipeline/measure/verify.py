"""`verify`: the proof. Reopen the bundle from disk, run the device's own code, hold the gates.

Only this module makes a `VerifiedBundle`, so nothing unverified type-checks into shipping.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.bundle.archive import Bundle, bundle_files, open_bundle, write_bundle
from edge_agent.bundle.manifest import Budget
from edge_agent.bundle.metrics import Metrics
from edge_agent.bundle.ports import Ports
from edge_agent.common.arrays import F32
from edge_agent.inference.network import Network
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.inference.runtime import machine_name, runtime_name
from pipeline.common.errors import GateError
from pipeline.common.progress import Progress
from pipeline.data.base import ImageSequence
from pipeline.measure.advice import Settings, advice
from pipeline.measure.evaluate import device_scores, float_scores
from pipeline.measure.gates import Gate, judge
from pipeline.measure.latency import first_images, median_ms
from pipeline.measure.truth import Truth
from pipeline.measure.wording import shown


@dataclass(frozen=True, eq=False)
class Proof:
    """What was measured on the held-out split, and what the gates say to it.

    Args:
        metrics: the numbers that go into the manifest.
        gates: every demanded gate.
        float_scores, int8_scores: (N, K) scores on the test split, of texts (N, T, K).
    """

    metrics: Metrics
    gates: tuple[Gate, ...]
    float_scores: F32
    int8_scores: F32


@dataclass(frozen=True)
class VerifiedBundle:
    """A bundle on disk that `verify` has passed; nothing else makes one."""

    bundle: Bundle
    proof: Proof


@dataclass(frozen=True)
class Networks:
    """The networks before quantisation, as float ONNX.

    Args:
        trained: as it was trained.
        pruned: what was left of it and quantised; None where nothing was pruned.
    """

    trained: bytes
    pruned: bytes | None = None


def measure(
    candidate: Bundle,
    networks: Networks,
    macs: int,
    test: ImageSequence,
    truth: Truth,
    budget: Budget,
    progress: Progress,
) -> Proof:
    """Score the candidate and what it was made from over `test`, and judge the budget.

    Args:
        candidate: a bundle opened from disk.
        networks: what it was made from.
        macs: multiply-accumulates of one inference.
        test: images no earlier stage has seen.
        truth: their right answers.
        budget: the gates to hold.
        progress: told how far it is.

    Raises:
        BundleError: the candidate fails its own golden frames.
    """
    manifest = candidate.manifest
    with TfliteRecognizer(candidate):
        pass  # opening replays the golden frames: a candidate that fails them is no candidate
    with Network(candidate.model, Ports.of(manifest), 1, str(candidate.path)) as network:
        with progress.task("verify: int8 on the test split", len(test)) as task:
            int8 = device_scores(network, test, task)
        inputs = [network.prepare(image) for image in first_images(test)]
        latency_ms = median_ms(network.infer, inputs)
    with progress.task("verify: trained on the test split", len(test)) as task:
        trained = real = float_scores(networks.trained, test, manifest.input, task)
    if networks.pruned is not None:
        with progress.task("verify: pruned on the test split", len(test)) as task:
            real = float_scores(networks.pruned, test, manifest.input, task)
    metrics = Metrics(
        trained_score=truth.score(trained),
        float_score=truth.score(real),
        int8_score=truth.score(int8),
        balance=truth.balance(int8),
        agreement=truth.agreement(real, int8),
        macs=macs,
        latency_ms=round(latency_ms, 4),
        measured_on=f"{machine_name()}, {runtime_name()}, 1 thread",
    )
    gates = judge(metrics, len(candidate.model), budget)
    return Proof(metrics, gates, real, int8)


def ship(
    candidate: Bundle,
    proof: Proof,
    budget: Budget,
    paths: tuple[Path, ...],
    settings: Settings | None = None,
) -> VerifiedBundle:
    """Write the candidate with its proof to each of `paths`, and reopen the first.

    Args:
        candidate: what was measured.
        proof: how.
        budget: what it was held to.
        paths: an archive's, or a folder's.
        settings: for the advice where a gate fails; None where nothing is known.

    Raises:
        GateError: a gate does not hold; nothing is written.
    """
    failed = tuple(gate for gate in proof.gates if not gate.holds)
    if failed:
        said = [
            f"{gate.name}: expected {gate.demanded}, measured {gate.measured}" for gate in failed
        ]
        helps = advice(failed, proof.metrics, settings or Settings())
        raise GateError(f"budget: {'; '.join([*said, *helps])}")
    manifest = msgspec.structs.replace(candidate.manifest, metrics=proof.metrics, budget=budget)
    files = bundle_files(manifest, candidate.model, candidate.golden)
    for path in paths:
        write_bundle(files, path)
    return VerifiedBundle(open_bundle(paths[0]), proof)


def summary(proof: Proof, *, pruned: bool) -> tuple[str, ...]:
    """What was measured, for the terminal: the scores and, of a classifier, its classes."""
    metrics = proof.metrics
    int8 = metrics.int8_score
    # Of classes everybody knows what a bare share is; another metric says its name.
    by = "" if int8.metric == "accuracy" else f" by {int8.metric}"
    middle = f"pruned {shown(metrics.float_score)}, " if pruned else ""
    count = len(proof.gates)
    gates = {0: "no gate was demanded", 1: "1 gate holds"}.get(count, f"{count} gates hold")
    lines = [
        f"verify: trained {shown(metrics.before_pruning)}, {middle}int8 {shown(int8)}{by}, {gates}"
    ]
    if metrics.balance is not None:
        weakest = metrics.balance.weakest
        lines.append(
            f"verify: by class: balanced {shown(metrics.balance.accuracy)}, weakest "
            f"{weakest.label!r} {shown(weakest.recall)} of {weakest.recall.samples}"
        )
    return tuple(lines)
