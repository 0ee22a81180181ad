"""The shapes that convolutions, pools and products give."""

import math

from edge_agent.bundle.tflite.call import KernelCall, Shape, broadcast, expect, step

SAME, VALID = 0, 1


def _along(size: int, window: int, stride: int, dilation: int, padding: int) -> int:
    """How many windows fit along a side."""
    if padding not in (SAME, VALID):
        raise ValueError(f"expected padding {SAME} or {VALID}, found {padding}")
    reach = (window - 1) * dilation + 1
    count = -(-size // stride) if padding == SAME else -(-(size - reach + 1) // stride)
    if count < 1:
        raise ValueError(f"expected {reach} or more pixels for a window, found {size}")
    return count


def _windows(call: KernelCall, height: int, width: int) -> Shape:
    options, (_, h, w, _) = call.options, call.shape()
    dilation_h = step("dilation_h", options.get("dilation_h", 1))
    dilation_w = step("dilation_w", options.get("dilation_w", 1))
    return (
        _along(h, height, call.step("stride_h"), dilation_h, options["padding"]),
        _along(w, width, call.step("stride_w"), dilation_w, options["padding"]),
    )


def pool(call: KernelCall) -> list[Shape]:
    """AVERAGE_POOL_2D and MAX_POOL_2D: as many as windows fit."""
    batch, _, _, channels = call.four()
    return [(batch, *_windows(call, call.step("filter_h"), call.step("filter_w")), channels)]


def conv(call: KernelCall) -> list[Shape]:
    """CONV_2D: weights (K, kh, kw, C), or C divided by groups."""
    batch, _, _, channels = call.four()
    outputs, height, width, inputs = call.four(1)
    groups, rest = divmod(channels, inputs)
    if rest or outputs % groups:
        raise ValueError(f"expected filters for {channels} channels, found {call.shape(1)}")
    call.check_bias(2, outputs)
    return [(batch, *_windows(call, step("height", height), step("width", width)), outputs)]


def depthwise(call: KernelCall) -> list[Shape]:
    """DEPTHWISE_CONV_2D: weights (1, kh, kw, K), K a multiple of the channels."""
    batch, _, _, channels = call.four()
    one, height, width, outputs = call.four(1)
    expect("one filter a channel, in a first side of", 1, one)
    expect("filters", channels * call.step("depth_multiplier"), outputs)
    call.check_bias(2, outputs)
    return [(batch, *_windows(call, step("height", height), step("width", width)), outputs)]


def transpose_conv(call: KernelCall) -> list[Shape]:
    """TRANSPOSE_CONV: what input 0 says, if a convolution of that gives input 2."""
    outputs, height, width, inputs = call.four(1)
    batch, small_h, small_w, channels = call.four(2)
    found = tuple(call.numbers(0))
    expect("an output of sides", 4, len(found))
    expect("filters for channels", channels, inputs)
    expect("an output of batch and channels", (batch, outputs), (found[0], found[3]))
    stride_h, stride_w = call.step("stride_h"), call.step("stride_w")
    if min(found) < 1:
        raise ValueError(f"expected an output with sides of 1 or more, found {found}")
    # The kernels go the way of the convolution that would have made this input of that output.
    padding = call.options["padding"]
    back = (
        _along(found[1], step("height", height), stride_h, 1, padding),
        _along(found[2], step("width", width), stride_w, 1, padding),
    )
    expect(f"an input for an output of {found} with sides", back, (small_h, small_w))
    call.check_bias(3, outputs)
    return [found]


def fully_connected(call: KernelCall) -> list[Shape]:
    """FULLY_CONNECTED: weights (K, C)."""
    x, weights = call.shape(), call.shape(1)
    expect("weights of sides", 2, len(weights))
    expect("weights in the plain format", 0, call.options["weights_format"])
    outputs, inputs = weights
    call.check_bias(2, outputs)
    if call.options["keep_num_dims"]:
        expect("values for each weight", inputs, x[-1] if x else 1)
        return [(*x[:-1], outputs)]
    batch, rest = divmod(math.prod(x), inputs)
    if rest:
        raise ValueError(f"expected a multiple of {inputs} values, found {math.prod(x)}")
    return [(batch, outputs)]


def matmul(call: KernelCall) -> list[Shape]:
    """BATCH_MATMUL: matrices in the last two sides, either of them transposed."""
    a, b = list(call.shape(0)), list(call.shape(1))
    if min(len(a), len(b)) < 2:
        raise ValueError(f"expected matrices, found {tuple(a)} and {tuple(b)}")
    rows, inner = a[-2:] if not call.options["adj_x"] else a[:-3:-1]
    same, columns = b[-2:] if not call.options["adj_y"] else b[:-3:-1]
    expect("matrices that fit, of", inner, same)
    return [(*broadcast(tuple(a[:-2]), tuple(b[:-2])), rows, columns)]
