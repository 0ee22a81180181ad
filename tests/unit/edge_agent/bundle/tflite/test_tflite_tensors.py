"""What is said of a tensor, against what there is of it: each bound from both sides."""

from typing import Any

import numpy as np
import pytest

from edge_agent.bundle.tflite.call import FileTensor
from edge_agent.bundle.tflite.refuse import Refuse
from edge_agent.bundle.tflite.tensors import LARGEST_SCALE, LEAST_SCALE, read_buffers, read_tensor
from edge_agent.common.errors import BundleError

INT8, FLOAT32, INT4, UINT8, INT32 = 9, 0, 17, 3, 2


def quantised(scale: Any, zero: Any = (0,), axis: int = 0) -> dict[str, Any]:
    return {
        "scale": np.array(scale, np.float32),
        "zero_point": np.array(zero, np.int64),
        "quantized_dimension": axis,
        "details_type": 0,
        "details": None,
    }


def tensor(*buffers: int, **changes: Any) -> FileTensor:
    """A tensor (2, 3) of int8 as the file says, with `changes`; the sizes of the buffers."""
    fields = {
        "name": "t",
        "type": INT8,
        "shape": np.array((2, 3)),
        "shape_signature": np.array(()),
        "buffer": 0,
        "quantization": None,
        "is_variable": False,
        "sparsity": None,
        **changes,
    }
    return read_tensor(fields, [np.zeros(n, np.uint8) for n in (0, *buffers)], Refuse("m"))


@pytest.mark.parametrize(
    "changes",
    [
        {"buffer": 1},
        {"buffer": 1, "type": INT4, "shape": np.array((4, 3))},
        {"buffer": 1, "type": INT4, "shape": np.array((11,))},
        {"buffer": 1, "type": INT8, "shape": np.array((1,) * 7 + (6,))},
        {"shape": np.array(())},
        {"shape_signature": np.array((-1, 3))},
        {"quantization": quantised([LEAST_SCALE * 1.001, LARGEST_SCALE * 0.999])},
        {"quantization": quantised([1, 2, 3], axis=1)},
        {"quantization": quantised([1, 2, 3], (0, 1, 2), axis=1)},
        {"quantization": quantised([1], (-128,), axis=1)},
        {"quantization": quantised([1], (127,))},
        {"quantization": quantised([1], (0,)), "type": UINT8},
        {"quantization": quantised([1], (255,)), "type": UINT8},
        {"quantization": quantised([1], (-(2**31),)), "type": INT32},
        {"quantization": quantised([1], (2**31 - 1,)), "type": INT32},
        {"quantization": quantised([], ())},
    ],
)
def test_up_to_each_bound_it_is_sound(changes: dict[str, Any]) -> None:
    """Must not fire; a constant has six bytes here."""
    assert (tensor(6, **changes).values is not None) == ("buffer" in changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"buffer": 2}, "expected a buffer of 0 to 1, found 2"),
        ({"buffer": -1}, "expected a buffer of 0 to 1, found -1"),
        ({"buffer": 1, "shape": np.array((7,))}, r"expected 7 bytes for int8 \(7,\), found 6"),
        ({"buffer": 1, "shape": np.array((5,))}, r"expected 5 bytes for int8 \(5,\), found 6"),
        ({"buffer": 1, "type": FLOAT32}, r"expected 24 bytes for float32 \(2, 3\), found 6"),
        ({"buffer": 1, "type": INT4, "shape": np.array((13,))}, "expected 7 bytes for int4"),
        ({"buffer": 1, "type": INT4, "shape": np.array((10,))}, "expected 5 bytes for int4"),
        ({"type": 5}, "expected a type of 0, 1, 2, 3, 4, 6, 7, 9, 17, found 5"),
        ({"shape": np.array((1,) * 9)}, "expected at most 8 sides, found 9"),
        ({"shape": np.array((2, 0))}, "expected sides of 1 or more"),
        ({"shape": np.array((-1, 3))}, "expected sides of 1 or more"),
        ({"shape_signature": np.array((2,))}, "expected a signature of"),
        ({"shape_signature": np.array((2, 4))}, "expected a signature of"),
        ({"shape_signature": np.array((-2, 3))}, "expected a signature of"),
        ({"is_variable": True}, "expected a plain tensor"),
        ({"sparsity": {}}, "expected a plain tensor"),
        ({"quantization": quantised([1, 2], axis=1)}, "expected 1 or 3 scales, found 2"),
        ({"quantization": quantised([1, 2, 3])}, "expected 1 or 2 scales, found 3"),
        ({"quantization": quantised([1, 2], axis=2)}, "a quantized_dimension of 0 to 1, found 2"),
        ({"quantization": quantised([1, 2], axis=-1)}, "quantized_dimension of 0 to 1, found -1"),
        ({"quantization": quantised([1, 2], (0, 0, 0))}, "expected 1 or 2 zero points, found 3"),
        ({"quantization": quantised([1, 2], ())}, "expected 1 or 2 zero points, found 0"),
        ({"quantization": quantised([1], (128,))}, "expected zero points of -128 to 127"),
        ({"quantization": quantised([1], (-129,))}, "expected zero points of -128 to 127"),
        ({"quantization": quantised([1, 1], (0, 128))}, "expected zero points of -128 to 127"),
        ({"quantization": quantised([1], (256,)), "type": UINT8}, "zero points of 0 to 255"),
        ({"quantization": quantised([1], (-1,)), "type": UINT8}, "zero points of 0 to 255"),
        ({"quantization": quantised([1], (2**31,)), "type": INT32}, "of -2147483648 to 2147483647"),
        ({"quantization": quantised([1], (-(2**31) - 1,)), "type": INT32}, "points of -2147483648"),
        ({"quantization": quantised([1, LEAST_SCALE / 2])}, "expected scales of 1e-15 to 1e"),
        ({"quantization": quantised([LARGEST_SCALE * 2, 1])}, "expected scales of 1e-15 to 1e"),
        ({"quantization": quantised([0])}, "expected scales of 1e-15 to 1e"),
        ({"quantization": quantised([-1])}, "expected scales of 1e-15 to 1e"),
        ({"quantization": {**quantised([1]), "details_type": 1}}, "found custom quantisation"),
        ({"quantization": {**quantised([1]), "details": {}}}, "found custom quantisation"),
    ],
)
def test_one_beyond_each_bound_is_refused(changes: dict[str, Any], reason: str) -> None:
    """Must fire, whichever of several scales or zero points it is."""
    with pytest.raises(BundleError, match=reason):
        tensor(6, **changes)


def test_a_file_without_constants_may_leave_out_the_empty_buffer() -> None:
    """Must not fire on buffer 0 of none; on any other it must."""
    empty = {"name": "t", "type": INT8, "shape": np.array((2, 3)), "quantization": None}
    empty |= {"shape_signature": np.array(()), "is_variable": False, "sparsity": None}
    assert read_tensor({**empty, "buffer": 0}, [], Refuse("m")).values is None
    with pytest.raises(BundleError, match="expected a buffer of 0 to -1, found 1"):
        read_tensor({**empty, "buffer": 1}, [], Refuse("m"))


def buffers(offset: int, size: int, data: bytes = b"", named: int = 0) -> list[Any]:
    entry = {"data": np.frombuffer(data, np.uint8), "offset": offset, "size": size}
    model = {"buffers": [entry], "metadata_buffer": [named], "metadata": [{"buffer": named}]}
    return read_buffers(model, b"0123456789", Refuse("m"))


def test_bytes_behind_the_tables_end_where_the_file_does() -> None:
    """The last byte may be theirs, and none behind it; nor may they stand in both places."""
    (found,) = buffers(6, 4)
    assert found.tobytes() == b"6789"
    for offset, size, data in ((6, 5, b""), (7, 4, b""), (11, 0, b""), (6, 4, b"x")):
        with pytest.raises(BundleError, match="expected its bytes within the file"):
            buffers(offset, size, data)


@pytest.mark.parametrize("named", [1, -1])
def test_metadata_names_a_buffer_that_there_is(named: int) -> None:
    """Must fire on the first that is none, at either end."""
    buffers(0, 0, b"x", 0)
    with pytest.raises(BundleError, match=f"metadata: expected a buffer of 0 to 0, found {named}"):
        buffers(0, 0, b"x", named)
