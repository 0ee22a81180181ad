"""The exceptions of the quantiser.

Every message names the place, what was expected and what was found.
"""


class QuantizationError(Exception):
    """Base of every error this package raises on purpose."""


class ModelError(QuantizationError):
    """The ONNX model cannot be read, or is not a network this package can lower."""


class UnsupportedOperatorError(ModelError):
    """A node uses an operator, or a form of one, that has no lowering here."""


class CalibrationError(QuantizationError):
    """The calibration samples are missing, misshapen or not finite."""
