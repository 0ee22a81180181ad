"""`LadderBench`: what a quantised network does on the validation split, by the device's code."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from edge_agent.arrays import F32
from edge_agent.bundle.manifest import InputSpec, Manifest, Score
from edge_agent.network import Network
from pipeline.data.base import Split
from pipeline.evaluate import accuracy, agreement, device_scores, expected_drop, float_scores
from pipeline.ladder import Figures
from pipeline.latency import first_images, median_ms
from pipeline.progress import Progress
from pipeline.temperature import fit_temperature
from quantization.lower import Lowered, lower
from quantization.quantized import Quantized


@dataclass(frozen=True, eq=False)
class LadderBench:
    """Measures one rung after the other on the same images.

    Args:
        val: the validation split.
        scores: (N, K) of the float network.
        temperature: that makes its confidence mean what it says.
        manifest: of a lowered network.
        progress: told how far a measurement is.
    """

    val: Split
    scores: F32
    temperature: float
    manifest: Callable[[Lowered], Manifest]
    progress: Progress

    @classmethod
    def of(
        cls,
        float_model: bytes,
        val: Split,
        spec: InputSpec,
        manifest: Callable[[Lowered], Manifest],
        progress: Progress,
    ) -> Self:
        """The bench for what is made of a float ONNX network."""
        with progress.task("quantize: float on the validation split", len(val)) as task:
            scores = float_scores(float_model, val, spec, task)
        return cls(val, scores, fit_temperature(scores, val.labels), manifest, progress)

    @property
    def float_accuracy(self) -> Score:
        """Of the float network."""
        return accuracy(self.scores, self.val.labels)

    def __call__(self, quantized: Quantized, name: str) -> Figures:
        """Lower one network and run it as a device does; `name` is for the progress."""
        lowered = lower(quantized.qdq)
        with (
            Network(lowered.tflite, self.manifest(lowered), threads=1, place=name) as network,
            self.progress.task(f"quantize: {name} on the validation split", len(self.val)) as task,
        ):
            scores = device_scores(network, lowered.output, self.val, task)
            inputs = [network.prepare(image) for image in first_images(self.val)]
            latency_ms = median_ms(network.infer, inputs)
        reached = accuracy(scores, self.val.labels)
        return Figures(
            accuracy=reached,
            drop=self.float_accuracy.value - reached.value,
            expected_drop=expected_drop(self.scores, scores, self.temperature),
            agreement=agreement(self.scores, scores),
            size_bytes=len(lowered.tflite),
            latency_ms=round(latency_ms, 4),
        )
