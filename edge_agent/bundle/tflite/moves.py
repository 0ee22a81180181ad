"""The shapes that operators give which move, pick, join or reduce values."""

import math

from edge_agent.bundle.tflite.call import (
    MAX_STEP,
    KernelCall,
    Shape,
    expect,
    one_axis,
    step,
    without,
)

REFLECT, SYMMETRIC = 0, 1


def concatenation(call: KernelCall) -> list[Shape]:
    """CONCATENATION: the sum of one side; the others are the same."""
    first = call.shape()
    axis = one_axis(call.options["axis"], len(first))
    total = 0
    for number in range(len(call.inputs)):
        shape = call.shape(number)
        expect("sides", len(first), len(shape))
        expect("the other sides", without(first, axis), without(shape, axis))
        total += shape[axis]
    return [(*first[:axis], total, *first[axis + 1 :])]


def parts(call: KernelCall) -> list[Shape]:
    """SPLIT: as many parts of the same size."""
    shape, count = call.shape(1), call.step("num_splits")
    axis = one_axis(call.number(0), len(shape))
    size, rest = divmod(shape[axis], count)
    if rest:
        raise ValueError(f"expected a side to split in {count}, found {shape[axis]}")
    return [(*shape[:axis], size, *shape[axis + 1 :])] * count


def reshape(call: KernelCall) -> list[Shape]:
    """RESHAPE: what input 1 says; -1 is what is left."""
    size, wanted = math.prod(call.shape()), call.numbers(1)
    unknown = [place for place, n in enumerate(wanted) if n == -1]
    if len(unknown) == 1:
        wanted[unknown[0]] = size // max(1, math.prod(n for n in wanted if n != -1))
    if any(n < 1 for n in wanted) or math.prod(wanted) != size:
        raise ValueError(f"expected a shape of {size} values, found {call.numbers(1)}")
    return [tuple(wanted)]


def squeeze(call: KernelCall) -> list[Shape]:
    """SQUEEZE: without sides of 1."""
    shape = call.shape()
    axes = {one_axis(int(n), len(shape)) for n in call.options["squeeze_dims"]}
    axes = axes or {place for place, n in enumerate(shape) if n == 1}
    expect("sides to leave out of", {1} if axes else set(), {shape[axis] for axis in axes})
    return [tuple(n for place, n in enumerate(shape) if place not in axes)]


def expand_dims(call: KernelCall) -> list[Shape]:
    """EXPAND_DIMS: with one more side of 1."""
    axis = one_axis(call.number(1), len(call.shape()) + 1)
    return [(*call.shape()[:axis], 1, *call.shape()[axis:])]


def resize(call: KernelCall) -> list[Shape]:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR: of the size that input 1 says."""
    batch, _, _, channels = call.four()
    height, width = call.numbers(1)
    return [(batch, step("height", height), step("width", width), channels)]


def space_to_depth(call: KernelCall) -> list[Shape]:
    """SPACE_TO_DEPTH: whole blocks become channels."""
    (batch, height, width, channels), block = call.four(), call.step("block_size")
    if height % block or width % block:
        raise ValueError(f"expected sides of whole blocks of {block}, found {height}x{width}")
    return [(batch, height // block, width // block, channels * block**2)]


def depth_to_space(call: KernelCall) -> list[Shape]:
    """DEPTH_TO_SPACE: channels become whole blocks."""
    (batch, height, width, channels), block = call.four(), call.step("block_size")
    if channels % block**2:
        raise ValueError(f"expected channels for blocks of {block}, found {channels}")
    return [(batch, height * block, width * block, channels // block**2)]


def pad(call: KernelCall) -> list[Shape]:
    """PAD and PADV2: with what input 1 adds before and behind each side."""
    shape, pads = call.shape(), call.numbers(1)
    expect("paddings of shape", (len(shape), 2), call.shape(1))
    if any(not 0 <= n <= MAX_STEP for n in pads):
        raise ValueError(f"expected paddings of 0 to {MAX_STEP}, found {pads}")
    return [tuple(n + a + b for n, a, b in zip(shape, pads[::2], pads[1::2], strict=True))]


def mirror_pad(call: KernelCall) -> list[Shape]:
    """MIRROR_PAD: as `pad`, by no more than there is to be mirrored."""
    mode, pads = call.options["mode"], call.numbers(1)
    given = pad(call)
    for n, a, b in zip(call.shape(), pads[::2], pads[1::2], strict=True):
        most = n - 1 if mode == REFLECT else n
        if mode not in (0, 1) or max(a, b) > most:
            raise ValueError(f"expected paddings of at most {most}, found {max(a, b)}")
    return given


def gather(call: KernelCall) -> list[Shape]:
    """GATHER: what the indices in the file pick along one side, all of them inside."""
    shape, picks = call.shape(), call.shape(1)
    axis = one_axis(call.options["axis"], len(shape))
    expect("batch_dims", 0, call.options["batch_dims"])
    outside = [n for n in call.numbers(1) if not 0 <= n < shape[axis]]
    if outside:
        raise ValueError(f"expected indices of 0 to {shape[axis] - 1}, found {outside[0]}")
    return [(*shape[:axis], *picks, *shape[axis + 1 :])]


def transpose(call: KernelCall) -> list[Shape]:
    """TRANSPOSE: the sides in another order."""
    shape, order = call.shape(), call.numbers(1)
    expect("every axis once", list(range(len(shape))), sorted(order))
    return [tuple(shape[axis] for axis in order)]


def reduced(call: KernelCall) -> list[Shape]:
    """MEAN and its like: without the axes, or with 1 for them."""
    shape = call.shape()
    axes = {one_axis(n, len(shape)) for n in call.numbers(1)}
    if call.options["keep_dims"]:
        return [tuple(1 if place in axes else n for place, n in enumerate(shape))]
    return [tuple(n for place, n in enumerate(shape) if place not in axes)]


def best(call: KernelCall) -> list[Shape]:
    """ARG_MAX: without the axis."""
    return [without(call.shape(), one_axis(call.number(1), len(call.shape())))]


def part(call: KernelCall) -> list[Shape]:
    """SLICE: a part that lies inside."""
    shape, begins, sizes = call.shape(), call.numbers(1), call.numbers(2)
    expect("a begin and a size for each side", (len(shape),) * 2, (len(begins), len(sizes)))
    given = []
    for n, begin, size in zip(shape, begins, sizes, strict=True):
        taken = n - begin if size == -1 else size
        if begin < 0 or taken < 1 or begin + taken > n:
            raise ValueError(f"expected a part of {n}, found {size} from {begin}")
        given.append(taken)
    return [tuple(given)]


def strided_slice(call: KernelCall) -> list[Shape]:
    """STRIDED_SLICE: every so many values of a part; without ellipsis and new axes."""
    shape, options = call.shape(), call.options
    bounds = [call.numbers(number) for number in (1, 2, 3)]
    expect("a begin, an end and a stride for each side", [len(shape)] * 3, list(map(len, bounds)))
    unusual = {options[name] for name in ("ellipsis_mask", "new_axis_mask", "offset")}
    expect("no ellipsis, no new axis and no offset,", {0}, unusual)
    given = []
    for place, (n, begin, end, stride) in enumerate(zip(shape, *bounds, strict=True)):
        bit = 1 << place
        if not 1 <= abs(stride) <= MAX_STEP:
            raise ValueError(f"expected strides of 1 to {MAX_STEP} either way, found {stride}")
        taken = slice(
            None if options["begin_mask"] & bit else begin,
            None if options["end_mask"] & bit else end,
            stride,
        )
        count = len(range(*taken.indices(n)))
        if options["shrink_axis_mask"] & bit:
            one_axis(begin, n)
            expect("one of a side that goes, by strides of", 1, stride)
            continue
        given.append(count)
    return [tuple(given)]
