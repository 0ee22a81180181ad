"""Lowering: a QDQ ONNX model as a full-int8 NHWC TFLite flatbuffer."""

from quantization.lower.lowering import Lowered, lower

__all__ = ["Lowered", "lower"]
