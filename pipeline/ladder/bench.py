"""`LadderBench`: what a quantised network does on the validation split, by the device's code."""

from dataclasses import dataclass
from typing import Self

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32
from edge_agent.inference.network import Network
from pipeline.common.progress import Progress
from pipeline.data.base import ImageSequence
from pipeline.ladder.ladder import Figures
from pipeline.measure.evaluate import device_scores, float_scores
from pipeline.measure.latency import first_images, median_ms
from pipeline.measure.lowered_ports import lowered_ports
from pipeline.measure.truth import Truth
from quantization.lower import lower_graph
from quantization.quantize import QuantizedModel


@dataclass(frozen=True, eq=False)
class LadderBench:
    """Measures one rung after the other on the same images.

    Args:
        val: the images of the validation split.
        spec: how they become the network's input.
        truth: its right answers.
        scores: of the float network.
        temperature: that makes its confidence mean what it says.
        progress: told how far a measurement is.
    """

    val: ImageSequence
    spec: InputSpec
    truth: Truth
    scores: F32
    temperature: float
    progress: Progress

    @classmethod
    def of(
        cls,
        network: tuple[str, bytes],
        val: ImageSequence,
        truth: Truth,
        spec: InputSpec,
        progress: Progress,
    ) -> Self:
        """The bench for what is made of `network`: its name, and the float ONNX file."""
        name, float_model = network
        with progress.task(f"quantize: {name} on the validation split", len(val)) as task:
            scores = float_scores(float_model, val, spec, task)
        return cls(val, spec, truth, scores, truth.temperature(scores), progress)

    @property
    def float_score(self) -> Score:
        """Of the float network."""
        return self.truth.score(self.scores)

    def __call__(self, quantized: QuantizedModel, name: str) -> Figures:
        """Lower one network and run it as a device does; `name` is for the progress."""
        lowered = lower_graph(quantized.qdq)
        with (
            Network(
                lowered.tflite, lowered_ports(lowered, self.spec), threads=1, place=name
            ) as network,
            self.progress.task(f"quantize: {name} on the validation split", len(self.val)) as task,
        ):
            scores = device_scores(network, self.val, task)
            inputs = [network.prepare(image) for image in first_images(self.val)]
            latency_ms = median_ms(network.infer, inputs)
        reached = self.truth.score(scores)
        return Figures(
            score=reached,
            drop=self.float_score.drop_to(reached),
            expected_drop=self.truth.expected_drop(self.scores, scores, self.temperature),
            agreement=self.truth.agreement(self.scores, scores),
            size_bytes=len(lowered.tflite),
            latency_ms=round(latency_ms, 4),
        )
