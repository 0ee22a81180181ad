"""The table of architectures against the recipe's names and the networks themselves."""

import subprocess
import sys
from typing import get_args

import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import RecipeError
from pipeline.models import ModelSpec, build
from pipeline.models.macs import cost
from pipeline.models.zoo import ZOO, ZooEntry, entry
from pipeline.recipe import Arch


def published(known: ZooEntry) -> ModelSpec:
    """The network of that entry as published: 1000 classes on RGB."""
    spec = InputSpec(
        height=known.side, width=known.side, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3
    )
    return ModelSpec(arch=known.name, classes=1000, input=spec)


def test_the_zoo_has_the_names_of_the_recipe() -> None:
    """What a recipe may name and what the zoo knows are the same names, each once."""
    assert sorted(known.name for known in ZOO) == sorted(get_args(Arch))


@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.name)
def test_the_zoo_says_how_many_parameters_there_are(known: ZooEntry) -> None:
    """The table's count is that of the network which is built."""
    spec = published(known)
    with torch.device("meta"):
        assert cost(build(spec), spec.input).parameters == known.parameters


@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.name)
def test_a_published_accuracy_has_a_source(known: ZooEntry) -> None:
    """A figure and its source come together, and it is a share of a hundred."""
    assert (known.top1 is None) == (known.top1_source == "")
    assert known.top1 is None or 40 < known.top1 < 90


def test_an_unknown_architecture_is_one_error() -> None:
    """Must fire: the error names what there is."""
    with pytest.raises(RecipeError) as error:
        entry("alexnet")
    assert str(error.value).startswith("model.arch: expected one of vgg_tiny, ")
    assert str(error.value).endswith(", found alexnet")


def test_the_zoo_needs_no_torch() -> None:
    """Whoever only lists the architectures does not wait for torch."""
    code = "import sys, pipeline.models.zoo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
