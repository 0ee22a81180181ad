"""From a trained fake-quant network back to what the rest of this package works on."""

from dataclasses import replace

import numpy as np

from quantization.errors import QuantizationError
from quantization.graph.graph import Graph
from quantization.qat.network import FakeQuantNetwork
from quantization.scales.calibrate import Ranges


def exported(network: FakeQuantNetwork) -> tuple[Graph, Ranges]:
    """The folded network with the trained weights, and the ranges as trained.

    `insert_qdq` and then `lower_graph`, with the layers in float that the network was made with,
    give the file it has been trained to be. Of a network that was not trained they give, byte for
    byte, the file of the network and the ranges that it was made from.

    Raises:
        QuantizationError: if training has left a weight or a range that is not finite.
    """
    plan = network.plan
    weights = {
        name: parameter.detach().cpu().contiguous().numpy().copy()
        for name, parameter in zip(plan.trained, network.weights, strict=True)
    }
    for name, array in weights.items():
        bad = int(np.count_nonzero(~np.isfinite(array)))
        if bad:
            raise QuantizationError(
                f"weight {name!r}: training left {bad} of {array.size} values that are not finite; "
                "a lower learning rate may help"
            )
    graph = replace(plan.graph, constants={**plan.graph.constants, **weights})
    return graph, network.ranges.exported()
