"""What quantisation costs a network, layer by layer, and what is to blame for it."""

from quantization.doctor.diagnose import diagnose
from quantization.doctor.diagnosis import Culprit, Diagnosis, Kind, Layer

__all__ = ["Culprit", "Diagnosis", "Kind", "Layer", "diagnose"]
