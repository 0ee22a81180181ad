"""`Int8Network`: a quantised network, with what its fine-tuning left to read."""

from dataclasses import dataclass

from pipeline.checkpoints.history import EpochRecord
from quantization.quantize import QuantizedModel


@dataclass(frozen=True)
class Int8Network:
    """A quantised network.

    Args:
        quantized: the network and its ranges.
        history: the epochs of its fine-tuning; empty if it had none.
    """

    quantized: QuantizedModel
    history: tuple[EpochRecord, ...] = ()
