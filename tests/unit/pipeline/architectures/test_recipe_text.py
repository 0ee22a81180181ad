"""A recipe for another architecture: the same text but for the keys that have to differ."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from pipeline.architectures.recipe_text import (
    SCRATCH_EPOCHS,
    folder_name,
    for_architecture,
    from_scratch,
)
from pipeline.architectures.toml_lines import toml_value, with_key
from pipeline.catalogue.folder import recipe_folder
from pipeline.common.errors import RecipeError
from pipeline.recipe import Recipe
from pipeline.tasks import task_of
from pipeline.tasks.recipes import decode_recipe, load_recipe
from pipeline.weights.known import known

BASE = """\
# What the writer says stays.
name = "parts"
data = { kind = "image-folder", path = "parts" }
[input] # of the network
height = 96
width = 96
colour = "rgb"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]

[ model ]
width = 1.0
arch = "mobilenet_v2" # chosen by hand
weights = "imagenet"

[train]
epochs = 3
"""


def made(text: str, arch: str) -> Recipe:
    """The recipe for `arch`, decoded."""
    return decode_recipe(for_architecture(text.encode(), "parts.toml", arch), "made")


def test_all_else_stays_as_it_was_written() -> None:
    """Comments, order and other keys; the name and the head of the file say what it is."""
    text = for_architecture(BASE.encode(), "parts.toml", "resnet8").decode()
    assert text.splitlines()[:3] == [
        "# Made of the recipe parts for the architecture resnet8.",
        "# What the writer says stays.",
        'name = "parts-resnet8"',
    ]
    assert "[input] # of the network\n" in text
    assert 'width = 1.0\narch = "resnet8"\n\n[train]' in text


def test_weights_that_are_known_for_it_come_with_their_normalisation() -> None:
    """A backbone sees pictures as when it was trained; that of the recipe is left alone."""
    row = known("imagenet", "efficientnet_lite0")
    assert row is not None
    other = made(BASE, "efficientnet_lite0")
    assert (other.model.weights, other.input.mean, other.input.std) == (
        "imagenet",
        row.mean,
        row.std,
    )
    same = made(BASE, "mobilenet_v2")
    assert (same.model.weights, same.input.mean) == ("imagenet", (0.5, 0.5, 0.5))


def test_an_architecture_without_known_weights_starts_from_scratch() -> None:
    """So does every one but its own where the weights are a file."""
    assert made(BASE, "resnet8").model.weights is None
    filed = BASE.replace('"imagenet"', '"mine.pth"')
    assert made(filed, "efficientnet_lite0").model.weights is None
    assert made(filed, "mobilenet_v2").model.weights == "mine.pth"
    assert (
        made(BASE.replace('weights = "imagenet"\n', ""), "efficientnet_lite0").model.weights is None
    )


TRANSFER = BASE.replace(
    "[train]\nepochs = 3\n",
    "[train]\nhead_epochs = 100\nepochs = 2 # then all of it\nbackbone_lr = 0.1\n"
    'optimizer = "adamw"\nlr = 0.001\nbatch_size = 32\nema = 0.98\nnorm_momentum = 0\n'
    '[prune]\nmacs = 0.8\ngroups = "inner"\ncorrect_norms = true\n'
    "[prune.train]\nepochs = 2\nbackbone_lr = 0.1\nlr = 0.001\nbatch_size = 32\n",
)


def test_a_training_made_for_weights_becomes_one_from_scratch() -> None:
    """Two epochs with frozen norms would teach a fresh network nothing; the cut keeps its size."""
    other = made(TRANSFER, "resnet8")
    assert other.train is not None
    assert (other.train.epochs, other.train.head_epochs, other.train.backbone_lr) == (
        SCRATCH_EPOCHS,
        0,
        1.0,
    )
    assert (other.train.optimizer, other.train.lr, other.train.norm_momentum) == ("sgd", 0.025, 0.1)
    assert (other.train.keep, other.train.batch_size) == ("best", 32)
    assert other.prune is not None
    assert (other.prune.macs, other.prune.groups) == (0.8, "all")
    assert (other.prune.train.epochs, other.prune.train.backbone_lr) == (50, 1.0)


def test_a_training_of_another_trained_network_stays_as_it_is() -> None:
    """As does one that has no key of weights: its writer chose it for a fresh network, too."""
    before, after = decode_recipe(TRANSFER.encode(), "x"), made(TRANSFER, "efficientnet_lite0")
    assert (after.train, after.prune) == (before.train, before.prune)
    assert made(BASE, "resnet8").train == decode_recipe(BASE.encode(), "x").train


def test_which_architectures_would_begin_without_weights() -> None:
    """None where the recipe asks for none; its own never."""
    asking, filed = decode_recipe(BASE.encode(), "x"), BASE.replace('"imagenet"', '"mine.pth"')
    assert from_scratch(asking, "resnet8")
    assert not from_scratch(asking, "efficientnet_lite0")
    assert not from_scratch(asking, "mobilenet_v2")
    assert from_scratch(decode_recipe(filed.encode(), "x"), "efficientnet_lite0")
    nothing = BASE.replace('weights = "imagenet"\n', "")
    assert not from_scratch(decode_recipe(nothing.encode(), "x"), "resnet8")


def test_a_recipe_without_an_architecture_has_no_others() -> None:
    """A network that is taken as it is cannot be built as another one."""
    given = BASE.replace('arch = "mobilenet_v2" # chosen by hand\nweights = "imagenet"\n', "")
    given = given.replace("width = 1.0\n", 'onnx = "net.onnx"\n').split("[train]")[0]
    with pytest.raises(RecipeError, match=r"parts\.toml: expected model\.arch"):
        made(given, "resnet8")


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("prune.train", ["[prune]", "train = { epochs = 2 }"]),
        ("prune.train", ["prune = { macs = 0.5, train = { epochs = 2 } }"]),
        ("prune.train", ["[prune.train] # again", "  epochs = 2 # few"]),
    ],
)
def test_a_table_within_a_table_is_found(table: str, lines: list[str]) -> None:
    """On a line of the table around it, on one line of all, or with a head of its own."""
    changed = tomllib.loads("\n".join(with_key(lines, table, "epochs", 50)))
    assert changed["prune"]["train"] == {"epochs": 50}
    gone = tomllib.loads("\n".join(with_key(lines, table, "epochs", None)))
    assert gone["prune"]["train"] == {}


@pytest.mark.parametrize("path", sorted(recipe_folder().glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_that_ships_can_be_had_for_all_its_architectures(path: Path) -> None:
    """Only the model and the name differ; the training, where it was made for weights."""
    recipe = load_recipe(path)
    for arch in task_of(recipe).arches:
        other = decode_recipe(for_architecture(path.read_bytes(), str(path), arch), "made")
        assert other.model.arch == arch
        same = msgspec.structs.replace(
            other, name=recipe.name, model=recipe.model, input=recipe.input
        )
        if from_scratch(recipe, arch):
            same = msgspec.structs.replace(same, train=recipe.train, prune=recipe.prune)
            assert other.train is not None
            assert other.train.epochs >= 1
        assert same == recipe


def test_blocks_are_those_of_the_recipes_own_architecture() -> None:
    """Nine of one network are not nine of another."""
    some = BASE.replace("width = 1.0\n", "width = 1.0\nblocks = 9\n")
    assert made(some, "mobilenet_v2").model.blocks == 9
    assert made(some, "efficientnet_lite0").model.blocks is None


def test_tables_on_one_line_are_found() -> None:
    """As short recipes write them; keys with tables and lists within them, too."""
    text = (
        'name = "short"\n'
        'data = { kind = "digits" }\n'
        'input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }\n'
        'model = { arch = "vgg_tiny", width = 0.5 }\n'
        "train = { epochs = 3, augment = { flip = false } }\n"
    )
    other = made(text, "resnet8")
    assert (other.model.arch, other.model.width, other.name) == ("resnet8", 0.5, "short-resnet8")


@pytest.mark.parametrize(
    ("text", "arch", "words"),
    [
        (BASE, "lenet9", "with arch lenet9: .*found 'lenet9'"),
        (BASE.replace("epochs = 3", "epochs = 0"), "resnet8", r"parts\.toml: epochs: .*train"),
        (BASE.replace("mean = [0.5, ", "mean = [0.5,\n"), "efficientnet_lite0", "parts.toml"),
        (BASE.replace('"parts"\ndata', '"' + "p" * 60 + '"\ndata'), "resnet8", "name"),
    ],
)
def test_what_cannot_be_had_is_one_error(text: str, arch: str, words: str) -> None:
    """An unknown architecture, a wrong recipe, a value over several lines, too long a name."""
    with pytest.raises(RecipeError, match=words):
        for_architecture(text.encode(), "parts.toml", arch)


def test_folders_are_named_after_architectures() -> None:
    """Those of the zoo as they are; one's own without what a path may not have."""
    assert folder_name("resnet8") == "resnet8"
    assert folder_name("module:my.nets.Net") == "module-my.nets.Net"
    assert folder_name("onnx:../x/net.onnx") == "onnx-..-x-net.onnx"


def test_values_are_written_as_toml_has_them() -> None:
    """Strings with quotes, truth values, lists and tables."""
    value = {"a": 'x"y', "b": True, "c": [1, 2.5], "d": {"e": "f"}}
    assert toml_value(value) == '{ a = "x\\"y", b = true, c = [1, 2.5], d = { e = "f" } }'
