"""From a float ONNX network to a full-int8 TFLite file: calibrate, quantise, lower.

It knows graphs and arrays, neither data sets nor checkpoints.
"""
