"""Networks of a user's own: a class of a Python module, or the graph of an ONNX file."""
