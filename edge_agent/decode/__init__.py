"""From dequantised network outputs to an answer: pure functions, one module per task."""
