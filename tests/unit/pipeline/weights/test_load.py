"""Weights into networks: what fits is taken, and what does not is named."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import WeightsError
from pipeline.models import ModelSpec, build
from pipeline.models.names import NameMap, external_names
from pipeline.recipe import Arch
from pipeline.weights.load import load_weights

RGB = InputSpec(height=32, width=32, colour="rgb", mean=(0.5,) * 3, std=(0.5,) * 3)


def spec_of(arch: Arch = "resnet8", classes: int = 10) -> ModelSpec:
    return ModelSpec(arch=arch, classes=classes, input=RGB)


def network(arch: Arch = "resnet8", classes: int = 10, seed: int = 7) -> nn.Module:
    torch.manual_seed(seed)
    module = build(spec_of(arch, classes)).eval()
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            value.normal_()
    return module


def renamed(module: nn.Module) -> dict[str, Tensor]:
    """Its tensors in their order, under names that nobody knows."""
    return {
        f"part{i:03d}.{name.rpartition('.')[2]}": value
        for i, (name, value) in enumerate(module.state_dict().items())
    }


def test_a_network_of_the_same_names_is_taken_whole(tmp_path: Path) -> None:
    """Every tensor arrives, the classifier of as many classes too; outputs are equal bit by bit."""
    theirs, ours = network(seed=1), network(seed=2)
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(theirs.state_dict(), path)
    loaded = load_weights(ours, spec_of(), path)
    assert loaded.head
    images = torch.randn(2, 3, 32, 32)
    assert not images.isnan().any()
    assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_classifier_of_other_classes_starts_afresh(
    tmp_path: Path, wrapper: str | None, prefix: str
) -> None:
    """Of other names the order counts; all but the classifier is taken, however it is wrapped."""
    theirs, ours = network(classes=10, seed=1), network(classes=3, seed=2)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    state = {prefix + name: value for name, value in renamed(theirs).items()}
    path = tmp_path / "w.pth"
    torch.save(state if wrapper is None else {"epoch": 3, wrapper: state}, path)
    loaded = load_weights(ours, spec_of(classes=3), path)
    assert not loaded.head
    assert loaded.found == 10
    *_, last_weight, last_bias = before
    for name, value in ours.state_dict().items():
        if name in (last_weight, last_bias):
            assert value.equal(before[name]), name
        elif not name.endswith("num_batches_tracked"):
            assert value.equal(theirs.state_dict()[name]), name


def test_weights_without_a_classifier_are_taken(tmp_path: Path) -> None:
    """Backbones are published without their classifiers too."""
    ours = network(seed=2)
    state = renamed(network(seed=1))
    for name in list(state)[-2:]:
        del state[name]
    torch.save(state, tmp_path / "w.pt")
    loaded = load_weights(ours, spec_of(), tmp_path / "w.pt")
    assert not loaded.head
    assert loaded.found is None


def test_another_architecture_is_refused_by_tensor_and_shape(tmp_path: Path) -> None:
    """The first tensor that does not fit is named, with both shapes; nothing is changed."""
    torch.save(renamed(network("mobilenet_v2")), tmp_path / "w.pth")
    ours = network("resnet8")
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    with pytest.raises(
        WeightsError, match=r"w\.pth: tensor 'part000\.weight': expected the shape "
    ):
        load_weights(ours, spec_of("resnet8"), tmp_path / "w.pth")
    for name, value in ours.state_dict().items():
        assert value.equal(before[name]), name


def test_a_norms_own_four_are_not_mixed_up(tmp_path: Path) -> None:
    """Must fire: all of a norm's tensors have one shape, and only their names tell them apart."""
    state = renamed(network())
    names = list(state)
    names[1], names[3] = names[3], names[1]
    torch.save({name: state[name] for name in names}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"tensor 'part003\.running_mean'"):
        load_weights(network(), spec_of(), tmp_path / "w.pth")


def test_a_sorted_file_of_unknown_names_is_refused(tmp_path: Path) -> None:
    """A safetensors file has no order to go by."""
    safetensors.torch.save_file(renamed(network()), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="no order to go by"):
        load_weights(network(), spec_of(), tmp_path / "w.safetensors")


def named(module: nn.Module, names: NameMap) -> dict[str, Tensor]:
    """Its tensors as another library names them, and one of a part that ours does not have."""
    state = module.state_dict()
    found = {theirs: state[ours].clone() for ours, theirs in names.theirs.items()}
    return {**found, "aux.fc.weight": torch.zeros(7)}


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("library", ["torchvision", "timm", "efficientnet-lite-pytorch"])
def test_other_libraries_names_are_known(tmp_path: Path, library: str, suffix: str) -> None:
    """In any order and with more beside them; by name also where all shapes are alike."""
    arch: Arch = "efficientnet_lite0" if library.startswith("efficientnet") else "mobilenet_v2"
    theirs, ours = network(arch, seed=1), network(arch, seed=2)
    (names,) = (one for one in external_names(arch) if one.library == library)
    state = dict(sorted(named(theirs, names).items(), reverse=True))
    path = tmp_path / f"w.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    assert load_weights(ours, spec_of(arch), path).head
    for name, value in ours.state_dict().items():
        assert name.endswith("num_batches_tracked") or value.equal(theirs.state_dict()[name]), name


def test_a_missing_tensor_is_named_as_its_library_does(tmp_path: Path) -> None:
    """Where nearly all names are a library's, the one that is not there is said by them."""
    (names,) = (one for one in external_names("mobilenet_v2") if one.library == "timm")
    state = named(network("mobilenet_v2"), names)
    del state["blocks.3.1.bn2.running_var"]
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError) as error:
        load_weights(network("mobilenet_v2"), spec_of("mobilenet_v2"), tmp_path / "w.safetensors")
    assert str(error.value) == (
        f"{tmp_path}/w.safetensors: tensor 'blocks.3.1.bn2.running_var': expected with the 259 "
        "others of mobilenet_v2 as timm names them, found none"
    )


def test_a_named_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    """Another width has the names, and not the shapes."""
    (names,) = (one for one in external_names("mobilenet_v2") if one.library == "timm")
    spec = spec_of("mobilenet_v2")
    narrow = build(ModelSpec(arch="mobilenet_v2", classes=10, input=RGB, width=0.5))
    safetensors.torch.save_file(named(narrow, names), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"tensor 'conv_stem\.weight': expected the shape"):
        load_weights(network("mobilenet_v2"), spec, tmp_path / "w.safetensors")


def test_weights_of_integers_are_refused(tmp_path: Path) -> None:
    """Must fire: torch itself would take a quantised network's numbers for weights."""
    state = {n: (100 * t).to(torch.int8) for n, t in network().state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"tensor '\S+': expected floating point, found int8"):
        load_weights(network(), spec_of(), tmp_path / "w.pth")


def test_half_precision_is_taken(tmp_path: Path) -> None:
    """Must not fire: it is widened."""
    theirs, ours = network(seed=1), network(seed=2)
    torch.save({n: t.half() for n, t in theirs.state_dict().items()}, tmp_path / "w.pth")
    load_weights(ours, spec_of(), tmp_path / "w.pth")
    for name, value in ours.state_dict().items():
        if value.is_floating_point():
            assert value.equal(theirs.state_dict()[name].half().float()), name
