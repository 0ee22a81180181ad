"""`TextRecipe`: a recipe's `[text]`, what is read and what is drawn to learn it from."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_agent.common.strict import Probability
from pipeline.data_recipe import Fraction, RecipeValue

# What the synthetic pictures of texts show; `pipeline/tasks/ocr/drawing/render.py` draws them.
TextKind: TypeAlias = Literal["lines", "words", "segments", "wheels", "meter", "dates"]


class SyntheticRecipe(RecipeValue, frozen=True, kw_only=True):
    """Pictures of texts that are drawn while the network learns.

    Args:
        kind: what they show; see `pipeline.tasks.ocr.drawing.render.Synthetic`.
        share: of each batch, in (0, 1]; the rest is real.
        strength: how hard they are made to read, in [0, 1].
        empty: the share of them that show no text at all.
        fonts: a folder of fonts; None takes the system's.
        workers: processes that draw; 0 draws in the training's own.
    """

    kind: TextKind
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.75
    strength: Probability = 1.0
    empty: Fraction = 0.03
    fonts: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 1


class TextRecipe(RecipeValue, frozen=True, kw_only=True):
    """What is read, where the data are texts.

    Args:
        charset: every character that may be read, each once.
        case: `upper` reads everything in capitals.
        epoch_images: pictures per epoch; 0 takes as many as show every real one once.
        synthetic: the pictures that are drawn; None learns from real ones alone.
    """

    charset: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    case: Literal["keep", "upper"] = "keep"
    epoch_images: Annotated[int, msgspec.Meta(ge=0)] = 0
    synthetic: SyntheticRecipe | None = None

    def __post_init__(self) -> None:
        if len(set(self.charset)) != len(self.charset) or not self.charset.isprintable():
            raise ValueError(
                f"charset: expected distinct printable characters, found {self.charset!r}"
            )
