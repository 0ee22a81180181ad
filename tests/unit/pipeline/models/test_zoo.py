"""The table of architectures against the recipe's names and the networks themselves."""

import subprocess
import sys
from typing import get_args

import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import RecipeError
from pipeline.models import ModelSpec, build
from pipeline.models.macs import Cost, cost
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
def test_the_zoo_says_what_a_network_takes(known: ZooEntry) -> None:
    """The table's counts are those of the network which is built."""
    spec = published(known)
    with torch.device("meta"):
        assert cost(build(spec), spec.input) == Cost(known.macs, known.parameters)


# Multiply-accumulates in millions at the published side: torchvision 0.28's metadata (`_ops`),
# and of MobileNetV2 the paper.
MACS = {
    "resnet18": 1814,
    "resnet34": 3664,
    "googlenet": 1498,
    "shufflenet_v2_x0_5": 40,
    "shufflenet_v2_x1_0": 145,
    "mobilenet_v2": 301,
}


@pytest.mark.parametrize("name", MACS)
def test_the_zoo_costs_what_is_published(name: str) -> None:
    """Multiply-accumulates are the published ones, so strides and kernels are as well."""
    assert round(entry(name).macs / 1e6) == MACS[name]


def test_squeezenet_costs_what_is_published_but_for_its_head() -> None:
    """The 349 M of torchvision, less a classifier that runs on 13x13 places, not on one."""
    assert round((entry("squeezenet1_1").macs + (13 * 13 - 1) * 512_000) / 1e6) == 349


def test_lenet_has_the_parameters_that_everybody_counts() -> None:
    """61,706 on 32x32 grey pixels and 10 classes, and on the 28x28 that come without margin."""
    counts = []
    for side in (32, 28):
        spec = InputSpec(height=side, width=side, colour="gray", mean=(0.0,), std=(1.0,))
        module = build(ModelSpec(arch="lenet5", classes=10, input=spec))
        counts.append(cost(module, spec).parameters)
    assert counts == [61_706, 61_706]


@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.name)
def test_a_published_accuracy_has_a_source(known: ZooEntry) -> None:
    """A figure and its source come together, and it is a share of a hundred."""
    assert (known.top1 is None) == (known.top1_source == "")
    assert known.top1 is None or 40 < known.top1 < 90


def test_an_unknown_architecture_is_one_error() -> None:
    """Must fire: the error names what there is."""
    with pytest.raises(RecipeError) as error:
        entry("alexnet")
    assert str(error.value).startswith("model.arch: expected one of lenet5, ")
    assert str(error.value).endswith(", found alexnet")


def test_the_zoo_needs_no_torch() -> None:
    """Whoever only lists the architectures does not wait for torch."""
    code = "import sys, pipeline.models.zoo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
