"""The exceptions of the reference interpreter."""

from quantization.errors import QuantizationError


class TfliteFileError(QuantizationError):
    """The file is not a TFLite network the reference can read, or the input is not its input."""


class UnsupportedKernelError(QuantizationError):
    """An operator, or a form of one, that the reference does not define."""
