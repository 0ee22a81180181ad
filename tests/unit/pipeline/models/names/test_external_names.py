"""Our names against those of the originals, tensor by tensor.

`tests/data/external_names` has the names and shapes of each library's state dict, at the version
that the file says.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import RecipeError
from pipeline.models import ModelSpec, build
from pipeline.models.names import external_names
from pipeline.recipe import Arch

FOLDER = Path(__file__).parents[4] / "data" / "external_names"
FILES = {
    "torchvision": "torchvision.json",
    "timm": "timm.json",
    "efficientnet-lite-pytorch": "efficientnet_lite_pytorch.json",
}
# Their classifier is another one than ours.
WITHOUT_HEAD = {"vgg11", "vgg16_slim", "squeezenet1_1"}


@cache
def originals(library: str) -> dict[str, dict[str, str]]:
    """The shape of each tensor of each network of a library, as `64x3x7x7`."""
    file: dict[str, Any] = json.loads((FOLDER / FILES[library]).read_text())
    networks: dict[str, dict[str, str]] = file["networks"]
    return networks


def shapes(arch: str) -> dict[str, str]:
    """The same of ours, counters left out."""
    spec = InputSpec(height=224, width=224, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3)
    with torch.device("meta"):
        state = build(ModelSpec(arch=arch, classes=1000, input=spec)).state_dict()
    return {
        name: "x".join(map(str, tensor.shape))
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }


CASES = [(library, arch) for library in FILES for arch in originals(library)]
names_of = cache(external_names)


@pytest.mark.parametrize(("library", "arch"), CASES)
def test_every_tensor_is_found_in_the_original(library: str, arch: str) -> None:
    """Each has one name there and the same shape; what is left over there is a classifier's."""
    (found,) = (each for each in names_of(arch) if each.library == library)
    ours, theirs = shapes(arch), originals(library)[arch]
    assert {name: theirs.get(other) for name, other in found.theirs.items()} == {
        name: ours[name] for name in found.theirs
    }
    assert len(set(found.theirs.values())) == len(found.theirs)
    left_here, left_there = (
        ours.keys() - found.theirs.keys(),
        theirs.keys() - set(found.theirs.values()),
    )
    last = list(ours)[-2:]
    assert left_here == (set(last) if arch in WITHOUT_HEAD else set())
    heads = ("classifier.", "pre_logits.", "head.", "aux1.", "aux2.")
    assert all(name.startswith(heads) for name in left_there)


@pytest.mark.parametrize("arch", get_args(Arch))
def test_no_library_is_said_to_have_more(arch: str) -> None:
    """A map is there exactly where the names of the original are kept here."""
    kept = {library for library, other in CASES if other == arch}
    assert {found.library for found in names_of(arch)} == kept


def test_a_network_that_nobody_else_has_has_no_names() -> None:
    """Must not fire: on our own; and what is no network at all is an error."""
    assert external_names("vgg_tiny") == ()
    with pytest.raises(RecipeError, match="found alexnet"):
        external_names("alexnet")
