"""`Affine`: the only place where real numbers become int8 and back.

The scheme is the TFLite 8-bit quantisation specification's:
``real = scale * (q - zero_point)`` with ``q`` in [-128, 127].
"""

import msgspec
import numpy as np

from edge_agent.common.arrays import F32, I8

QMIN, QMAX = -128, 127


class Affine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tensor's int8 scale and zero point.

    Args:
        scale: the size of one quantum in real units; finite and above zero.
        zero_point: the int8 value that stands for real 0; in [-128, 127].

    Raises:
        ValueError: if either is out of its range.
    """

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale: expected a finite number above 0, found {self.scale}")
        if not QMIN <= self.zero_point <= QMAX:
            raise ValueError(f"zero_point: expected {QMIN} to {QMAX}, found {self.zero_point}")

    def quantize(self, real: F32) -> I8:
        """Nearest int8 of each value, saturating; any shape, same shape out.

        Rounds half to even, as the TFLite QUANTIZE kernel's vector paths do, and clips:
        an unclipped cast wraps white to black.
        """
        q = np.rint(real / np.float32(self.scale)) + np.float32(self.zero_point)
        saturated: I8 = np.clip(q, QMIN, QMAX).astype(np.int8)
        return saturated

    def dequantize(self, q: I8) -> F32:
        """The real value of each int8, as float32; any shape, same shape out."""
        # Widen first: q - zero_point spans [-255, 255] and would overflow int8.
        return np.float32(self.scale) * (q.astype(np.int32) - self.zero_point).astype(np.float32)
