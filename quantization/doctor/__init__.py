"""What quantisation costs a network, layer by layer, and why."""

from quantization.doctor.diagnose import diagnose
from quantization.doctor.diagnosis import Culprit, Diagnosis, Kind, Layer

__all__ = ["Culprit", "Diagnosis", "Kind", "Layer", "diagnose"]
