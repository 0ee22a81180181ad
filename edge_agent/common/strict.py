"""`Strict`: the base of every value that is read from a file, and the kinds of its fields."""

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec

# Three years, for those who mean never: no clock and no wait takes infinity.
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e8)]
# Bounds above 0 are numbers of their own: for `gt=0` msgspec compares with the smallest number
# there is, and tflite-runtime has a 32-bit Arm take that for 0.
LEAST = 1e-6
Timeout: TypeAlias = Annotated[float, msgspec.Meta(ge=1e-3, le=3600)]
Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Size: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=8192)]
Probability: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
# `$` alone would let a newline follow.
Sha256: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$(?!\n)")]
# Labels are printed on terminals and shown on pages: no control characters.
Label: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,255}$(?!\n)")]
# One character of a text: what a terminal and a page can show.
Character: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]$(?!\n)")]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what manifests and configurations hold: immutable, and unknown keys are errors."""
