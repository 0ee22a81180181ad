"""The int8 operators of TensorFlow Lite in plain NumPy: what a device computes, executable.

`run` gives a network's output, `trace` every value on the way, and `first_difference` the
first layer where another runtime leaves them. Slow, and meant to be read.
"""

from quantization.reference.compare import Difference, exposed, first_difference
from quantization.reference.errors import TfliteFileError, UnsupportedKernelError
from quantization.reference.registry import KERNELS
from quantization.reference.run import run, trace

__all__ = [
    "KERNELS",
    "Difference",
    "TfliteFileError",
    "UnsupportedKernelError",
    "exposed",
    "first_difference",
    "run",
    "trace",
]
