"""Operators that only name or order axes anew."""

from torch import Tensor

from quantization.qat.registry import GridRule, NodeCall, operator


@operator("Reshape", GridRule.MOVED)
def reshape(call: NodeCall, x: Tensor) -> Tensor:
    """The same elements in ONNX's order, by the shape that the graph knows.

    A batch of 1 in that shape stands for a batch of any size.
    """
    batched = call.before[:1] == call.after[:1] == (1,)
    return x.reshape((x.shape[0], *call.after[1:]) if batched else call.after)


for _name in ("Flatten", "Squeeze", "Unsqueeze"):
    operator(_name, GridRule.MOVED)(reshape)


@operator("Transpose", GridRule.MOVED)
def transpose(call: NodeCall, x: Tensor) -> Tensor:
    """The axes in another order; by default backwards."""
    return x.permute(call.node.integers("perm", tuple(reversed(range(x.ndim)))))
