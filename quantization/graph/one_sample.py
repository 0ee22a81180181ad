"""`for_one_sample`: a model as exporters leave it, in the form that `read` takes.

Keras and others leave the batch open, and some still write opsets older than 13. Both say
nothing that a device has to know.
"""

from collections.abc import Sequence

import onnx
from onnx import version_converter

from quantization.errors import ModelError
from quantization.graph.graph import MIN_OPSET


def for_one_sample(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` with a batch of 1 where its one input leaves it open, and an opset that is read.

    Raises:
        ModelError: its opset is older, and it cannot be written in a newer one.
    """
    model = _in_newer_opset(model)
    fed = inputs(model)
    if len(fed) != 1:
        return model  # refused where it is read
    dims = shape_of(fed[0])
    if len(dims) < 2 or dims[0] is not None or None in dims[1:]:
        return model
    return with_input(model, (1, *(d for d in dims[1:] if d is not None)))


def inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """What a model is fed with: its inputs that are no weights."""
    stored = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in stored]


def shape_of(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    """The shape that is stated of a value; None for a dimension that is open."""
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)


def with_input(model: onnx.ModelProto, shape: Sequence[int]) -> onnx.ModelProto:
    """A copy of `model` with its one input of `shape`; all other shapes are inferred anew."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    (fed,) = inputs(changed)
    for dim, size in zip(fed.type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = size
    del changed.graph.value_info[:]
    for output in changed.graph.output:
        # What is stated of the old input does not hold any more; how many axes there are, does.
        for dim in output.type.tensor_type.shape.dim:
            dim.Clear()
    return changed


def _in_newer_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), MIN_OPSET)
    if opset >= MIN_OPSET:
        return model
    try:
        return version_converter.convert_version(model, MIN_OPSET)
    except Exception as error:  # its exceptions have no other base
        raise ModelError(
            f"opset: expected {MIN_OPSET} or newer, found {opset}, which cannot be brought to "
            f"{MIN_OPSET}: {error}"
        ) from error
