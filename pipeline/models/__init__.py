"""The networks: NCHW float32, already normalised, to logits (N, classes) or (N, T, classes).

Each that classifies is an `nn.Sequential` whose last element is the classifier (pool,
flatten, linear), so that `net[:-1]` gives the last feature maps; the readers of text answer
at T time steps. `build` is the only door. To add an architecture: write its file in the room of
its family, name it in `recipe.Arch` and in the `zoo`, or in `recipe.TextArch`, and in
`construct`.
"""

from typing import TYPE_CHECKING

from pipeline.models.spec import LayerShape, ModelSpec

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LayerShape", "ModelSpec", "build"]


def build(spec: ModelSpec) -> "nn.Module":
    """The network of `spec`, freshly initialised from torch's global generator.

    Returns:
        A module from (N, C, H, W) float32 to logits (N, spec.classes), or (N, T, spec.classes)
        for a reader of text. For a pruned `spec` the layers have its shapes, to be filled by a
        state dict.

    Raises:
        RecipeError: the input is smaller than any of these networks can look at, or not of
            the height and width that a reader of text takes.
        RunError: `spec.shapes` does not fit the architecture.
    """
    # Here, because the zoo and the spec are also for those who do not wait for torch.
    from pipeline.models.construct import construct

    return construct(spec)
