"""Lowering: an ONNX model as an NHWC TFLite flatbuffer, int8 wherever the model says so."""

from quantization.lower.lowering import TfliteFile, lower, lower_graph

__all__ = ["TfliteFile", "lower", "lower_graph"]
