"""`verify`: the proof. Reopen the bundle from disk, run the device's own code, hold the gates.

Only this module makes a `VerifiedBundle`, so nothing unverified type-checks into shipping.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.arrays import F32
from edge_agent.bundle.archive import Bundle, bundle_files, open_bundle, write_bundle
from edge_agent.bundle.manifest import Budget, Metrics, Score
from edge_agent.network import Network
from edge_agent.recognizer import open_recognizer
from edge_agent.runtime import machine_name, runtime_name
from pipeline.data.base import ImageSequence
from pipeline.errors import GateError
from pipeline.evaluate import device_scores, float_scores
from pipeline.gates import Gate, judge
from pipeline.latency import first_images, median_ms
from pipeline.progress import Progress
from pipeline.task import Truth


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


def measure(
    candidate: Bundle,
    float_model: bytes,
    macs: int,
    test: ImageSequence,
    truth: Truth,
    budget: Budget,
    progress: Progress,
) -> Proof:
    """Score the candidate and its float network over `test`, and judge the budget.

    Args:
        candidate: a bundle opened from disk.
        float_model: the float ONNX network it was made from.
        macs: multiply-accumulates of one inference.
        test: images no earlier stage has seen.
        truth: their right answers.
        budget: the gates to hold.
        progress: told how far it is.

    Raises:
        BundleError: the candidate fails its own golden frames.
    """
    manifest = candidate.manifest
    with open_recognizer(candidate):
        pass  # opening replays the golden frames: a candidate that fails them is no candidate
    with Network(candidate.model, manifest, 1, str(candidate.path)) as network:
        with progress.task("verify: int8 on the test split", len(test)) as task:
            int8 = device_scores(network, manifest.quantisation.output, test, task)
        inputs = [network.prepare(image) for image in first_images(test)]
        latency_ms = median_ms(network.infer, inputs)
    with progress.task("verify: float on the test split", len(test)) as task:
        real = float_scores(float_model, test, manifest.input, task)
    metrics = Metrics(
        float_accuracy=truth.accuracy(real),
        int8_accuracy=truth.accuracy(int8),
        agreement=truth.agreement(real, int8),
        macs=macs,
        latency_ms=round(latency_ms, 4),
        measured_on=f"{machine_name()}, {runtime_name()}, 1 thread",
    )
    gates = judge(metrics, len(candidate.model), budget)
    return Proof(metrics, gates, real, int8)


def ship(
    candidate: Bundle, proof: Proof, budget: Budget, paths: tuple[Path, ...]
) -> VerifiedBundle:
    """Write the candidate with its proof to each of `paths`, and reopen the first.

    Raises:
        GateError: a gate does not hold; nothing is written.
    """
    failed = [gate for gate in proof.gates if not gate.holds]
    if failed:
        said = [
            f"{gate.name}: expected {gate.demanded}, measured {gate.measured}" for gate in failed
        ]
        if any(gate.name == "drop" for gate in failed):
            said.append("a quantize.aim below max_drop would climb the ladder for a margin")
        raise GateError(f"budget: {'; '.join(said)}")
    manifest = msgspec.structs.replace(candidate.manifest, metrics=proof.metrics, budget=budget)
    files = bundle_files(manifest, candidate.model, candidate.golden)
    for path in paths:
        write_bundle(files, path)
    return VerifiedBundle(open_bundle(paths[0]), proof)


def percent(score: Score) -> str:
    """A score as `98.1 % [96.5, 99.0]`, the brackets holding its 95 % interval."""
    return f"{100 * score.value:.1f} % [{100 * score.low:.1f}, {100 * score.high:.1f}]"
