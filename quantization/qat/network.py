"""`FakeQuantNetwork`: a folded network that computes in training what its int8 file will."""

import numpy as np
import torch
from torch import Tensor, nn

from quantization.graph.graph import Array, Graph
from quantization.lower.check import check_lowering
from quantization.qat.forward import Forward, Target
from quantization.qat.ranges import TrainedRanges
from quantization.qat.steps import LayerStep, plan_training
from quantization.scales.calibrate import Ranges


class FakeQuantNetwork(nn.Module):
    """A folded network on the int8 grid of its file.

    It has the scales, the rounding and the fused activations of the file that `insert_qdq` and
    `lower_graph` make of what `exported` returns. In evaluation mode it returns what LiteRT
    computes from that file, bit for bit but for the product of two values (BATCH_MATMUL), of
    which one in a thousand is a quantum away; in training mode some last bits are left out, to
    save time.

    Weights, biases and the ranges of activations are its parameters; every pass computes the
    scales from them anew. Between layers it holds the integers of the device, so that the
    sums in them are exact while they stay below 2**24. Constant operands of sums and products
    are not trained.

    Args:
        graph: as `fold_graph` returns it.
        ranges: of its values, as `calibrate` returns them.
        float_layers: layers that stay in float, as in `QuantRecipe`.

    Raises:
        UnsupportedOperatorError: if a node has no lowering, or cannot be trained.
        ModelError: if one of `float_layers` is no layer of this model.
        QuantizationError: if `ranges` lacks a value of this model, or an output has no axis
            of samples.
    """

    def __init__(self, graph: Graph, ranges: Ranges, *, float_layers: tuple[str, ...] = ()) -> None:
        super().__init__()
        check_lowering(graph, float_layers=float_layers)
        self.plan = plan_training(graph, float_layers)
        self.ranges = TrainedRanges(graph, ranges, float_layers)
        self.weights = nn.ParameterList(_tensor(graph.constants[n]) for n in self.plan.trained)
        for index, name in enumerate(self.plan.kept):
            # Not in the state: nothing changes them.
            self.register_buffer(f"kept{index}", _tensor(graph.constants[name]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The network's first output for samples (N, ...), float32 on its int8 grid."""
        (result,) = self._computed(x, self.plan.outputs[:1])
        return result

    def outputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """Every output but indices, for a loss over several heads."""
        return self._computed(x, self.plan.outputs)

    @torch.no_grad()
    def quantized(self, x: Tensor) -> dict[str, Tensor]:
        """Each int8 value of the network by name, the input first: what the device holds.

        As in evaluation, whatever the mode.

        Args:
            x: (N, ...) float32; one sample if the network does not compute each by itself.
        """
        forward = self._forward(keep=True)
        forward.run(self.plan.source, x, self.plan.steps)
        return {
            name: (value.data + value.affine.zero_point).to(torch.int8)
            for name, value in forward.values.items()
        }

    def _computed(self, x: Tensor, outputs: tuple[str, ...]) -> tuple[Tensor, ...]:
        steps = self.plan.steps if len(outputs) > 1 else self.plan.first
        if not self.plan.batched and len(x) > 1:
            parts = [self._run(one, outputs, steps) for one in x.split(1)]
            return tuple(torch.cat(results) for results in zip(*parts, strict=True))
        return self._run(x, outputs, steps)

    def _run(
        self, x: Tensor, outputs: tuple[str, ...], steps: tuple[LayerStep, ...]
    ) -> tuple[Tensor, ...]:
        forward = self._forward(keep=False)
        forward.run(self.plan.source, x, steps)
        return tuple(forward.values[name].real for name in outputs)

    def _forward(self, *, keep: bool) -> Forward:
        trained = zip(self.plan.trained, self.weights, strict=True)
        kept = ((name, self.get_buffer(f"kept{i}")) for i, name in enumerate(self.plan.kept))
        return Forward(
            {
                value: Target(affine, *ends)
                for group, affine, ends in zip(
                    self.ranges.groups, self.ranges.affines(), self.ranges.ends(), strict=True
                )
                for value in group.values
            },
            {**dict(trained), **dict(kept)},
            self.plan.operands,
            exact=keep or not self.training,
            keep=keep,
        )


def _tensor(array: Array) -> Tensor:
    return torch.tensor(np.asarray(array, np.float32))
