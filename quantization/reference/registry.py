"""The table of kernels: one decorated function defines what a TFLite operator computes."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from quantization.graph.graph import Array
from quantization.reference.errors import UnsupportedKernelError
from quantization.reference.model import ReferenceOperator

# From an operator and the values of its inputs to that of its output, or to several.
Kernel: TypeAlias = Callable[..., Array | tuple[Array, ...]]

KERNELS: dict[str, Kernel] = {}
# Of float32 the reference knows what int8 is made from, and what is made from int8.
CASTS = ("QUANTIZE", "DEQUANTIZE")


def kernel(name: str) -> Callable[[Kernel], Kernel]:
    """Enter the decorated function in the table as the meaning of operator `name`."""

    def enter(function: Kernel) -> Kernel:
        KERNELS[name] = function
        return function

    return enter


def find(operator: ReferenceOperator) -> Kernel:
    """The kernel of an operator.

    Raises:
        UnsupportedKernelError: if there is none, or it is one that computes in float32.
    """
    if operator.name not in KERNELS:
        refuse(operator, "has no reference")
    for tensor in (*operator.outputs, *operator.inputs):
        if tensor is not None and tensor.dtype == "float32" and operator.name not in CASTS:
            refuse(operator, f"on float32 ({tensor.name!r}) has no reference")
    return KERNELS[operator.name]


def refuse(operator: ReferenceOperator, reason: str) -> NoReturn:
    """Say that an operator is not defined here, and which are.

    Raises:
        UnsupportedKernelError: always.
    """
    raise UnsupportedKernelError(
        f"{operator} {reason}; supported: {', '.join(sorted(KERNELS))}, on int8"
    )


def require_int8(operator: ReferenceOperator, *indices: int) -> None:
    """Refuse an operator whose output, or whose inputs of these indices, are not int8."""
    for tensor in (operator.output, *(operator.input(i) for i in indices)):
        if tensor.dtype != "int8":
            refuse(operator, f"on {tensor.dtype} ({tensor.name!r}) has no reference")


def option(operator: ReferenceOperator, name: str, default: Any) -> Any:
    """A field of an operator's options; the schema's default where it has none."""
    return default if operator.options is None else getattr(operator.options, name)
