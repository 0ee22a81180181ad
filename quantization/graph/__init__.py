"""An ONNX graph in memory, and running it."""
