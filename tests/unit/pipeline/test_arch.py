"""What `arch` may say, in a recipe and in a checkpoint."""

import pytest

from edge_agent.bundle.manifest import InputSpec
from pipeline.arch import ZOO_NAMES, ModuleArch, OnnxArch, in_zoo, own_arch
from pipeline.common.errors import RecipeError
from pipeline.models import ModelSpec
from pipeline.tasks.recipes import decode_recipe

RECIPE = """
name = "tiny"
data = {{ kind = "{kind}" }}
input = {{ height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }}
model = {{ arch = "{arch}" }}
train = {{ epochs = 1 }}
{more}
"""


def recipe(arch: str, kind: str = "digits", more: str = "") -> bytes:
    return RECIPE.format(arch=arch, kind=kind, more=more).encode()


@pytest.mark.parametrize("arch", ["resnet8", "module:nets.Small", "module:a.b.make", "onnx:a.onnx"])
def test_a_recipe_may_name_a_network_of_ours_or_of_ones_own(arch: str) -> None:
    """Must not fire: a name of the zoo, a class, a function in a package, a file."""
    assert decode_recipe(recipe(arch), "tiny.toml").model.arch == arch


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("resnet9", "model.arch: expected resnet8 or "),
        ("module:", "model.arch: expected \"module:package.Class\", found 'module:'"),
        ("module:Small", "model.arch: expected \"module:package.Class\", found 'module:Small'"),
        ("module:nets.1st", 'model.arch: expected "module:package.Class", found \'module:nets.1'),
        ("module:../nets.Small", 'model.arch: expected "module:package.Class", found'),
        ("onnx:", "model.arch: expected \"onnx:FILE\", found 'onnx:'"),
        ("", "expected arch or onnx, found none"),
    ],
)
def test_another_name_is_one_error_that_says_what_there_is(arch: str, message: str) -> None:
    """It names the key, and the three forms where none was meant."""
    with pytest.raises(RecipeError) as error:
        decode_recipe(recipe(arch), "tiny.toml")
    assert message in str(error.value)
    assert str(error.value).startswith("tiny.toml: ")


def test_the_choices_are_all_listed() -> None:
    """A mistyped name is answered by every architecture of its task, and the forms of one's own."""
    with pytest.raises(RecipeError) as error:
        decode_recipe(recipe("mobilnet_v2"), "tiny.toml")
    for choice in ("mobilenet_v2", "vgg_tiny", '"module:package.Class"', '"onnx:FILE"'):
        assert choice in str(error.value)
    assert "ctc_small" not in str(error.value)


def test_texts_are_read_by_networks_of_ours() -> None:
    """A network of one's own gives one row of scores; texts take one for each time step."""
    text = recipe(
        "module:nets.Small", "text-drawn", '[text]\ncharset = "01"\nsynthetic.kind = "lines"'
    )
    with pytest.raises(RecipeError) as error:
        decode_recipe(text, "tiny.toml")
    assert "model.arch: expected ctc_small for kind 'text-drawn', found 'module:" in str(
        error.value
    )


def test_what_arch_says_is_taken_apart() -> None:
    """A class by its module and name, a file by its path; a name of the zoo is none of these."""
    assert own_arch("module:package.nets.Small") == ModuleArch("package.nets", "Small")
    assert own_arch("onnx:models/float.onnx") == OnnxArch("models/float.onnx")
    assert own_arch("resnet8") is None
    assert all(in_zoo(name) for name in ZOO_NAMES)
    assert not in_zoo("onnx:resnet8")


def test_a_network_as_data_is_checked_as_well() -> None:
    """A checkpoint may not name what nobody can build."""
    spec = InputSpec(height=8, width=8, colour="gray", mean=(0.5,), std=(0.5,))
    with pytest.raises(ValueError, match=r"arch: expected resnet8 or .*, found 'resnet9'"):
        ModelSpec(arch="resnet9", classes=2, input=spec)
