"""`Strict`: what every value of a configuration is."""

from typing import Annotated, TypeAlias

import msgspec

# Three years, for those who mean never: no clock and no wait takes infinity.
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e8)]
# Bounds above 0 are numbers of their own: for `gt=0` msgspec compares with the smallest number
# there is, and tflite-runtime has a 32-bit Arm take that for 0.
LEAST = 1e-6
Timeout: TypeAlias = Annotated[float, msgspec.Meta(ge=1e-3, le=3600)]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every configuration value: immutable, and unknown keys are errors."""
