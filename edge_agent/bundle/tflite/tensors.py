"""The tensors of a TFLite file: their content of the size that shape and type say."""

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.tflite.call import FileTensor, Shape
from edge_agent.bundle.tflite.flatbuffer import Fields
from edge_agent.bundle.tflite.refuse import Refuse
from edge_agent.bundle.tflite.scales import ZERO_POINTS
from edge_agent.bundle.tflite.schema import TYPES

MAX_RANK = 8
# Beyond it float32 arithmetic of scales leaves the numbers that runtimes are made for. Real
# networks have 1e-13 to 1e15.
LEAST_SCALE, LARGEST_SCALE = 1e-15, 1e17

Bytes: TypeAlias = NDArray[np.uint8]
Scales: TypeAlias = NDArray[np.float32]


def read_buffers(model: Fields, file: bytes, refuse: Refuse) -> list[Bytes]:
    """What the file holds, each as an array that shares the file's memory."""
    buffers = [
        _buffer(fields, file, refuse.at(f"buffer {number}"))
        for number, fields in enumerate(model["buffers"])
    ]
    named = [*model["metadata_buffer"], *(metadata["buffer"] for metadata in model["metadata"])]
    for index in named:
        refuse.at("metadata").index("a buffer", int(index), len(buffers))
    return buffers


def _buffer(fields: Fields, file: bytes, refuse: Refuse) -> Bytes:
    """A buffer's bytes: in its table, or, as some converters have it, behind all tables."""
    data: Bytes = fields["data"]
    start, size = fields["offset"], fields["size"]
    if not start and not size:
        return data
    sound = not len(data) and start + size <= len(file)
    refuse.unless(sound, "its bytes within the file", f"{size} at {start}")
    return np.frombuffer(file, np.uint8, size, start)


def read_tensor(fields: Fields, buffers: list[Bytes], refuse: Refuse) -> FileTensor:
    """One tensor, everything that is said of it being sound."""
    plain = not fields["is_variable"] and fields["sparsity"] is None
    refuse.unless(plain, "a plain tensor", "a variable or a sparse one")
    known = fields["type"] in TYPES
    refuse.unless(known, f"a type of {', '.join(map(str, TYPES))}", fields["type"])
    dtype, bits = TYPES[fields["type"]]
    shape = _shape(fields, refuse)
    size = (math.prod(shape) * bits + 7) // 8
    # The first buffer is empty by convention, and a file without constants may leave it out.
    data: Bytes = np.empty(0, np.uint8)
    if buffers or fields["buffer"]:
        refuse.index("a buffer", fields["buffer"], len(buffers))
        data = buffers[fields["buffer"]]
    refuse.unless(len(data) in (0, size), f"{size} bytes for {dtype} {shape}", len(data))
    scales = _scales(fields["quantization"], dtype, shape, refuse)
    return FileTensor(fields["name"], shape, dtype, size, scales, _values(data, dtype, shape))


def _shape(fields: Fields, refuse: Refuse) -> Shape:
    shape = tuple(int(n) for n in fields["shape"])
    refuse.unless(len(shape) <= MAX_RANK, f"at most {MAX_RANK} sides", len(shape))
    refuse.unless(all(n > 0 for n in shape), "sides of 1 or more", shape)
    signature = tuple(int(n) for n in fields["shape_signature"])
    same = len(signature) == len(shape) and all(
        s in (-1, n) for s, n in zip(signature, shape, strict=True)
    )
    refuse.unless(not signature or same, f"a signature of {shape}, or -1 in it", signature)
    return shape


def _scales(fields: Fields | None, dtype: str, shape: Shape, refuse: Refuse) -> Scales:
    if fields is None:
        return np.empty(0, np.float32)
    plain = not fields["details_type"] and fields["details"] is None
    refuse.unless(plain, "a scale and a zero point", "custom quantisation")
    scales: Scales = fields["scale"]
    zeros = fields["zero_point"]
    count, axis = len(scales), fields["quantized_dimension"]
    if not count:
        return scales
    refuse.unless(len(zeros) in (1, count), f"1 or {count} zero points", len(zeros))
    refuse.index("a quantized_dimension", axis, max(1, len(shape)))
    along = shape[axis] if shape else 1
    refuse.unless(count in (1, along), f"1 or {along} scales", count)
    sound = bool(np.all(scales >= LEAST_SCALE) and np.all(scales <= LARGEST_SCALE))
    refuse.unless(sound, f"scales of {LEAST_SCALE:g} to {LARGEST_SCALE:g}", scales[:4])
    low, high = ZERO_POINTS.get(dtype, (-(2**31), 2**31 - 1))
    sound = bool(np.all(zeros >= low) and np.all(zeros <= high))
    refuse.unless(sound, f"zero points of {low} to {high}", zeros[:4])
    return scales


def _values(data: Bytes, dtype: str, shape: Shape) -> NDArray[Any] | None:
    if not len(data):
        return None
    if dtype == "int4":
        return data  # two in a byte; nothing takes a shape or an index from them
    values: NDArray[Any] = data.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
    return values
