"""What a recipe's `weights` may say is checked before anything is looked for."""

import pytest

from pipeline.recipe import ModelRecipe
from pipeline.weights.check import check_weights


@pytest.mark.parametrize(
    "weights",
    [None, "imagenet", "w.pth", "sub/w.safetensors", "w.PT", "a.ckpt", "a.bin", "hf:timm/net.in1k"],
)
def test_names_files_and_repositories_are_taken(weights: str | None) -> None:
    """Must not fire."""
    check_weights(ModelRecipe(arch="mobilenet_v2", weights=weights))


@pytest.mark.parametrize("weights", ["coco", "w.onnx", "w", "IMAGENET", "https://x.org/w"])
def test_anything_else_is_refused(weights: str) -> None:
    """The error lists what would do."""
    with pytest.raises(
        ValueError, match=r"model\.weights: expected imagenet, a file \(\.safetensors"
    ):
        check_weights(ModelRecipe(arch="mobilenet_v2", weights=weights))


def test_a_repository_is_an_organisation_and_a_name() -> None:
    """The key is named."""
    with pytest.raises(ValueError, match=r"model\.weights: expected hf:ORGANISATION/NAME"):
        check_weights(ModelRecipe(arch="mobilenet_v2", weights="hf:net"))


def test_a_network_that_is_taken_as_it_is_starts_from_nothing() -> None:
    """An ONNX file brings its weights; others beside it would never be looked at."""
    with pytest.raises(ValueError, match=r"model\.weights: expected with arch only, found onnx"):
        check_weights(ModelRecipe(onnx="a.onnx", weights="w.pth"))


def test_known_weights_are_of_some_networks_at_full_width() -> None:
    """One error each: of the architecture, and of the width; a file may be of any width."""
    with pytest.raises(ValueError, match=r"model\.weights: expected imagenet of mobilenet_v2 or "):
        check_weights(ModelRecipe(arch="resnet8", weights="imagenet"))
    with pytest.raises(ValueError, match=r"model\.width: expected 1\.0 with weights imagenet"):
        check_weights(ModelRecipe(arch="mobilenet_v2", width=0.5, weights="imagenet"))
    check_weights(ModelRecipe(arch="mobilenet_v2", width=0.5, weights="w.pth"))
