"""A network that a user's own class makes: found, called, and told from another one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from support.own_networks import BLOCKS, NETS, write_nets

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import Checkpoint, fresh, load_checkpoint, save_checkpoint
from pipeline.checkpoints.own_check import check_own
from pipeline.common.errors import BudgetError, PipelineError, RecipeError, RunError
from pipeline.models import ModelSpec
from pipeline.models.own.source import own_source
from pipeline.pruning.prune import check_target
from pipeline.recipe import ModelRecipe, PruneRecipe, TrainRecipe
from quantization.errors import UnsupportedOperatorError

INPUT = InputSpec(height=8, width=8, colour="gray", mean=(0.5,), std=(0.5,))
CLASSES = ("a", "b", "c")


@pytest.fixture(autouse=True)
def _paths() -> Iterator[None]:
    """What a user's module leaves in `sys.path` goes with the test."""
    before = [*sys.path]
    yield
    sys.path[:] = before


def spec_of(folder: Path, name: str = "nets.Tiny", **options: object) -> ModelSpec:
    recipe = ModelRecipe(arch=f"module:{name}", options=options)
    return ModelSpec(
        arch=recipe.arch, classes=3, input=INPUT, own=own_source(recipe, folder, CLASSES)
    )


def made(folder: Path, name: str = "nets.Tiny", **options: object) -> Checkpoint:
    return fresh(spec_of(folder, name, **options), 0)


def body(constructor: str, forward: str, signature: str = "self, num_classes") -> str:
    return (
        "import torch\nfrom torch import nn\n\n\nclass Tiny(nn.Module):\n"
        f"    def __init__({signature}):\n        super().__init__()\n        {constructor}\n\n"
        f"    def forward(self, x):\n        {forward}\n"
    )


LINEAR = "self.fc = nn.Linear(64, num_classes)"
FLAT = "return self.fc(x.flatten(1))"


def test_a_class_makes_the_network(tmp_path: Path) -> None:
    """It is called with the number of classes and the options; its own values are kept."""
    write_nets(tmp_path)
    network = made(tmp_path, width=4)
    assert network.module(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert network.module.get_submodule("maps.0.0").get_parameter("weight").shape == (4, 1, 3, 3)
    first, again = (
        m.state_dict()["hidden.weight"] for m in (network.module, made(tmp_path, width=4).module)
    )
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("signature", "constructor"),
    [
        ("self, num_classes", LINEAR),
        ("self, *, classes=10", "self.fc = nn.Linear(64, classes)"),
        ("self, n", "self.fc = nn.Linear(64, n)"),
        ("self, **more", 'self.fc = nn.Linear(64, more["num_classes"])'),
        ("self", "self.fc = nn.Linear(64, 3)"),
    ],
)
def test_the_number_of_classes_is_given_as_a_class_takes_it(
    signature: str, constructor: str, tmp_path: Path
) -> None:
    """By name, first, among any names, or not at all where it takes none."""
    write_nets(tmp_path, body(constructor, FLAT, signature))
    assert made(tmp_path).module(torch.zeros(1, 1, 8, 8)).shape == (1, 3)


def test_a_function_in_a_package_makes_one_too(tmp_path: Path) -> None:
    """Whatever gives a module when it is called; relative imports work."""
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text(body(LINEAR, FLAT))
    (package / "nets.py").write_text(
        "from .parts import Tiny\n\n\ndef make(classes):\n    return Tiny(classes)\n"
    )
    first = spec_of(tmp_path, "own_package.nets.make")
    assert fresh(first, 0).module(torch.zeros(1, 1, 8, 8)).shape == (1, 3)
    (package / "parts.py").write_text(body(LINEAR, FLAT) + "\n# changed\n")
    second = spec_of(tmp_path, "own_package.nets.make")
    assert first.own is not None
    assert second.own is not None
    assert first.own.sha256 != second.own.sha256


def test_what_a_module_imports_beside_it_is_part_of_it(tmp_path: Path) -> None:
    """A changed block is another network; a file that nothing imports is not."""
    write_nets(tmp_path)
    first = spec_of(tmp_path)
    (tmp_path / "unrelated.py").write_text("x = 1\n")
    assert spec_of(tmp_path) == first
    write_nets(tmp_path, blocks=BLOCKS + "\n# another\n")
    assert spec_of(tmp_path) != first


def test_two_folders_may_have_a_module_of_the_same_name(tmp_path: Path) -> None:
    """Each network is of its own folder's code, in one process too."""
    for name, hidden in (("one", 16), ("two", 24)):
        (tmp_path / name).mkdir()
        write_nets(tmp_path / name, NETS.replace("16", str(hidden)))
    assert made(tmp_path / "one").module.get_submodule("hidden").out_features == 16
    assert made(tmp_path / "two").module.get_submodule("hidden").out_features == 24
    assert made(tmp_path / "one").module.get_submodule("hidden").out_features == 16


def test_a_checkpoint_is_loaded_by_the_same_code(tmp_path: Path) -> None:
    """Bit for bit; where the code has changed, or is gone, one error says which file."""
    write_nets(tmp_path)
    network = made(tmp_path)
    save_checkpoint(network, tmp_path / "kept")
    pictures = torch.ones(1, 1, 8, 8)
    again = load_checkpoint(tmp_path / "kept")
    assert torch.equal(again.module(pictures), network.module(pictures))

    write_nets(tmp_path, NETS + "\n# changed\n")
    with pytest.raises(RunError) as error:
        load_checkpoint(tmp_path / "kept")
    assert f"expected {tmp_path / 'nets.py'} as it was when the network was made" in str(
        error.value
    )
    (tmp_path / "nets.py").unlink()
    with pytest.raises(RunError) as error:
        load_checkpoint(tmp_path / "kept")
    assert f"expected its code in {tmp_path} still, found it gone" in str(error.value)


@pytest.mark.parametrize(
    ("nets", "name", "message"),
    [
        (NETS, "absent.Tiny", "model.arch: expected a module 'absent' in "),
        (NETS, "nets.Large", "expected one of Tiny, found no 'Large'"),
        (NETS, "nets.torch", "expected one of Tiny, found 'torch'"),
        ("import nowhere\n", "nets.Tiny", "to be importable, found ModuleNotFoundError: No module"),
        ("def Tiny(:\n", "nets.Tiny", "to be importable, found SyntaxError"),
        (
            body("raise ValueError('too small')", FLAT),
            "nets.Tiny",
            "expected a network from Tiny(num_classes=3), found ValueError: too small",
        ),
        ("def Tiny(n):\n    return n\n", "nets.Tiny", "a torch.nn.Module from Tiny(3), found int"),
    ],
)
def test_what_makes_no_network_is_one_error(
    nets: str, name: str, message: str, tmp_path: Path
) -> None:
    """No module, no such class, a file that cannot be imported, a constructor that fails."""
    write_nets(tmp_path, nets)
    with pytest.raises(RecipeError) as error:
        made(tmp_path, name)
    assert str(error.value).startswith("model.arch: ")
    assert message in str(error.value)


def test_an_option_that_the_class_does_not_take_is_named(tmp_path: Path) -> None:
    """As Python says it, with the call."""
    write_nets(tmp_path)
    with pytest.raises(RecipeError) as error:
        made(tmp_path, depth=3)
    assert "Tiny(num_classes=3, depth=3), found TypeError" in str(error.value)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """A file called as a library that is loaded would be hidden by it."""
    (tmp_path / "msgspec.py").write_text(NETS)
    with pytest.raises(RecipeError) as error:
        made(tmp_path, "msgspec.Tiny")
    assert "found 'msgspec' loaded already from" in str(error.value)
    assert sys.modules["msgspec"] is msgspec


def test_a_network_that_can_be_built_with_passes(tmp_path: Path) -> None:
    """Must not fire: it answers, learns, is stored, exported and lowered; and can be pruned."""
    write_nets(tmp_path)
    network = made(tmp_path)
    check_own(network)
    check_target(network, PruneRecipe(macs=0.5, round_to=2, train=TrainRecipe(epochs=1)))
    assert network.module(torch.zeros(1, 1, 8, 8)).shape == (1, 3)


@pytest.mark.parametrize(
    ("constructor", "forward", "message"),
    [
        ("self.fc = nn.Linear(64, 4)", FLAT, "expected scores (2, 3) for (2, 1, 8, 8)"),
        (LINEAR, "return (self.fc(x.flatten(1)),)", "found tuple"),
        (LINEAR, "return self.fc(x.flatten(1)).sum(0, keepdim=True)", "found (1, 3)"),
        (LINEAR, "return self.fc(x.flatten(1)) / 0", "expected finite scores"),
        (LINEAR, "return self.fc(x.flatten(1)) * torch.rand(1)", "the same answer to the same"),
        (LINEAR, "return self.fc(x)", "can be asked about two pictures, found RuntimeError"),
        ("self.n = num_classes", "return x.flatten(1)[:, : self.n]", "can be trained a step"),
        (
            LINEAR,
            "return self.fc(x.flatten(1)) if x.sum() > 0 else self.fc(x.flatten(1) * 2)",
            "can be exported to ONNX",
        ),
    ],
)
def test_a_network_that_nothing_can_be_built_with_is_refused_before_its_training(
    constructor: str, forward: str, message: str, tmp_path: Path
) -> None:
    """Each says what was expected of it, and what it did."""
    write_nets(tmp_path, body(constructor, forward))
    with pytest.raises(RecipeError) as error:
        check_own(made(tmp_path))
    assert message in str(error.value)
    assert "module:nets.Tiny" in str(error.value)


def test_an_operator_without_a_lowering_is_found_before_the_training(tmp_path: Path) -> None:
    """The converter's own words name it."""
    write_nets(tmp_path, body(LINEAR, "return self.fc(torch.erf(x).flatten(1))"))
    with pytest.raises(UnsupportedOperatorError, match="Erf"):
        check_own(made(tmp_path))


def test_a_network_whose_channels_cannot_be_removed_says_to_leave_pruning_out(
    tmp_path: Path,
) -> None:
    """As one that reads its own number of channels."""
    net = body(
        "self.a = nn.Conv2d(1, 8, 3)\n        self.fc = nn.Linear(36, num_classes)",
        "return self.fc(self.a(x).reshape(-1, 2, 4, 36).sum((1, 2)))",
    )
    write_nets(tmp_path, net)
    network = made(tmp_path)
    with pytest.raises(PipelineError) as error:
        check_target(network, PruneRecipe(macs=0.5, round_to=1, train=TrainRecipe(epochs=1)))
    assert isinstance(error.value, BudgetError)
