"""Operations drawn for each image: each does what it is called, and draws decide alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.recipe import Augment
from pipeline.training.augment import augment
from pipeline.training.draws import generator
from pipeline.training.transfer import operations
from pipeline.training.transfer.operations import OPERATIONS, Operation, operate

IMAGES = torch.randint(0, 256, (6, 12, 16, 3), dtype=torch.uint8, generator=generator("images"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__)
def test_every_operation_keeps_shape_and_kind(operation: Operation) -> None:
    """Uint8 of the same shape; grey images too."""
    sizes = torch.linspace(-1, 1, 6)
    for images in (IMAGES, IMAGES[..., :1]):
        changed = operation(images.clone(), sizes)
        assert changed.shape == images.shape
        assert changed.dtype == torch.uint8


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if one is not operations._stretched],
    ids=lambda one: one.__name__,
)
def test_no_distance_changes_nothing_and_the_furthest_much(operation: Operation) -> None:
    """At 0 each is the identity, give or take the last bit of an interpolation."""
    same = operation(IMAGES.clone(), torch.zeros(6)).int() - IMAGES.int()
    assert same.abs().max() <= 1
    assert (operation(IMAGES.clone(), torch.ones(6)) != IMAGES).float().mean() > 0.3


def test_operations_are_drawn_by_image_and_reproducible() -> None:
    """The same generator, the same images; those that came in stay."""
    kept = IMAGES.clone()
    one = operate(IMAGES, 2, 0.5, generator("a"))
    assert torch.equal(one, operate(IMAGES, 2, 0.5, generator("a")))
    assert not torch.equal(one, operate(IMAGES, 2, 0.5, generator("b")))
    assert torch.equal(IMAGES, kept)


@pytest.mark.parametrize(
    ("operation", "image", "wanted"),
    [
        (operations._solarised, [10, 200], [10, 55]),
        (operations._posterised, [15, 17], [12, 16]),
        (operations._brightened, [100, 200], [145, 255]),
    ],
    ids=["solarise", "posterise", "brighten"],
)
def test_operations_go_where_they_should(
    operation: Callable[[Tensor, Tensor], Tensor], image: list[int], wanted: list[int]
) -> None:
    """At half of the furthest, worked out by hand."""
    pixels = torch.tensor(image, dtype=torch.uint8).view(1, 1, 2, 1)
    assert operation(pixels, torch.tensor([0.5])).flatten().tolist() == wanted


def test_saturation_leaves_greys_and_moves_colours() -> None:
    """Only what has colour has more or less of it."""
    grey = torch.full((1, 4, 4, 3), 90, dtype=torch.uint8)
    red = torch.tensor([200, 50, 50], dtype=torch.uint8).expand(1, 4, 4, 3).contiguous()
    settings = Augment(saturation=0.8)
    assert torch.equal(augment(grey, settings, generator("s")), grey)
    assert not torch.equal(augment(red, settings, generator("s")), red)
