"""Every architecture at its published size through the product: export, int8, LiteRT, pruning.

    python scripts/sweep_zoo.py [ARCH...]

The tests have all of them too, but narrow and on small pictures. The weights are drawn at random,
so nothing is said about accuracy; compared is the file on LiteRT with the quantised network on
onnxruntime, by the correlation of their scores over pictures of noise. It ends with status 1
where a tensor stayed float, that is under 0.9, or half the multiply-accumulates were not reached.
"""

import sys
import time
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch_pruning as tp
from ai_edge_litert import schema_py_generated as schema
from torch import nn

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import F32
from edge_agent.inference.runtime import Interpreter
from pipeline.checkpoints.checkpoint import Checkpoint, fresh
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.measure.evaluate import onnx_session
from pipeline.models import ModelSpec
from pipeline.models.macs import layer_macs
from pipeline.models.zoo import ZOO, ZooEntry, entry
from pipeline.pruning.channel_groups import ChannelGroups
from pipeline.pruning.channel_plan import plan_channels
from quantization.convert import Conversion, convert
from quantization.recipe import QuantRecipe

CALIBRATION, COMPARED = 8, 4
# Channels that pruning takes at a time; LeNet-5 has only six in its first layer.
STEP, LENET_STEP = 8, 2
FOLLOWS = 0.9


@dataclass(frozen=True)
class Row:
    """What came out for one architecture; times are this process's CPU seconds."""

    arch: str
    export_s: float
    convert_s: float
    bytes: int
    operators: int
    float_tensors: int
    correlation: float
    pruned: float

    @property
    def fine(self) -> bool:
        """Whether nothing is to be complained of."""
        return self.float_tensors == 0 and self.correlation >= FOLLOWS and self.pruned <= 0.5

    @classmethod
    def of(cls, known: ZooEntry) -> Self:
        """Everything that is done with one architecture."""
        network = spoken(known)
        start = time.process_time()
        model = to_onnx(network)
        exported = time.process_time()
        samples = noise(known.side, CALIBRATION, seed=1)
        made = convert(model, [samples], QuantRecipe())
        done = time.process_time()
        (graph,) = schema.ModelT.InitFromPackedBuf(made.tflite, 0).subgraphs
        floats = sum(tensor.type == schema.TensorType.FLOAT32 for tensor in graph.tensors)
        return cls(
            arch=known.name,
            export_s=exported - start,
            convert_s=done - exported,
            bytes=len(made.tflite),
            operators=len(graph.operators),
            float_tensors=floats,
            correlation=correlation(made, noise(known.side, COMPARED, seed=2)),
            pruned=cut_to_half(network),
        )

    def __str__(self) -> str:
        return (
            f"{self.arch:28}{self.export_s:7.1f} s{self.convert_s:7.1f} s{self.bytes / 1e3:9.0f} kB"
            f"{self.operators:5} operators{self.float_tensors:3} float"
            f"   r {self.correlation:.4f}   cut to {self.pruned:.3f}{'' if self.fine else '   !'}"
        )


def main() -> int:
    """Sweep those that are named, else all."""
    chosen = [entry(name) for name in sys.argv[1:]] or list(ZOO)
    rows = []
    for known in chosen:
        rows.append(Row.of(known))
        sys.stdout.write(f"{rows[-1]}\n")
        sys.stdout.flush()
    return 0 if all(row.fine for row in rows) else 1


def spoken(known: ZooEntry) -> Checkpoint:
    """The network with norms as if trained, and scores of some size."""
    spec = InputSpec(
        height=known.side, width=known.side, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3
    )
    network = fresh(ModelSpec(arch=known.name, classes=1000, input=spec), seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in network.module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.copy_(0.5 + torch.rand(layer.weight.shape, generator=generator))
                layer.bias.copy_(0.2 * torch.randn(layer.bias.shape, generator=generator))
                layer.momentum = 1.0  # the statistics of one batch, whole
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(10)
        # With statistics of its own a network passes on what it sees, however deep it is.
        network.module.train()(torch.from_numpy(noise(known.side, CALIBRATION, seed=3)))
    network.module.eval()
    return network


def noise(side: int, images: int, seed: int) -> F32:
    """(images, 3, side, side): smooth, as pictures are."""
    small = np.random.default_rng(seed).normal(size=(images, 3, 8, 8)).astype(np.float32)
    grown = nn.functional.interpolate(torch.from_numpy(small), (side, side), mode="bilinear")
    return grown.numpy()


def correlation(made: Conversion, samples: F32) -> float:
    """Of all scores here and there, each score's mean over the samples taken away."""
    session = onnx_session(made.qdq.SerializeToString())
    wanted = np.concatenate([session.run(None, {"input": x[None]})[0] for x in samples])
    with Interpreter(made.tflite) as interpreter:
        found = np.concatenate(
            [
                made.output.dequantize(
                    interpreter.infer(made.input.quantize(x[None].transpose(0, 2, 3, 1)))[0]
                )
                for x in samples
            ]
        )
    return float(
        np.corrcoef((wanted - wanted.mean(0)).ravel(), (found - found.mean(0)).ravel())[0, 1]
    )


def cut_to_half(network: Checkpoint) -> float:
    """What share of the multiply-accumulates is left when half is asked for."""
    spec = network.spec.input
    magnitude = tp.importance.GroupMagnitudeImportance(p=2, normalizer=None)
    module = network.module.requires_grad_(True)
    groups = ChannelGroups(module, spec, magnitude)
    before = layer_macs(module, spec)
    step = LENET_STEP if network.spec.arch == "lenet5" else STEP
    kept = plan_channels(before, groups.groups, sum(before.values()) // 2, step)
    if kept is None:
        return 1.0
    for group, count in zip(groups.groups, kept, strict=True):
        groups.remove(group, count)
    return sum(layer_macs(module, spec).values()) / sum(before.values())


if __name__ == "__main__":
    sys.exit(main())
