"""The network of an ONNX file, to be trained, pruned or shipped."""

from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper
from support.onnx_nets import net, node, normal
from support.own_networks import network, template_network

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import F32
from pipeline.checkpoints.checkpoint import Checkpoint, fresh, load_checkpoint, save_checkpoint
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.checkpoints.own_check import check_own
from pipeline.common.errors import PipelineError, RecipeError, RunError
from pipeline.models import ModelSpec
from pipeline.models.macs import cost
from pipeline.models.own.onnx_graph import own_graph
from pipeline.models.own.source import OnnxOptions, own_source
from pipeline.pruning.prune import check_target
from pipeline.recipe import ModelRecipe, PruneRecipe, TrainRecipe
from quantization.errors import QuantizationError
from quantization.graph.graph import Array, write

COLOUR = InputSpec(height=8, width=8, colour="rgb", mean=(0.5,) * 3, std=(0.5,) * 3)
TEMPLATES = normal(3, 3, 8, 8) / 8


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    onnx.save(model, path)
    return path


def made(path: Path, classes: int = 3, **keys: object) -> Checkpoint:
    names = [f"class {k}" for k in range(classes)]
    recipe = msgspec.convert({"arch": f"onnx:{path.name}", **keys}, ModelRecipe)
    source = own_source(recipe, path.parent, names)
    return fresh(ModelSpec(arch=recipe.arch, classes=classes, input=COLOUR, own=source), 0)


def answers(path: Path, x: F32) -> F32:
    session = onnxruntime.InferenceSession(path)
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def learnt(checkpoint: Checkpoint, x: F32) -> F32:
    with torch.no_grad():
        return np.asarray(checkpoint.module(torch.from_numpy(x)).numpy())


BLOCKS = [
    node("Conv", "picture", "w", "b", to="a", pads=[0, 0, 1, 1], strides=[2, 2]),
    node("BatchNormalization", "a", "g", "h", "m", "v", to="n"),
    node("Clip", "n", "low", "high", to="c"),
    node("Conv", "c", "dw", to="d", group=8, pads=[1, 1, 1, 1]),
    node("HardSwish", "d", to="e"),
    node("Add", "c", "e", to="f"),
    node("GlobalAveragePool", "f", to="s"),
    node("Conv", "s", "sw", "sb", to="t"),
    node("Sigmoid", "t", to="u"),
    node("Mul", "f", "u", to="x"),
    node("Concat", "x", "c", to="j", axis=1),
    node("MaxPool", "j", to="q", kernel_shape=[2, 2], strides=[2, 2]),
    node("LeakyRelu", "q", to="l", alpha=0.1),
    node("ReduceMean", "l", to="mean", axes=[2, 3], keepdims=0),
    node("Dropout", "mean", to="k"),
    node("Gemm", "k", "fw", "fb", to="scores", transB=1),
]


def block_network(last: str = "") -> onnx.ModelProto:
    """What mobile networks are made of, its norm not folded."""
    arrays: dict[str, Array] = {
        "w": normal(8, 3, 3, 3) / 3,
        "b": normal(8, seed=1),
        "g": np.abs(normal(8, seed=2)) + 0.5,
        "h": normal(8, seed=3),
        "m": normal(8, seed=4) / 4,
        "v": np.abs(normal(8, seed=5)) + 0.5,
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "dw": normal(8, 1, 3, 3, seed=6),
        "sw": normal(8, 8, 1, 1, seed=7),
        "sb": normal(8, seed=8),
        "fw": normal(3, 16, seed=9),
        "fb": normal(3, seed=10),
    }
    return network(BLOCKS, (3, 8, 8), arrays, 3, last=last)


def test_a_file_becomes_a_network_that_answers_as_it_does(tmp_path: Path) -> None:
    """Convolutions, norms, sums, gates, pools, joined channels: the same scores."""
    path = saved(block_network(), tmp_path)
    x = normal(1, 3, 8, 8, seed=20)
    np.testing.assert_allclose(learnt(made(path), x), answers(path, x), rtol=1e-4, atol=1e-5)
    both = np.concatenate((x, 2 * x))
    np.testing.assert_allclose(learnt(made(path), both)[:1], answers(path, x), rtol=1e-4, atol=1e-5)


def test_its_norm_learns_and_all_of_it_can_be_built_with(tmp_path: Path) -> None:
    """Must not fire: it is trained, stored, exported, lowered and pruned like ours."""
    checkpoint = made(saved(block_network(), tmp_path))
    norms = [m for m in checkpoint.module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 1
    assert cost(checkpoint.module, COLOUR).macs == 4 * 4 * 8 * 27 + 4 * 4 * 8 * 9 + 64 + 48
    check_own(checkpoint)
    check_target(checkpoint, PruneRecipe(macs=0.6, round_to=2, train=TrainRecipe(epochs=1)))


def test_what_is_exported_again_is_the_same_network(tmp_path: Path) -> None:
    """From the file to torch, and from torch to a file."""
    path, x = saved(block_network(), tmp_path), normal(1, 3, 8, 8, seed=20)
    again = tmp_path / "again.onnx"
    onnx.save(to_onnx(made(path)), again)
    np.testing.assert_allclose(answers(again, x), answers(path, x), rtol=1e-4, atol=1e-5)


def test_other_classes_begin_afresh_and_all_else_is_kept(tmp_path: Path) -> None:
    """A last layer of another size; the same for the same seed."""
    path = saved(block_network(), tmp_path)
    five, three = made(path, 5), made(path, 3)
    assert learnt(five, normal(2, 3, 8, 8)).shape == (2, 5)
    mine, theirs = five.module.state_dict(), three.module.state_dict()
    last = [name for name in mine if mine[name].shape != theirs[name].shape]
    assert {name.rpartition(".")[2] for name in last} == {"weight", "bias"}
    assert all(torch.equal(mine[name], theirs[name]) for name in mine if name not in last)
    again = made(path, 5).module.state_dict()
    assert all(torch.equal(mine[name], again[name]) for name in mine)


@pytest.mark.parametrize("last", ["Softmax", "LogSoftmax"])
def test_a_softmax_at_the_end_is_left_to_the_device(last: str, tmp_path: Path) -> None:
    """What comes out is the logits before it."""
    bare, path = tmp_path / "bare.onnx", saved(block_network(last), tmp_path)
    onnx.save(block_network(), bare)
    x = normal(1, 3, 8, 8, seed=20)
    np.testing.assert_allclose(learnt(made(path), x), answers(bare, x), rtol=1e-4, atol=1e-5)


def test_one_sigmoid_is_two_logits(tmp_path: Path) -> None:
    """Whose softmax is the share that it gives to the second class."""
    nodes = [
        node("Flatten", "picture", to="flat"),
        node("Gemm", "flat", "w", "b", to="scores", transB=1),
    ]
    arrays: dict[str, Array] = {"w": normal(1, 192) / 8, "b": normal(1)}
    path = saved(network(nodes, (3, 8, 8), arrays, 1, last="Sigmoid"), tmp_path)
    x = normal(1, 3, 8, 8, seed=20)
    found = torch.softmax(torch.from_numpy(learnt(made(path, 2), x)), dim=1)
    assert found[0, 1].item() == pytest.approx(answers(path, x).item(), abs=1e-6)


def test_channels_that_come_last_come_first(tmp_path: Path) -> None:
    """As Keras has them, with an open batch and a softmax; the picture is fed channels first."""
    model = template_network(TEMPLATES, channels_last=True, batch="N", last="Softmax")
    path, x = saved(model, tmp_path), normal(1, 3, 8, 8, seed=20)
    graph = own_graph(path, COLOUR)
    assert graph.shapes[graph.inputs[0]] == (1, 3, 8, 8)
    assert "Transpose" not in {n.op for n in graph.nodes}
    found = torch.softmax(torch.from_numpy(learnt(made(path), x)), dim=1)
    wanted = answers(path, np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_blue_first_and_an_order_of_classes(tmp_path: Path) -> None:
    """Channels are turned, and outputs put in the data's order; what the data lack is left off."""
    path, x = saved(template_network(TEMPLATES), tmp_path), normal(1, 3, 8, 8, seed=20)
    plain = answers(path, x)
    blue = answers(path, np.ascontiguousarray(x[:, ::-1]))
    np.testing.assert_allclose(learnt(made(path, bgr=True), x), blue, rtol=1e-4, atol=1e-4)
    labels = ["class 1", "other", "class 0"]
    found = learnt(made(path, 2, labels=labels), x)
    np.testing.assert_allclose(found, plain[:, [2, 0]], rtol=1e-4, atol=1e-4)


def test_a_checkpoint_needs_the_file_as_it_was(tmp_path: Path) -> None:
    """Bit for bit with it; changed or gone, one error names it."""
    path, x = saved(block_network(), tmp_path), normal(1, 3, 8, 8, seed=20)
    checkpoint = made(path)
    save_checkpoint(checkpoint, tmp_path / "kept")
    assert np.array_equal(learnt(load_checkpoint(tmp_path / "kept"), x), learnt(checkpoint, x))
    onnx.save(template_network(TEMPLATES), path)
    with pytest.raises(RunError) as error:
        load_checkpoint(tmp_path / "kept")
    assert f"expected {path} as it was when the network was made" in str(error.value)
    path.unlink()
    with pytest.raises(RecipeError) as missing:
        load_checkpoint(tmp_path / "kept")
    assert f"expected an ONNX file at {path}, found none" in str(missing.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (template_network(normal(3, 3, 7, 7)), "takes, (1, 3, 7, 7), found a height of 8"),
        (template_network(normal(3, 1, 8, 8)), "takes, (1, 1, 8, 8), found a height of 8"),
        (
            net([node("Relu", "input", to="a"), node("Relu", "a", to="b")], (1, 3, 8, 8),
                outputs=("a", "b")),
            "expected one output, found 2: a, b",
        ),
        (
            net([node("Conv", "input", "w")], (1, 3, 8, 8), {"w": normal(3, 3, 1, 1)}),
            "expected an output (1, classes), found (1, 3, 8, 8)",
        ),
        (
            net([node("Flatten", "input", to="f"), node("Erf", "f", to="e"),
                 node("Gemm", "e", "g", transB=1)], (1, 3, 8, 8), {"g": normal(3, 192)}),
            "operator Erf cannot be trained",
        ),
        (
            net([node("Flatten", "input", to="f"), node("Relu", "f")], (1, 3, 8, 8)),
            "expected 3 classes, or a last layer that can be put in its place, found 192",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_error(
    model: onnx.ModelProto, message: str, tmp_path: Path
) -> None:
    """Another input, several outputs, no row of scores, an operator that does not learn."""
    with pytest.raises((PipelineError, QuantizationError)) as error:
        made(saved(model, tmp_path))
    assert message in str(error.value)


def test_a_file_that_is_none_and_labels_that_do_not_fit(tmp_path: Path) -> None:
    """Missing, cut off, quantised already, a class that the network does not know."""
    with pytest.raises(RecipeError, match=r"expected an ONNX file at .*absent.onnx, found none"):
        made(tmp_path / "absent.onnx")
    path = saved(block_network(), tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(QuantizationError, match="expected an ONNX model"):
        made(path)
    saved(block_network(), tmp_path)
    with pytest.raises(RecipeError, match="expected every class of the data, found no 'class 2'"):
        made(path, labels=["class 0", "class 1"])
    with pytest.raises(RecipeError, match=r"expected one for each output of .*, found 3 outputs"):
        own_graph(path, COLOUR, OnnxOptions(rows=(0, 3)))
    nodes = [
        helper.make_node("QuantizeLinear", ["picture", "s"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s"], ["r"]),
        node("Flatten", "r", to="scores"),
    ]
    quantised = network(nodes, (3, 8, 8), {"s": np.array(0.1, np.float32)}, 192)
    with pytest.raises(RecipeError, match="expected a float network, found one that is quantised"):
        own_graph(saved(quantised, tmp_path), COLOUR)


def test_the_graph_that_ships_is_the_file_s(tmp_path: Path) -> None:
    """What is quantised of a file as it is: norms folded, and the same function."""
    path, x = saved(block_network(), tmp_path), normal(1, 3, 8, 8, seed=20)
    graph = own_graph(path, COLOUR)
    assert "BatchNormalization" not in {n.op for n in graph.nodes}
    folded = tmp_path / "folded.onnx"
    onnx.save(write(graph), folded)
    np.testing.assert_allclose(answers(folded, x), answers(path, x), rtol=1e-4, atol=1e-4)
