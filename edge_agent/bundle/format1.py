"""Bundles of format 1: one int8 output, and accuracies alone; read into today's values.

Bundles are in the field for years, so this is never written again and never thrown away. What
format 1 does not say is what all of it had: its one output is called `output` here.
"""

from math import prod

import msgspec

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.golden import GoldenFrame, checked_frame, read_arrays
from edge_agent.bundle.manifest import (
    Budget,
    Golden,
    InputSpec,
    Manifest,
    OutputPort,
    Provenance,
    check_task,
    decode_strictly,
)
from edge_agent.bundle.metrics import Balance, MetricName, Metrics, Proportion, Score
from edge_agent.common.errors import BundleError
from edge_agent.common.strict import Name, Probability, Sha256, Strict
from edge_agent.tasks.kinds import OutputSpec

VERSION = 1
OUTPUT = "output"


class _Quantisation(Strict, frozen=True, kw_only=True):
    """The int8 scales at the two ends of the network."""

    input: Affine
    output: Affine


class _Metrics(Strict, frozen=True, kw_only=True):
    """What was measured: every figure was a share of right answers."""

    trained_accuracy: Proportion | None = None
    float_accuracy: Proportion
    int8_accuracy: Proportion
    balance: Balance | None = None
    agreement: Probability
    macs: int
    latency_ms: float
    measured_on: str

    def named(self, metric: MetricName) -> Metrics:
        """The same, by the metric that it was."""
        trained = self.trained_accuracy
        return Metrics(
            trained_score=None if trained is None else Score.of(metric, trained),
            float_score=Score.of(metric, self.float_accuracy),
            int8_score=Score.of(metric, self.int8_accuracy),
            balance=self.balance,
            agreement=self.agreement,
            macs=self.macs,
            latency_ms=self.latency_ms,
            measured_on=self.measured_on,
        )


class _Provenance(Strict, frozen=True, kw_only=True):
    """Where the bundle came from."""

    recipe_sha256: Sha256
    data_sha256: Sha256
    code_version: str
    created: str
    versions: dict[str, str] = msgspec.field(default_factory=dict)


class _Manifest(Strict, frozen=True, kw_only=True):
    """The fields of `manifest.json` as format 1 had them."""

    format: int
    name: Name
    input: InputSpec
    output: OutputSpec
    quantisation: _Quantisation
    golden: Golden
    files: dict[str, Sha256]
    provenance: _Provenance
    metrics: _Metrics | None = None
    budget: Budget | None = None


def decode_manifest(data: bytes, place: str) -> Manifest:
    """The manifest in `data`, which says that it has format 1.

    Raises:
        BundleError: a field missing, unknown or of the wrong type or range.
        TaskError: a bundle for a task this agent does not know.
    """
    check_task(data, place)
    found = decode_strictly(data, _Manifest, place)
    try:
        metrics = None if found.metrics is None else found.metrics.named(_metric(found.output))
    except ValueError as error:
        raise BundleError(f"{place}: {error} - at `$.metrics`") from error
    port = OutputPort(
        name=OUTPUT, shape=found.output.shape, dtype="int8", affine=found.quantisation.output
    )
    return Manifest(
        format=VERSION,
        name=found.name,
        input=found.input,
        input_affine=found.quantisation.input,
        outputs=(port,),
        output=found.output,
        golden=found.golden,
        files=found.files,
        provenance=Provenance(**msgspec.structs.asdict(found.provenance)),
        metrics=metrics,
        budget=found.budget,
    )


def _metric(output: OutputSpec) -> MetricName:
    """What was counted: classes, or texts without any error. Of steps there are in texts alone."""
    return "accuracy" if len(output.shape) == 2 else "exact match"


def decode_golden(data: bytes, manifest: Manifest, place: str) -> tuple[GoldenFrame, ...]:
    """The golden frames in `data`: arrays image_000, output_000 and so on, outputs of any shape.

    Raises:
        BundleError: not an .npz, or another number, size or type of arrays than expected.
    """
    count, (port,) = manifest.golden.frames, manifest.outputs
    names = {f"{what}_{i:03d}" for i in range(count) for what in ("image", "output")}
    arrays = read_arrays(data, names, count, place)
    frames = []
    for i in range(count):
        raw = arrays[f"output_{i:03d}"]
        # Written flat by some builds: the shape is the manifest's to say.
        if raw.size == prod(port.shape):
            raw = raw.reshape(port.shape)
        frames.append(checked_frame(arrays[f"image_{i:03d}"], (raw,), (port,), f"{place}[{i}]"))
    return tuple(frames)
