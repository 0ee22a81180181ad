"""`edgeward doctor`: what int8 costs a run or an ONNX file, layer by layer, and what helps."""
