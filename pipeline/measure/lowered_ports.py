"""The ports of a network that was just lowered, for the device's own code to run it."""

import msgspec

from edge_agent.bundle.manifest import InputSpec, OutputPort
from edge_agent.bundle.ports import Ports
from quantization.lower import TfliteFile


def lowered_ports(lowered: TfliteFile, spec: InputSpec) -> Ports:
    """What `lowered` has, and how an image becomes its input.

    Raises:
        ModelError: its input is not int8.
    """
    outputs = msgspec.convert(lowered.results, tuple[OutputPort, ...], from_attributes=True)
    return Ports(spec, lowered.input, outputs)
