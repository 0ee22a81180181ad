"""What others call the tensors of our networks: torchvision, timm, and wheels with weights.

`external_names` is the only door. Each library has a module with its names for a network's
layers, in the order in which our own network has them.
"""

from pipeline.models.names.maps import NameMap, external_names

__all__ = ["NameMap", "external_names"]
