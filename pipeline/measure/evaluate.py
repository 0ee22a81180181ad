"""How good a classifier is: scores over a split, and accuracy with its uncertainty.

The float network and the device's own `Network` see the same images through the same
preprocessing, and their scores go through the same functions.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.metrics import Proportion, Score
from edge_agent.bundle.preprocess import preprocess
from edge_agent.common.arrays import F32, U8
from edge_agent.inference.network import Network
from edge_agent.tasks.softmax import softmax
from pipeline.common.progress import Task
from pipeline.data.base import ImageSequence

# The 97.5 % quantile of the standard normal distribution, for two-sided 95 % intervals.
Z_95 = 1.959963984540054


def wilson(correct: int, samples: int) -> Proportion:
    """The proportion `correct / samples` with its 95 % Wilson score interval.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference":
    unlike the normal approximation it stays in [0, 1] and is not empty at 0 or 100 %.

    Raises:
        ValueError: if there are no samples.
    """
    if samples < 1:
        raise ValueError(f"samples: expected at least 1, found {samples}")
    p, z2 = correct / samples, Z_95**2
    centre = (p + z2 / (2 * samples)) / (1 + z2 / samples)
    half = Z_95 / (1 + z2 / samples) * sqrt(p * (1 - p) / samples + z2 / (4 * samples**2))
    # Exact at the ends, where centre and half differ from 0 and 1 by their rounding only.
    low = max(0.0, centre - half) if correct else 0.0
    high = min(1.0, centre + half) if correct < samples else 1.0
    return Proportion(value=p, low=low, high=high, samples=samples)


def accuracy(scores: F32, labels: NDArray[np.int64]) -> Score:
    """Share of the (N, K) `scores` whose largest column is the (N,) label."""
    right = int((scores.argmax(axis=1) == labels).sum())
    return Score.of("accuracy", wilson(right, len(labels)))


def agreement(a: F32, b: F32) -> float:
    """Share of rows on which two sets of (N, K) scores give the same answer."""
    return float((a.argmax(axis=1) == b.argmax(axis=1)).mean())


def expected_drop(real: F32, other: F32, temperature: float) -> float:
    """By how much `other` is less accurate, as the float network's own confidence has it.

    An image with another answer than in float costs the chance that the float network gave its
    own answer over the one it gave the other. Counting right answers instead lets every
    changed answer count as a whole image, for or against: of a drop of some tenths of a point
    that leaves little but chance on a few thousand images
    (docs/explanation/decisions.md has figures).

    Args:
        real: (N, K) scores of the float network.
        other: those of what was made of it.
        temperature: that makes the float network's confidence mean what it says.

    Returns:
        At least 0: no answer is better than the float network's in its own eyes.
    """
    chances = softmax(real, temperature)
    rows = np.arange(len(real))
    mine, others = chances[rows, real.argmax(axis=1)], chances[rows, other.argmax(axis=1)]
    return float((mine - others).mean(dtype=np.float64))


def device_scores(network: Network, images: ImageSequence, task: Task) -> F32:
    """The (N, K) or (N, T, K) scores that the device's own code gives for `images`.

    They are the network's first output, in real numbers.
    """
    rows = []
    for number in range(len(images)):
        rows.append(network.ports.real(network(images[number]))[0][0])
        task.advance()
    return np.stack(rows)


def float_scores(model: bytes, images: ImageSequence, spec: InputSpec, task: Task) -> F32:
    """The (N, K) or (N, T, K) scores of a float ONNX network (static batch 1) for `images`."""
    session = onnx_session(model)
    rows = []
    for x in network_inputs(images, spec):
        rows.append(session.run(None, {session.get_inputs()[0].name: x})[0][0])
        task.advance()
    return np.stack(rows).astype(np.float32)


def network_inputs(images: ImageSequence, spec: InputSpec) -> Iterator[F32]:
    """Every one of `images` as the float network takes it: (1, C, H, W) float32."""
    for number in range(len(images)):
        yield to_nchw(images[number], spec)


def to_nchw(image: U8, spec: InputSpec) -> F32:
    """The shared preprocessing, in the host's layout: (1, C, H, W) float32."""
    return np.ascontiguousarray(preprocess(image, spec).transpose(0, 3, 1, 2))


def onnx_session(model: bytes) -> onnxruntime.InferenceSession:
    """A single-threaded CPU session, so that its latency compares with the device's."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
