"""What is known of each ONNX operator, said once; every later step asks here."""
