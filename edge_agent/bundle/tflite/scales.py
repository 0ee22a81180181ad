"""The types and scales of an operator: those that kernels are made for."""

from edge_agent.bundle.tflite.call import KernelCall
from edge_agent.bundle.tflite.refuse import Refuse

# Of 8-bit types, what a zero point may be.
ZERO_POINTS = {"int8": (-128, 127), "uint8": (0, 255)}
# Sums of 8 bits are made with this many bits behind the point (tflite/kernels/add.cc, sub.cc,
# squared_difference.cc: left_shift), and brought to the output's scale by a factor below 1.
SUM_BITS = {"ADD": 20, "SUB": 20, "SQUARED_DIFFERENCE": 7}
# Where an operator with weights has its input, and how often its output's scale goes into that of
# its products at most: XNNPACK's limit of requantisation.
WITH_WEIGHTS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 2}
MOST_PRODUCTS = 256
# Values of these types are nothing without a scale.
QUANTISED = (*ZERO_POINTS, "int16")
# What an operator's values are read from, where that is not its first input; and where several
# are of one type.
SOURCES = {"SPLIT": (1,), "TRANSPOSE_CONV": (2,)}
ALIKE = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "PRELU", "SQUARED_DIFFERENCE")
CONVERTING = ("QUANTIZE", "DEQUANTIZE", "ARG_MAX")


def check_types(name: str, call: KernelCall, refuse: Refuse) -> None:
    """An operator gives the type that it is given, unless to change it is what it is for."""
    if name in CONVERTING:
        return
    everywhere = name in ALIKE or name == "CONCATENATION"
    sources = range(len(call.inputs)) if everywhere else SOURCES.get(name, (0,))
    given = {tensor.dtype for number in sources if (tensor := call.inputs[number]) is not None}
    found = given | {tensor.dtype for tensor in call.outputs}
    refuse.unless(len(found) == 1, "inputs and outputs of one type", sorted(found))


def check_scales(name: str, call: KernelCall, refuse: Refuse) -> None:
    """A value of 8 or 16 bits has one scale, a constant one or more; and results can be scaled."""
    for tensor in (*call.inputs, *call.outputs):
        if tensor is not None and tensor.dtype in QUANTISED:
            count = len(tensor.scales)
            sound = count == 1 or (count > 1 and tensor.values is not None)
            refuse.unless(sound, f"a scale for {tensor.dtype} {tensor.name!r}", count)
    if call.outputs and call.outputs[0].dtype in ZERO_POINTS:
        if name in SUM_BITS:
            _check_sum(name, call, refuse)
        if name in WITH_WEIGHTS:
            _check_products(call, WITH_WEIGHTS[name], refuse)


def _check_sum(name: str, call: KernelCall, refuse: Refuse) -> None:
    scales = [float(max(t.scales)) for t in call.inputs if t is not None and len(t.scales)]
    power = 2 if name == "SQUARED_DIFFERENCE" else 1
    most = float(call.outputs[0].scales[0]) * 2.0 ** (SUM_BITS[name] * power)
    largest = (2 * max(scales, default=0.0)) ** power
    refuse.unless(
        largest < most, f"inputs with scales that leave {largest:.3g} below {most:.3g}", scales
    )


def _check_products(call: KernelCall, source: int, refuse: Refuse) -> None:
    x, weights = call.inputs[source], call.inputs[1]
    if x is None or weights is None or not len(x.scales) or not len(weights.scales):
        return  # the kernels refuse an output of 8 bits then
    product = float(x.scales[0]) * float(max(weights.scales))
    most = MOST_PRODUCTS * float(call.outputs[0].scales[0])
    refuse.unless(
        product < most,
        f"scales of input and weights with a product below {most:.3g}",
        f"{product:.3g}",
    )
