"""LSTM and GRU over sequences, unrolled into operators that have a lowering."""

from quantization.fold.recurrent.unroll import unroll

__all__ = ["unroll"]
