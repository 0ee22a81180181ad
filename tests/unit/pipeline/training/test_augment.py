"""Random changes to training images, each seen on images that show just that change."""

import math

import pytest
import torch
from torch import Generator, Tensor

from pipeline.recipe import Augment
from pipeline.training.augment import augment


def draws(seed: int = 0) -> Generator:
    """A generator at its start."""
    return Generator().manual_seed(seed)


def noise(count: int = 64, height: int = 12, width: int = 20, channels: int = 3) -> Tensor:
    """Images on which every change shows."""
    return torch.randint(
        0, 256, (count, height, width, channels), generator=draws(9), dtype=torch.uint8
    )


EVERYTHING = Augment(
    shift=0.2, flip=True, rotate=20, zoom=0.2, brightness=0.3, contrast=0.3, erase=0.4
)


def test_nothing_asked_is_nothing_done() -> None:
    """Without settings the pixels are those that went in."""
    images = noise()
    assert torch.equal(augment(images, Augment(), draws()), images)


@pytest.mark.parametrize("settings", [EVERYTHING, Augment(shift=0.2, flip=True)])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_type_and_source_are_kept(settings: Augment, channels: int) -> None:
    """A changed batch is uint8 of the same shape, and the original is untouched."""
    images = noise(channels=channels)
    before = images.clone()
    changed = augment(images, settings, draws())
    assert (changed.shape, changed.dtype) == (images.shape, torch.uint8)
    assert torch.equal(images, before)
    assert not torch.equal(changed, images)


def test_the_generator_decides() -> None:
    """The same generator state gives the same batch, another one another batch."""
    images = noise()
    first, again = (augment(images, EVERYTHING, draws(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, augment(images, EVERYTHING, draws(2)))


def test_shift_moves_by_whole_pixels_up_to_its_limit() -> None:
    """A lone bright pixel lands at every distance up to a fifth of the side, and no further."""
    images = torch.zeros(500, 10, 20, 1, dtype=torch.uint8)
    images[:, 5, 10] = 255
    moved = augment(images, Augment(shift=0.2), draws())
    places = moved[..., 0].nonzero()  # (500, 3): image, row, column
    assert len(places) == 500
    assert set((places[:, 1] - 5).tolist()) == set(range(-2, 3))
    assert set((places[:, 2] - 10).tolist()) == set(range(-4, 5))


def test_what_comes_in_repeats_the_border() -> None:
    """A uniform image stays uniform however it is moved: no black edges."""
    images = torch.full((50, 9, 9, 1), 77, dtype=torch.uint8)
    for settings in (Augment(shift=0.4), Augment(rotate=45, zoom=0.5, shift=0.3)):
        assert (augment(images, settings, draws()) == 77).all()


def test_flip_mirrors_about_half() -> None:
    """Each image comes out as it was or mirrored, either about as often."""
    images = noise(400)
    changed = augment(images, Augment(flip=True), draws())
    mirrored = (changed == images.flip(2)).flatten(1).all(1)
    same = (changed == images).flatten(1).all(1)
    assert (mirrored ^ same).all()
    assert 150 < mirrored.sum() < 250


def test_warping_mirrors_too() -> None:
    """Flipping goes on working when rotation or zoom are asked as well."""
    images = torch.zeros(300, 8, 8, 1, dtype=torch.uint8)
    images[:, :, :4] = 200
    changed = augment(images, Augment(flip=True, zoom=0.01), draws())
    left = changed[:, 4, 1, 0] > 100
    assert 100 < left.sum() < 200


def test_rotation_keeps_the_centre_and_the_lengths() -> None:
    """On a wide image, a dot to the right of the centre turns on a circle, not an ellipse."""
    images = torch.zeros(200, 41, 61, 1, dtype=torch.uint8)
    images[:, 20, 30] = 255
    images[:, 19:22, 44:47] = 255
    turned = augment(images, Augment(rotate=90), draws())[..., 0].float()
    assert (turned[:, 20, 30] > 200).all()
    turned[:, 18:23, 28:33] = 0
    rows = torch.arange(41.0)[None, :, None] - 20
    columns = torch.arange(61.0)[None, None, :] - 30
    mass = turned.sum((1, 2))
    y, x = (turned * rows).sum((1, 2)) / mass, (turned * columns).sum((1, 2)) / mass
    assert torch.allclose(torch.hypot(x, y), torch.tensor(15.0), atol=0.2)
    assert y.abs().max() > 12


def test_brightness_and_contrast_stay_in_their_ranges() -> None:
    """Brightness scales the mean within its limit; contrast leaves the mean alone."""
    images = torch.full((300, 4, 4, 1), 100, dtype=torch.uint8)
    images[:, ::2] = 120  # mean 110
    brighter = augment(images, Augment(brightness=0.2), draws()).float().mean((1, 2, 3)) / 110
    assert 0.79 < brighter.min() < 0.85
    assert 1.15 < brighter.max() < 1.21
    steeper = augment(images, Augment(contrast=0.5), draws()).float()
    assert torch.allclose(steeper.mean((1, 2, 3)), torch.tensor(110.0), atol=0.6)
    gaps = steeper[:, 0, 0, 0] - steeper[:, 1, 0, 0]
    assert gaps.min() < 12
    assert gaps.max() > 28


def test_bright_pixels_saturate() -> None:
    """White made brighter stays white and does not wrap to black."""
    images = torch.full((50, 4, 4, 1), 255, dtype=torch.uint8)
    assert augment(images, Augment(brightness=0.5), draws()).max() == 255
    assert augment(images, Augment(brightness=0.5), draws()).min() > 100


def test_erase_cuts_one_square_of_the_mean_colour() -> None:
    """At most one square is changed, no larger than asked, filled with the image's mean."""
    images = noise(200, 20, 20, 1)
    erased = augment(images, Augment(erase=0.5), draws())
    changed = (erased != images)[..., 0]
    heights = changed.any(2).sum(1)
    widths = changed.any(1).sum(1)
    assert 8 < heights.max() <= 11
    assert widths.max() <= 11
    index = int(heights.argmax())
    fill = erased[index][changed[index]].unique()
    assert fill.tolist() == [round(images[index].float().mean().item())]


def dots(count: int, height: int, width: int, *places: tuple[int, int]) -> Tensor:
    """Black pictures with the same few dots of 3 x 3, brighter the later they are named."""
    images = torch.zeros(count, height, width, 1, dtype=torch.uint8)
    for number, (y, x) in enumerate(places):
        images[:, y - 1 : y + 2, x - 1 : x + 2] = 100 + 100 * number
    return images


def centre(image: Tensor) -> tuple[float, float]:
    """Where the light of a picture (H, W) is, from its middle: down, and to the right."""
    height, width = image.shape
    light = image.double()
    rows = torch.arange(height).double()[:, None] - (height - 1) / 2
    columns = torch.arange(width).double()[None, :] - (width - 1) / 2
    return (
        float((light * rows).sum() / light.sum()),
        float((light * columns).sum() / light.sum()),
    )


@pytest.mark.parametrize(("y", "x"), [(20, 45), (33, 30), (30, 42)])
def test_a_mirrored_picture_turns_without_shear(y: int, x: int) -> None:
    """A dot to the right, below or between stays as far from the middle, mirrored or not."""
    images = dots(200, 41, 61, (y, x))
    length = math.hypot(y - 20, x - 30)
    turned = augment(images, Augment(rotate=30, flip=True), draws())[..., 0]
    places = [centre(image) for image in turned]
    assert all(math.hypot(*place) == pytest.approx(length, abs=0.2) for place in places)
    angles = [math.degrees(math.atan2(down, right)) for down, right in places]
    own = math.degrees(math.atan2(y - 20, x - 30))
    turns = [(angle - own + 180) % 360 - 180 for angle in angles]
    mirrored = [(angle - (180 - own) + 180) % 360 - 180 for angle in angles]
    assert all(min(abs(a), abs(b)) < 31 for a, b in zip(turns, mirrored, strict=True))


def test_a_mirrored_picture_is_mirrored_before_or_after_it_turns_and_no_less() -> None:
    """Two dots at a right angle stay at one; in about half of the pictures the other way round."""
    right, below = dots(300, 41, 61, (20, 45)), dots(300, 41, 61, (35, 30))
    settings = Augment(rotate=30, flip=True)
    ways = []
    for a, b in zip(*(augment(i, settings, draws())[..., 0] for i in (right, below)), strict=True):
        (ay, ax), (by, bx) = centre(a), centre(b)
        assert ay * by + ax * bx == pytest.approx(0, abs=6)  # of 15 * 15
        ways.append(ax * by - ay * bx > 0)
    assert 100 < sum(ways) < 200


@pytest.mark.parametrize("size", [(41, 61), (61, 41)])
def test_a_shift_of_a_turned_picture_reaches_its_limit_on_both_axes(size: tuple[int, int]) -> None:
    """A fifth of the height down and up, a fifth of the width to either side, and no further."""
    height, width = size
    images = dots(400, height, width, (height // 2, width // 2))
    # A turn too small to be seen takes the way of all turns.
    moved = augment(images, Augment(rotate=1e-6, shift=0.2), draws())[..., 0]
    down, right = zip(*(centre(image) for image in moved), strict=True)
    for found, side in ((down, height), (right, width)):
        assert 0.19 * side < max(found) < 0.2 * side + 0.05
        assert 0.19 * side < -min(found) < 0.2 * side + 0.05


def test_a_zoom_is_the_same_on_both_axes_and_reaches_its_limit() -> None:
    """Lengths become up to a quarter longer or shorter, as much upright as across."""
    across, upright = dots(300, 61, 81, (30, 60)), dots(300, 61, 81, (50, 40))
    settings = Augment(zoom=0.25)
    wide = [centre(i)[1] / 20 for i in augment(across, settings, draws())[..., 0]]
    tall = [centre(i)[0] / 20 for i in augment(upright, settings, draws())[..., 0]]
    assert wide == pytest.approx(tall, abs=0.02)
    assert 0.74 < min(wide) < 0.77
    assert 1.23 < max(wide) < 1.26


def test_what_is_erased_lies_anywhere_and_is_a_square_on_a_wide_picture() -> None:
    """On 12 x 40 it is as wide as high, by at most one pixel, and reaches every edge."""
    images = noise(300, 12, 40, 3)
    holes = (augment(images, Augment(erase=0.5), draws()) != images).any(3)
    heights, widths = holes.any(2).sum(1), holes.any(1).sum(1)
    assert (heights - widths).abs().max() <= 1
    assert heights.max() in (6, 7)
    assert holes.any(0).all(1).any()  # a row of which every pixel was erased once
    assert holes.any(0)[[0, -1]].any(1).all()
    assert holes.any(0)[:, [0, -1]].any(0).all()


def test_every_picture_has_its_own_mean_whatever_happens_to_its_neighbours() -> None:
    """A dark and a light picture in one batch: each becomes brighter by its own."""
    images = torch.cat([torch.full((100, 3, 5, 3), level, dtype=torch.uint8) for level in (40, 80)])
    changed = augment(images, Augment(brightness=0.5), draws()).float()
    factors = changed / images.float()
    assert factors.min() > 0.49
    assert factors.max() < 1.51
    assert (changed.flatten(1).std(1) == 0).all()


def test_contrast_spreads_all_channels_about_one_mean() -> None:
    """The mean is that of the picture: what a channel differs by from it grows as well."""
    images = torch.zeros(200, 4, 6, 3, dtype=torch.uint8)
    images[..., 0], images[..., 1], images[..., 2] = 100, 120, 140
    spread = augment(images, Augment(contrast=0.5), draws()).float()[:, 0, 0]
    assert torch.allclose(spread[:, 1], torch.tensor(120.0), atol=0.6)
    gaps = spread[:, 2] - spread[:, 0]
    assert gaps.min() < 23
    assert gaps.max() > 57
