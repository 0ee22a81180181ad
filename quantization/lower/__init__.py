"""Lowering: an ONNX model as an NHWC TFLite flatbuffer, int8 wherever the model says so."""

from quantization.lower.lowering import Lowered, lower

__all__ = ["Lowered", "lower"]
