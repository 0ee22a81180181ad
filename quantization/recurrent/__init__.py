"""LSTM and GRU over sequences, unrolled into operators that have a lowering."""

from quantization.recurrent.unroll import unroll

__all__ = ["unroll"]
