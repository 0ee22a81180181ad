"""`Ports`: the ends a network must have, whoever says so: a manifest, or what was just lowered."""

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from numpy.typing import NDArray

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.manifest import InputSpec, Manifest, OutputPort
from edge_agent.common.arrays import F32

Raw: TypeAlias = NDArray[Any]
"""One output as the network gives it: int8, int32 or float32 of its port's shape."""


@dataclass(frozen=True)
class Ports:
    """The ends of a network with an int8 image for its input.

    Args:
        input: how an image becomes the input.
        affine: the input's scale.
        outputs: one or more, in the model's order.
    """

    input: InputSpec
    affine: Affine
    outputs: tuple[OutputPort, ...]

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Those that `manifest` describes."""
        return cls(manifest.input, manifest.input_affine, manifest.outputs)

    def real(self, raws: tuple[Raw, ...]) -> tuple[F32, ...]:
        """The numbers that raw outputs stand for, one array for each of `outputs`."""
        return tuple(port.real(raw) for port, raw in zip(self.outputs, raws, strict=True))
