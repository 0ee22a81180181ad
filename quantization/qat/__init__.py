"""Quantisation-aware training: the folded network in torch, on the grid of its int8 file.

The one part of `quantization` that needs torch; no other module of it may import this one.
"""

from quantization.qat.export import exported
from quantization.qat.network import FakeQuantNetwork

__all__ = ["FakeQuantNetwork", "exported"]
