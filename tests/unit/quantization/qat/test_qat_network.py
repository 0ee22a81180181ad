"""The fake-quant network: what it computes is its file, and what of it is trained."""

import copy

import numpy as np
import onnx
import pytest
import torch
from support.onnx_nets import graph_of, net, node, normal
from support.operator_cases import CASES, Case
from support.torch_nets import NETS, randomised
from support.torch_nets import exported as from_torch

from edge_agent.common.arrays import F32, I8
from edge_agent.inference.runtime import Interpreter
from quantization.errors import ModelError, QuantizationError
from quantization.graph.graph import Graph
from quantization.lower import TfliteFile, lower_graph
from quantization.qat import FakeQuantNetwork, exported
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import Ranges, calibrate
from quantization.scales.qdq import insert_qdq

# Their one output is made of indices, or has no axis of samples.
REFUSED = {"ArgMax", "ArgMax of channels", "ReduceMean of all", "Flatten at another axis"}
TRAINED = [case for case in CASES if case.name not in REFUSED]
# LiteRT multiplies two matrices by its older kernel, which rounds every sum twice.
APART = {"MatMul of two values": 1, "MatMul from the left": 1}


def prepared(model: onnx.ModelProto, shape: tuple[int, ...]) -> tuple[Graph, Ranges]:
    """A folded model and its ranges over normally distributed samples."""
    folded = graph_of(model)
    return folded, calibrate(folded, [normal(32, *shape, seed=1)], QuantRecipe())


def trained(network: FakeQuantNetwork, seed: int = 0) -> FakeQuantNetwork:
    """The network as if trained: every parameter moved a little, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.weights:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.05 * parameter.abs().max() * noise)
        for ends in (network.ranges.low, network.ranges.high):
            ends.add_(0.2 * torch.randn(ends.shape, generator=generator))
    return network.eval()


def lowered(network: FakeQuantNetwork, float_layers: tuple[str, ...] = ()) -> TfliteFile:
    model, ranges = exported(network)
    return lower_graph(insert_qdq(model, ranges, float_layers=float_layers))


def on_litert(file: TfliteFile, x: F32) -> list[list[I8]]:
    """Every int8 output, in ONNX's order of axes, for each of some samples."""
    with Interpreter(file.tflite) as interpreter:
        return [
            [
                found.transpose(np.argsort(port.order))
                for port, found in zip(
                    file.results,
                    interpreter.infer(file.input.quantize(one[None].transpose(file.source.order))),
                    strict=True,
                )
                if port.affine is not None
            ]
            for one in x
        ]


def apart(network: FakeQuantNetwork, file: TfliteFile, x: F32) -> int:
    """How far LiteRT is from the network, over every output and sample."""
    worst = 0
    for one, found in zip(x, on_litert(file, x), strict=True):
        ours = network.quantized(torch.from_numpy(one[None]))
        for name, device in zip(network.plan.outputs, found, strict=True):
            assert ours[name].shape == device.shape
            distance = np.abs(ours[name].numpy().astype(int) - device.astype(int))
            worst = max(worst, int(distance.max()))
    return worst


@pytest.mark.parametrize("case", TRAINED, ids=[case.name for case in TRAINED])
def test_the_file_of_every_operator_is_the_network(case: Case) -> None:
    """Untrained, the same bytes as without; trained, LiteRT computes bit for bit what it does."""
    model, ranges = prepared(case.model(), case.shape)
    network = FakeQuantNetwork(model, ranges).eval()
    assert lowered(network).tflite == lower_graph(insert_qdq(model, ranges)).tflite
    network, x = trained(network), normal(6, *case.shape, seed=2)
    assert apart(network, lowered(network), x) <= APART.get(case.name, 0)


@pytest.mark.parametrize("case", TRAINED, ids=[case.name for case in TRAINED])
def test_a_batch_is_its_samples(case: Case) -> None:
    """Also where the network does not compute them at once, and whatever mode it is in."""
    network = trained(FakeQuantNetwork(*prepared(case.model(), case.shape)))
    x = torch.from_numpy(normal(4, *case.shape, seed=2))
    alone = [network.outputs(one) for one in x.split(1)]
    for together, parts in zip(network.outputs(x), zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(together, torch.cat(parts), rtol=0, atol=0)
    torch.testing.assert_close(network(x), network.outputs(x)[0], rtol=0, atol=0)
    # In training the last bit of a sum is not computed: now and then a quantum differs.
    assert (network.train()(x) - network.eval()(x)).abs().max() <= quantum(network) * 1.001


def quantum(network: FakeQuantNetwork) -> float:
    """One quantum of the first output."""
    groups = zip(network.ranges.groups, network.ranges.affines(), strict=True)
    (scale,) = (a.scale for g, a in groups if network.plan.outputs[0] in g.values)
    return scale


@pytest.fixture(name="small", scope="module")
def _small() -> tuple[Graph, Ranges]:
    """Of torch's families the one with residual sums."""
    make, shape = NETS["resnet"]
    return prepared(from_torch(randomised(make()), shape, dynamo=False), shape)


def test_weights_and_ranges_learn(small: tuple[Graph, Ranges]) -> None:
    """Every weight and bias gets a gradient, and so does an end where something is cut off."""
    network = FakeQuantNetwork(*small).train()
    with torch.no_grad():
        network.ranges.high.sub_(1)  # to e**-1 of what was seen
    network(torch.from_numpy(normal(8, 3, 32, 32))).square().mean().backward()
    for parameter in network.weights:
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0
    assert network.ranges.high.grad is not None
    assert (network.ranges.high.grad != 0).all()


def test_ends_move_by_the_exponential_of_their_parameter() -> None:
    """A parameter of log(2) doubles an end; the scale, zero point and export follow."""
    model = net([node("LeakyRelu", "input", alpha=0.5)], (1, 3, 4, 4))
    ranges = prepared(model, (3, 4, 4))
    network = FakeQuantNetwork(*ranges)
    before = ranges[1].values["output"]
    with torch.no_grad():
        network.ranges.high.add_(np.log(2))
    after = exported(network)[1].values["output"]
    assert after.low == before.low
    assert after.high == pytest.approx(2 * before.high)
    affine = network.ranges.affines()[-1]
    assert affine.scale == pytest.approx((after.high - after.low) / 255)


def test_fixed_scales_and_the_inputs_range_stay() -> None:
    """What TFLite fixes is not trained, nor what the data decide: there is no parameter."""
    nodes = [node("Sigmoid", "input", to="gate"), node("Mul", "input", "gate")]
    network = FakeQuantNetwork(*prepared(net(nodes, (1, 3, 4, 4)), (3, 4, 4)))
    groups = {g.values: g.trained for g in network.ranges.groups}
    assert groups == {("input",): None, ("gate",): None, ("output",): 0}
    before = network.ranges.affines()
    trained(network)
    after = network.ranges.affines()
    assert before[:2] == after[:2]
    assert before[2] != after[2]
    assert after[1].scale == 1 / 256


def test_a_constant_keeps_its_place_in_a_shared_range() -> None:
    """However far training draws a range in, the constant joined to the value still fits."""
    nodes = [node("Relu", "input", to="a"), node("Concat", "a", "c", axis=1)]
    constants = {"c": np.full((1, 1, 4, 4), 9, np.float32)}
    model, ranges = prepared(net(nodes, (1, 3, 4, 4), constants), (3, 4, 4))
    network = FakeQuantNetwork(model, ranges).eval()
    with torch.no_grad():
        network.ranges.high.sub_(3)
    assert network.ranges.affines()[-1].scale == pytest.approx(9 / 255)
    assert apart(network, lowered(network), normal(4, 3, 4, 4)) == 0


def test_copies_share_what_does_not_change(small: tuple[Graph, Ranges]) -> None:
    """A copy has weights of its own and computes the same; the graph is not copied."""
    network = FakeQuantNetwork(*small).eval()
    copied = copy.deepcopy(network)
    assert copied.plan is network.plan
    x = torch.from_numpy(normal(2, 3, 32, 32))
    assert torch.equal(copied(x), network(x))
    trained(copied)
    assert not torch.equal(copied(x), network(x))


def test_the_state_is_all_that_training_changes(small: tuple[Graph, Ranges]) -> None:
    """Loaded into a fresh network it gives the same outputs and the same file."""
    network = trained(FakeQuantNetwork(*small))
    other = FakeQuantNetwork(*small).eval()
    other.load_state_dict(network.state_dict())
    x = torch.from_numpy(normal(2, 3, 32, 32))
    assert torch.equal(other(x), network(x))
    assert lowered(other).tflite == lowered(network).tflite


def test_memory_order_changes_nothing(small: tuple[Graph, Ranges]) -> None:
    """Channels last, as the training loop lays out images and weights."""
    network = trained(FakeQuantNetwork(*small))
    x = torch.from_numpy(normal(2, 3, 32, 32))
    wanted, file = network(x), lowered(network).tflite
    for weight in network.weights:
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    assert torch.equal(network(x.contiguous(memory_format=torch.channels_last)), wanted)
    assert lowered(network).tflite == file


def test_layers_in_float_are_not_on_the_grid(small: tuple[Graph, Ranges]) -> None:
    """They are trained as they are, and the mixed file computes what the network does."""
    model, ranges = small
    layers = tuple(n.output for n in model.nodes if n.op == "Relu")[1:4]
    network = trained(FakeQuantNetwork(model, ranges, float_layers=layers))
    assert apart(network, lowered(network, layers), normal(16, 3, 32, 32, seed=2)) <= 1
    whole = trained(FakeQuantNetwork(model, ranges))
    x = torch.from_numpy(normal(2, 3, 32, 32))
    assert not torch.equal(network(x), whole(x))
    network.train()(x).sum().backward()
    assert all(p.grad is not None for p in network.weights)


def test_every_output_can_be_trained_by() -> None:
    """`forward` computes the first alone; indices beside it are left out, and exported."""
    nodes = [
        node("Gemm", "input", "w", to="a"),
        node("Relu", "a", to="scores"),
        node("Gemm", "a", "v", to="other"),
        node("ArgMax", "scores", to="best", axis=1),
    ]
    constants = {"w": normal(5, 4), "v": normal(4, 2, seed=1)}
    names = ("scores", "other", "best")
    model, ranges = prepared(net(nodes, (1, 5), constants, outputs=names), (5,))
    network = FakeQuantNetwork(model, ranges)
    x = torch.from_numpy(normal(3, 5))
    scores, other = network.outputs(x)
    assert [step.output for step in network.plan.first] == ["a", "scores"]
    assert (scores.shape, other.shape) == ((3, 4), (3, 2))
    network(x).sum().backward()
    assert [p.grad is not None for p in network.weights] == [True, True, False, False]
    network.outputs(x)[1].sum().backward()
    assert all(p.grad is not None for p in network.weights)
    assert [port.name for port in lowered(network).results] == list(names)


def test_layers_that_share_weights_share_a_parameter() -> None:
    """One array read by two convolutions is trained once, at a scale for each."""
    nodes = [node("Conv", "input", "w", "b", to="a"), node("Relu", "a", to="r"),
             node("Conv", "r", "w", "b")]  # fmt: skip
    constants = {"w": normal(3, 3, 1, 1), "b": normal(3, seed=1)}
    model, ranges = prepared(net(nodes, (1, 3, 4, 4), constants), (3, 4, 4))
    network = trained(FakeQuantNetwork(model, ranges))
    assert network.plan.trained == ("w", "b")
    assert apart(network, lowered(network), normal(4, 3, 4, 4, seed=2)) == 0


def test_weights_that_are_operands_too_stay() -> None:
    """An array that a sum reads as well is not trained: the sum has it at another scale."""
    nodes = [node("Conv", "input", "w", "b", to="a"), node("Add", "a", "w")]
    constants = {"w": normal(1, 3, 1, 1), "b": normal(1, seed=1)}
    model, ranges = prepared(net(nodes, (1, 3, 4, 4), constants), (3, 4, 4))
    network = trained(FakeQuantNetwork(model, ranges))
    assert network.plan.trained == ("b",)
    assert apart(network, lowered(network), normal(4, 3, 4, 4, seed=2)) == 0
    np.testing.assert_array_equal(exported(network)[0].constants["w"], constants["w"])


def test_ranges_of_another_model_are_refused(small: tuple[Graph, Ranges]) -> None:
    """The message names the first value that has none."""
    model, ranges = small
    with pytest.raises(QuantizationError, match="expected one for value 'input', found none"):
        FakeQuantNetwork(model, Ranges({}, ranges.samples))


def test_an_unknown_float_layer_is_refused(small: tuple[Graph, Ranges]) -> None:
    """As by the quantiser."""
    with pytest.raises(ModelError, match="expected layers of the network, found 'nowhere'"):
        FakeQuantNetwork(*small, float_layers=("nowhere",))


def test_a_range_that_training_lost_is_an_error(small: tuple[Graph, Ranges]) -> None:
    """Not finite, or too large to be: the value is named, and what may help."""
    for lost in (float("nan"), 1e4, 200.0):
        network = FakeQuantNetwork(*small)
        with torch.no_grad():
            network.ranges.high[0] = lost
        name = network.ranges.groups[1].values[0]
        with pytest.raises(QuantizationError) as error:
            network(torch.zeros(1, 3, 32, 32))
        assert str(error.value).startswith(f"value {name!r}: expected a finite range, training")
        assert str(error.value).endswith("; a lower learning rate may help")


def test_weights_that_training_lost_are_an_error(small: tuple[Graph, Ranges]) -> None:
    """Before a file is made of them."""
    network = FakeQuantNetwork(*small)
    with torch.no_grad():
        network.weights[0].view(-1)[:2] = float("inf")
    name, size = network.plan.trained[0], network.weights[0].numel()
    with pytest.raises(QuantizationError) as error:
        exported(network)
    assert str(error.value) == (
        f"weight {name!r}: training left 2 of {size} values that are not finite; "
        "a lower learning rate may help"
    )
