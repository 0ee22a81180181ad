"""What a recipe's `weights` may say: a known name, a file, or a repository."""

import re

from pipeline.recipe import ModelRecipe
from pipeline.weights.hub import hub_weights
from pipeline.weights.known import HUB, KNOWN, PICKLED, SAFE, known

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def is_name(text: str) -> bool:
    """Whether a recipe's `weights` are one of the known, and neither a file nor a repository."""
    return _NAME.fullmatch(text) is not None


def check_weights(model: ModelRecipe, place: str = "model") -> None:
    """Raise unless the weights of `model` can be those of its architecture and width.

    Args:
        model: the table of a recipe.
        place: what it is called there.

    Raises:
        ValueError: names the key.
    """
    text = model.weights
    if text is not None and model.onnx is not None:
        raise ValueError(f"{place}.weights: expected with arch only, found onnx = {model.onnx!r}")
    if text is None or (text.lower().endswith((*PICKLED, SAFE)) and not text.startswith(HUB)):
        return
    if text.startswith(HUB):
        _check_hub(text, place)
        return
    names = sorted({row.name for row in KNOWN})
    if text not in names:
        raise ValueError(
            f"{place}.weights: expected {' or '.join(names)}, a file "
            f"({', '.join((SAFE, *PICKLED))}) or {HUB}ORGANISATION/NAME, found {text!r}"
        )
    if known(text, model.arch) is None:
        arches = " or ".join(row.arch for row in KNOWN if row.name == text)
        raise ValueError(f"{place}.weights: expected {text} of {arches}, found arch {model.arch!r}")
    if model.width != 1.0:
        raise ValueError(f"{place}.width: expected 1.0 with weights {text}, found {model.width}")


def _check_hub(text: str, place: str) -> None:
    try:
        hub_weights(text)
    except ValueError as error:
        raise ValueError(f"{place}.weights: {error}") from error
