"""Layer shapes of a pruned network: read off a module, and put onto a fresh one.

Together with the state dict this stores a pruned network without pickling code.
"""

import torch
from torch import nn

from pipeline.common.errors import RunError
from pipeline.models.spec import LayerShape


def read_shapes(module: nn.Module) -> dict[str, LayerShape]:
    """The channels of every convolution, batch norm and linear layer, by module path."""
    return {name: shape for name, layer in module.named_modules() if (shape := _shape(layer))}


def apply_shapes(module: nn.Module, shapes: dict[str, LayerShape]) -> None:
    """Give each layer of `module` the channels in `shapes`; their values start afresh.

    Raises:
        RunError: if `shapes` does not name exactly the layers of `module`.
    """
    layers = {name: layer for name, layer in module.named_modules() if _shape(layer)}
    if layers.keys() != shapes.keys():
        odd = sorted(layers.keys() ^ shapes.keys())
        raise RunError(
            f"shapes: expected the {len(layers)} layers of the architecture, "
            f"found {len(shapes)}; first difference: {odd[0]}"
        )
    for name, layer in layers.items():
        _reshape(layer, shapes[name])


def _shape(layer: nn.Module) -> LayerShape | None:
    if isinstance(layer, nn.Conv2d):
        return LayerShape(layer.in_channels, layer.out_channels, layer.groups)
    if isinstance(layer, nn.Linear):
        return LayerShape(layer.in_features, layer.out_features)
    if isinstance(layer, nn.BatchNorm2d):
        return LayerShape(layer.num_features, layer.num_features)
    return None


def _reshape(layer: nn.Module, shape: LayerShape) -> None:
    if isinstance(layer, nn.Conv2d):
        layer.in_channels, layer.out_channels = shape.inputs, shape.outputs
        layer.groups = shape.groups
        kernel = layer.weight.shape[2:]
        _replace(layer, "weight", (shape.outputs, shape.inputs // shape.groups, *kernel))
        _replace(layer, "bias", (shape.outputs,))
    elif isinstance(layer, nn.Linear):
        layer.in_features, layer.out_features = shape.inputs, shape.outputs
        _replace(layer, "weight", (shape.outputs, shape.inputs))
        _replace(layer, "bias", (shape.outputs,))
    elif isinstance(layer, nn.BatchNorm2d):
        layer.num_features = shape.outputs
        for name in ("weight", "bias"):
            _replace(layer, name, (shape.outputs,))
        layer.register_buffer("running_mean", torch.zeros(shape.outputs))
        layer.register_buffer("running_var", torch.ones(shape.outputs))


def _replace(layer: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    if getattr(layer, name) is not None:
        setattr(layer, name, nn.Parameter(torch.zeros(shape)))
