"""`folder` and `draft`: what a folder of classes holds, and the recipe it gets."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.near_pictures import encoded, scene

from edge_agent.common.arrays import U8
from pipeline.begin.write import missing_weights, write_recipe
from pipeline.common.errors import DataError, RecipeError
from pipeline.recipe import Recipe, TrainRecipe
from pipeline.tasks.classify.begin.draft import draft_recipe
from pipeline.tasks.classify.begin.folder import FolderSummary, Spread, inspect, summary_lines
from pipeline.tasks.classify.begin.photos import backbone_for
from pipeline.tasks.classify.load import load
from pipeline.tasks.recipes import decode_recipe, load_recipe
from pipeline.weights.known import known


def _fill(folder: Path, count: int, first: int, size: tuple[int, int] = (40, 48)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        image = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        assert cv2.imwrite(str(folder / f"{number:04d}.png"), image)


@pytest.fixture(name="fruit")
def _fruit(tmp_path: Path) -> Path:
    """Forty apples and ten pears, two broken files, a copy, a clash and a text."""
    root = tmp_path / "my fruit"
    _fill(root / "apple", 40, 0)
    _fill(root / "pear", 10, 100, size=(60, 50))
    (root / "apple" / "broken.jpg").write_bytes(b"no image")
    (root / "pear" / "empty.png").touch()
    (root / "pear" / "notes.txt").write_text("x")
    data = (root / "apple" / "0003.png").read_bytes()
    (root / "apple" / "copy.png").write_bytes(data)
    (root / "pear" / "clash.png").write_bytes((root / "apple" / "0005.png").read_bytes())
    return root


def _draft(summary: FolderSummary, folder: Path) -> Recipe:
    return decode_recipe(draft_recipe(summary, folder).encode(), "draft")


def _trained(recipe: Recipe) -> TrainRecipe:
    assert recipe.train is not None
    return recipe.train


def test_a_folder_is_described(fruit: Path) -> None:
    """Counts, sizes, colour, and every kind of trouble are found."""
    summary = inspect(fruit)
    assert summary.counts == {"train": {"apple": 41, "pear": 11}}
    assert summary.images == 52
    assert summary.width == Spread(48, 48, 50)
    assert summary.height == Spread(40, 40, 60)
    assert not summary.grey
    assert summary.unreadable == ("apple/broken.jpg", "pear/empty.png")
    assert (summary.ignored, summary.copies) == (1, 2)
    assert summary.clashes == ("apple/0005.png", "pear/clash.png")
    assert summary.imbalance == pytest.approx(41 / 11)
    assert summary.problem is None
    # 40 apples and 10 pears, less 8 + 4 and 2 + 1 held out.
    assert (summary.trainable, summary.calibration) == (35, 16)


def test_the_summary_is_readable(fruit: Path) -> None:
    """One line a class, one for the sizes, one for each thing to know."""
    assert summary_lines(inspect(fruit)) == [
        f"{fruit}: 2 classes, 52 images",
        "  apple  41",
        "  pear   11",
        "colour, 48 to 50 wide (median 48), 40 to 60 high (median 40)",
        "uneven: the largest class has 3.7 times the images of the smallest",
        "too few to test: 1 (pear); it takes 4 test images of a class, a fifth of its pictures",
        "unreadable: 2 (apple/broken.jpg, pear/empty.png)",
        "copies of another image: 2",
        "the same picture in two classes: 2 (apple/0005.png, pear/clash.png)",
        "files without an image's suffix: 1",
    ]


def test_a_sound_folder_has_nothing_to_remark(tmp_path: Path) -> None:
    """Even classes without trouble give counts and sizes only."""
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / name, 18, 50 * number)
    assert len(summary_lines(inspect(tmp_path))) == 4


def test_splits_are_counted_apart(tmp_path: Path) -> None:
    """A folder with `train` and `test` shows both numbers of each class."""
    for part, count in (("train", 9), ("test", 3)):
        for number, name in enumerate(("a", "b")):
            _fill(tmp_path / part / name, count, 50 * number + 500 * (part == "test"))
    summary = inspect(tmp_path)
    assert summary_lines(summary)[:3] == [
        f"{tmp_path}: 2 classes, 24 images", "  a  9 train, 3 test", "  b  9 train, 3 test",
    ]  # fmt: skip
    assert "# The folder's own test is kept" in draft_recipe(summary, tmp_path)


@pytest.mark.parametrize(
    ("suffix", "tinted", "grey"),
    [(".png", False, True), (".jpg", False, True), (".png", True, False), (".jpg", True, False)],
)
def test_grey_is_told_from_colour(tmp_path: Path, suffix: str, tinted: bool, grey: bool) -> None:
    """Grey pictures stored as RGB are grey; a single tinted one makes the folder colour."""
    for number in range(16):
        folder = tmp_path / ("a" if number % 2 else "b")
        folder.mkdir(exist_ok=True)
        level = np.random.default_rng(number).integers(0, 200, (24, 24, 1), np.uint8)
        image: U8 = np.repeat(level, 3, axis=2)
        if tinted and number == 3:
            image[:, :, 2] += 30
        assert cv2.imwrite(str(folder / f"{number}{suffix}"), image)
    summary = inspect(tmp_path)
    assert summary.grey is grey
    recipe = _draft(summary, tmp_path)
    assert recipe.input.colour == ("gray" if grey else "rgb")
    assert recipe.train is not None
    assert recipe.train.augment.flip is not grey


def test_a_written_recipe_loads_the_folder(fruit: Path) -> None:
    """The recipe is valid, finds the folder beside it, and its splits can be drawn."""
    path = fruit.parent / "fruit.toml"
    write_recipe(draft_recipe(inspect(fruit), (path).parent), path)
    recipe = load_recipe(path)
    assert recipe.name == "my-fruit"
    assert recipe.data.path == "my fruit"
    assert recipe.data.on_unreadable == "skip"
    dataset = load(recipe.data, root=path.parent / "none", recipe_folder=path.parent, seed=0)
    assert len(dataset.calibration) == recipe.data.calibration == 16
    assert len(dataset.train) == 35 - 16
    assert dataset.labels == ("apple", "pear")


def test_the_recipe_says_what_was_seen(fruit: Path) -> None:
    """Its comments carry the numbers that its choices follow from."""
    text = draft_recipe(inspect(fruit), fruit.parent)
    assert f'# A first recipe for "{fruit}":\n# 2 classes, 52 images.\n' in text
    assert "# The largest class has 3.7 times the images of the smallest.\n" in text
    assert "# 2 images have a copy in another class: one of them is wrong.\n" in text
    assert '# 2 of the files cannot be read; "error" would stop there.\n' in text
    assert "the images are 48 to 50 wide and 40 to 60 high, in colour.\n" in text
    assert max(map(len, text.splitlines())) <= 110


def test_uneven_classes_are_shown_as_often(fruit: Path, tmp_path: Path) -> None:
    """Both trainings, with the reason; even ones are learnt from as they are."""
    recipe = _draft(inspect(fruit), fruit.parent)
    assert recipe.train is not None
    assert recipe.train.balance == "sampling"
    assert recipe.prune is not None
    assert recipe.prune.train.balance == "sampling"
    text = draft_recipe(inspect(fruit), fruit.parent)
    assert text.count("3.7 times the images of the smallest: each class is shown\n# as often") == 2
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / "even" / name, 20, 50 * number)
    even = inspect(tmp_path / "even")
    assert _trained(_draft(even, tmp_path)).balance == "none"
    assert "more pictures of" not in draft_recipe(even, tmp_path)


def test_a_class_too_small_to_be_tested_is_told_at_once(fruit: Path) -> None:
    """Eleven pears leave two test images, and it takes four to tell them from chance."""
    text = draft_recipe(inspect(fruit), fruit.parent)
    assert "# Before this can be built, more pictures of pear:\n# it takes 4 test images" in text
    assert "one of about 10 test images is 10.0 points.\nmax_drop = 0.3\n" in text


def test_a_folder_of_few_pictures_gets_a_recipe_that_can_be_read(tmp_path: Path) -> None:
    """Two test images make the least gate a drop of all there is, and no more."""
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / name, 4, 50 * number)
    recipe = _draft(inspect(tmp_path), tmp_path)
    assert recipe.budget.max_drop == 1.0


def test_the_test_split_is_counted_without_near_copies(tmp_path: Path) -> None:
    """Forty files of eight scenes a class: what a build would measure is what is said."""
    for number in range(16):
        for version in range(5):
            path = tmp_path / ("a", "b")[number % 2] / f"{number}_{version}.jpg"
            path.parent.mkdir(exist_ok=True)
            assert cv2.imwrite(str(path), encoded(scene(number, 60, 72), 90 - 9 * version))
    summary = inspect(tmp_path)
    assert summary.tests is not None
    assert max(summary.tests.values()) <= 2
    assert summary.untested == ("a", "b")
    text = draft_recipe(summary, tmp_path)
    assert f"one of about {sum(summary.tests.values())} test images" in text
    assert '# near_copies = "keep"\n' in text


def test_a_clash_is_one_of_classes_not_of_folders(tmp_path: Path) -> None:
    """A copy in a folder inside the class is none; one in folders of one name in two classes is."""
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / name, 8, 50 * number)
        (tmp_path / name / "more").mkdir()
    picture = (tmp_path / "a" / "0000.png").read_bytes()
    (tmp_path / "a" / "more" / "copy.png").write_bytes(picture)
    assert inspect(tmp_path).clashes == ()
    other = (tmp_path / "a" / "0001.png").read_bytes()
    for name in ("a", "b"):
        (tmp_path / name / "more" / "x.png").write_bytes(other)
    assert inspect(tmp_path).clashes == ("a/0001.png", "a/more/x.png", "b/more/x.png")


def test_names_of_files_do_not_write_on_the_terminal(fruit: Path) -> None:
    """Control characters are shown, not sent; the recipe stays one that can be read."""
    (fruit / "apple" / "\x1b[31m.png").write_bytes(b"")
    (fruit / "apple" / "\x1b]0;x\x07").mkdir()
    _fill(fruit / "apple" / "\x1b]0;x\x07", 1, 900)
    summary = inspect(fruit)
    assert all(line.isprintable() for line in summary_lines(summary))
    assert any("\\x1b[31m.png" in line for line in summary_lines(summary))
    _draft(summary, fruit.parent)


def test_a_folder_elsewhere_is_named_whole(fruit: Path, tmp_path: Path) -> None:
    """A folder that does not lie under the recipe's is written as an absolute path."""
    recipe = _draft(inspect(fruit), tmp_path / "recipes")
    assert recipe.data.path == str(fruit.resolve())


def test_odd_names_stay_valid_toml(tmp_path: Path) -> None:
    """Quotes, backslashes and other alphabets in a folder's name break nothing."""
    root = tmp_path / 'my "best"\\früchte'
    for number, name in enumerate(("a", "b")):
        _fill(root / name, 8, 50 * number)
    recipe = _draft(inspect(root), tmp_path)
    assert recipe.data.path == root.name
    assert recipe.name == "my-best-fr-chte"


@pytest.mark.parametrize(
    ("size", "side", "arch", "resize"),
    [
        ((8, 8), 16, "resnet8", "stretch"),
        ((32, 40), 32, "resnet8", "crop"),
        ((70, 64), 64, "resnet8", "stretch"),
        ((120, 240), 96, "mobilenet_v2", "letterbox"),
    ],
)
def test_the_input_follows_the_images(
    tmp_path: Path, size: tuple[int, int], side: int, arch: str, resize: str
) -> None:
    """Side, network and resize rule come from the median size."""
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / name, 8, 50 * number, size)
    text = draft_recipe(inspect(tmp_path), tmp_path, from_scratch=True)
    recipe = decode_recipe(text.encode(), "draft")
    assert (recipe.input.height, recipe.input.width) == (side, side)
    assert (recipe.model.arch, recipe.input.resize) == (arch, resize)
    assert recipe.model.weights is None
    assert _trained(recipe).epochs == 100


@pytest.mark.parametrize(("size", "side"), [((120, 240), 96), ((150, 130), 128), ((300, 300), 160)])
def test_photographs_start_from_trained_weights(
    tmp_path: Path, size: tuple[int, int], side: int
) -> None:
    """Colour and enough pixels: the backbone with its own normalisation, and why."""
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / name, 8, 50 * number, size)
    summary = inspect(tmp_path)
    recipe = _draft(summary, tmp_path)
    row = known("imagenet", "efficientnet_lite0")
    assert row is not None
    assert (recipe.model.arch, recipe.model.weights) == (row.arch, row.name)
    assert (recipe.input.height, recipe.input.width) == (side, side)
    assert recipe.input.mean == pytest.approx(row.mean, abs=1e-3)
    text = draft_recipe(summary, tmp_path)
    assert f"may be shipped ({row.licence})" in text
    assert "`edgeward init --from-scratch`" in text
    assert max(map(len, text.splitlines())) <= 110


def test_few_photographs_learn_the_classifier_alone(tmp_path: Path) -> None:
    """What twenty can teach; no gate of single classes that two test images cannot hold."""
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / name, 10, 50 * number, (100, 100))
    recipe = _draft(inspect(tmp_path), tmp_path)
    assert (_trained(recipe).epochs, _trained(recipe).head_epochs) == (0, 100)
    assert recipe.prune is None
    assert recipe.budget.min_class_recall == 0
    assert recipe.data.calibration == 4
    text = draft_recipe(inspect(tmp_path), tmp_path)
    assert "# To prove what is built, more pictures of a, b:\n" in text


def test_enough_photographs_are_learnt_whole_and_pruned(fruit: Path) -> None:
    """Hundreds: epochs at low rates, then inner channels pruned, by the same augmentation."""
    spread = Spread(200, 200, 200)
    many = replace(inspect(fruit), height=spread, width=spread, trainable=800)
    recipe = _draft(many, fruit.parent)
    assert recipe.prune is not None
    assert _trained(recipe).epochs > 0
    assert _trained(recipe).balance == "sampling"
    assert recipe.prune.groups == "inner"
    assert recipe.prune.train.augment == _trained(recipe).augment


@pytest.mark.parametrize(("grey", "side"), [(True, 200), (False, 64)])
def test_what_is_no_photograph_starts_from_nothing(fruit: Path, grey: bool, side: int) -> None:
    """Without colour, or small: another world than the one that the weights have seen."""
    spread = Spread(side, side, side)
    summary = replace(inspect(fruit), height=spread, width=spread, grey=grey)
    assert backbone_for(summary) is None
    assert draft_recipe(summary, fruit.parent) == draft_recipe(summary, fruit.parent, True)


def test_weights_that_are_not_here_are_told_with_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only of a recipe that starts from them, and only where they are missing."""
    for name in ("EDGEWARD_WEIGHTS", "EDGEWARD_DATA", "TORCH_HOME", "HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / "photos" / name, 8, 50 * number, (100, 100))
    summary = inspect(tmp_path / "photos")
    told = missing_weights(draft_recipe(summary, tmp_path), "draft")
    assert told is not None
    assert "`edgeward weights fetch efficientnet_lite0`" in told
    assert "--from-scratch" in told
    assert missing_weights(draft_recipe(summary, tmp_path, True), "draft") is None


def test_a_class_that_is_empty_is_told_and_written_down(fruit: Path) -> None:
    """The summary and the recipe both say what a build would stop at."""
    (fruit / "plum").mkdir()
    summary = inspect(fruit)
    problem = f"{fruit}/plum: expected images of class 'plum', found none"
    assert summary.problem == problem
    assert summary.imbalance is None
    assert summary_lines(summary)[-1] == f"cannot be built yet: {problem}"
    text = draft_recipe(summary, fruit.parent)
    assert f"# Before this can be built: {problem}\n" in text
    decode_recipe(text.encode(), "draft")


def test_a_class_that_is_too_small_is_told(fruit: Path) -> None:
    """A class that cannot be split is a problem before any build."""
    _fill(fruit / "plum", 2, 300)
    assert inspect(fruit).problem == (
        "my fruit: class 'plum': expected at least 3 different images to split, found 2"
    )


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """There is nothing to look at."""
    with pytest.raises(DataError, match="expected a folder of images, found nothing"):
        inspect(tmp_path / "none")


def test_a_recipe_is_not_overwritten_unasked(fruit: Path) -> None:
    """A file that is there stays as it is, unless its owner says so."""
    path = fruit.parent / "fruit.toml"
    path.write_text("mine")
    with pytest.raises(RecipeError) as error:
        write_recipe(draft_recipe(inspect(fruit), (path).parent), path)
    assert str(error.value) == (
        f"{path}: expected no file there yet, found one; it was left as it is"
    )
    assert path.read_text() == "mine"
    write_recipe(draft_recipe(inspect(fruit), (path).parent), path, overwrite=True)
    assert load_recipe(path).data.kind == "image-folder"


@pytest.mark.parametrize(
    ("names", "flip"),
    [
        (("left", "right"), False),
        (("turn_left", "straight"), False),
        (("Rechts", "Mitte"), False),
        (("0", "1", "10"), False),
        (tuple("ABCDE"), False),
        (("A", "B"), True),
        (("cat", "dog"), True),
        (("copyright", "leftover"), True),
    ],
)
def test_classes_with_sides_are_not_mirrored(
    tmp_path: Path, names: tuple[str, ...], flip: bool
) -> None:
    """Where a name says that left and right matter the draft says so, and why."""
    for number, name in enumerate(names):
        _fill(tmp_path / name, 8, 50 * number)
    summary = inspect(tmp_path)
    assert _trained(_draft(summary, tmp_path)).augment.flip is flip
    reason = f"# No flip: mirrored, a picture of {names[0]} may show another class, or none."
    assert (reason in draft_recipe(summary, tmp_path)) is not flip


def test_how_a_folder_was_understood_is_told(tmp_path: Path) -> None:
    """On the terminal and in the recipe, beside pictures that are too small to be compared."""
    for number, name in enumerate(("a", "b")):
        _fill(tmp_path / "Training" / name, 9, 50 * number, size=(30, 30))
        _fill(tmp_path / "Testing" / name, 3, 50 * number + 500)
    summary = inspect(tmp_path)
    assert summary_lines(summary)[-3:] == [
        "Training was taken for train",
        "Testing was taken for test",
        "under 40 pixels, too small to be compared for near copies: 18",
    ]
    assert "# Testing was taken for test\n" in draft_recipe(summary, tmp_path)
