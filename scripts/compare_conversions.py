"""Compare the conversions of two trees: the same files byte for byte, in the same time?

    .venv/bin/python scripts/compare_conversions.py OTHER_TREE [--rounds N] [--only WORD]

Seeded networks of every operator and of several architectures, float, quantised here and
quantised elsewhere, are written as ONNX and converted by this tree and by the other one, each
in a process of its own environment, in turn. Of each conversion the SHA-256 of the `.tflite`
is compared, or the text of the error, and what the doctor says of the networks made for it;
of the processor times the median, with their ratio. It exits with 1 if anything differs.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from quantization.quantize import QuantizedModel

    Job = tuple[str, onnx.ModelProto, NDArray[np.float32] | None, dict[str, object]]

REMEDIES: dict[str, dict[str, object]] = {
    "equalize": {"equalize": True},
    "bias": {"correct_bias": True},
    "learned": {"rounding": "learned"},
    "auto": {"calibration": "auto"},
    "all": {
        "calibration": "auto", "equalize": True, "correct_bias": True, "rounding": "learned",
        "outputs": "softmax",
    },
}  # fmt: skip
HASH = 64  # characters of a SHA-256
# What is converted in every round to be timed; the others once.
TIMED = ("net resnet", "net mobilenet", "net ds_cnn", "net vgg")


def main() -> None:
    """Compare, print, and exit with 1 where something differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("other", type=Path, help="the other tree, with its .venv")
    parser.add_argument("--rounds", type=int, default=5, help="conversions of those timed")
    parser.add_argument("--only", default="", help="networks with this in their names")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        _serve()
        return
    with tempfile.TemporaryDirectory() as folder:
        names = [name for name in _written(Path(folder)) if given.only in name]
        sys.exit(_compared(Path(folder), names, given.other.resolve(), given.rounds))


def _compared(folder: Path, names: list[str], other: Path, rounds: int) -> int:
    """Convert everything in both trees, in turn; the exit status."""
    trees = [_Tree(other), _Tree(ROOT)]
    times: dict[str, list[list[float]]] = {}
    different = []
    for name in names:
        timed = name.startswith(TIMED)
        times[name] = [[], []]
        for turn in range(rounds if timed else 1):
            found = []
            order = (0, 1) if turn % 2 == 0 else (1, 0)
            for side in order:
                answer, seconds = trees[side].convert(folder / name)
                times[name][side].append(seconds)
                found.append((side, answer))
            (_, before), (_, after) = sorted(found)
            if before != after:
                different.append(name)
                sys.stdout.write(f"DIFFERS {name}\n  before {before}\n  after  {after}\n")
                break
    for tree in trees:
        tree.close()
    _print_times(times)
    counts = f"{len(names) - len(different)} of {len(names)} conversions are the same"
    sys.stdout.write(f"{counts}\n")
    return 1 if different else 0


def _print_times(times: dict[str, list[list[float]]]) -> None:
    """The median time of each timed network in both trees, and the ratio of their sums."""
    sums = [0.0, 0.0]
    for name, (before, after) in times.items():
        if name.startswith(TIMED):
            a, b = statistics.median(before), statistics.median(after)
            sums = [sums[0] + a, sums[1] + b]
            sys.stdout.write(f"{name:28} {1000 * a:7.1f} ms {1000 * b:7.1f} ms  x{b / a:.3f}\n")
    if sums[0]:
        sys.stdout.write(f"{'sum of medians':28} {1000 * sums[0]:7.1f} ms {1000 * sums[1]:7.1f} ms"
                         f"  x{sums[1] / sums[0]:.3f}\n")  # fmt: skip


class _Tree:
    """A tree and the process that converts in it."""

    def __init__(self, path: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [path / ".venv/bin/python", Path(__file__).resolve(), ".", "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=path,
            env=environment,
        )

    def convert(self, case: Path) -> tuple[list[str], float]:
        """The hashes of what a conversion gives, or its error's text; and its processor seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{case}\n")
        self._process.stdin.flush()
        answer, seconds = json.loads(self._process.stdout.readline())
        return answer, seconds

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _serve() -> None:
    """Convert each network that is named on the input, in the tree this process runs in."""
    import time

    import numpy as np
    import onnx

    from quantization.convert import NO_SAMPLES, convert
    from quantization.errors import QuantizationError
    from quantization.recipe import QuantRecipe

    for line in sys.stdin:
        case = Path(line.rstrip("\n"))
        model = onnx.load(case / "model.onnx")
        file = case / "samples.npy"
        samples = [np.load(file)] if file.exists() else NO_SAMPLES
        keys = json.loads((case / "recipe.json").read_text())
        keys["float_layers"] = tuple(keys.get("float_layers", ()))
        start = time.process_time()
        try:
            made = convert(model, samples, QuantRecipe(**keys))
        except QuantizationError as error:
            answer = [f"{type(error).__name__}: {error}"]
        else:
            answer = [hashlib.sha256(made.tflite).hexdigest()]
        seconds = time.process_time() - start
        if len(answer[0]) == HASH:
            for form in _forms(made):
                answer.append(
                    hashlib.sha256(form.SerializeToString(deterministic=True)).hexdigest()
                )
        if (case / "doctor").exists() and len(answer[0]) == HASH:
            answer.append(_diagnosed(made.quantized, samples[0]))
        sys.stdout.write(json.dumps([answer, seconds]) + "\n")
        sys.stdout.flush()


def _forms(made: Any) -> "list[onnx.ModelProto]":
    """The float and the quantised network as ONNX, as this tree or one before it gives them."""
    whole = made if hasattr(made, "qdq") else made.quantized
    return [whole.folded, whole.qdq]


def _diagnosed(quantized: "QuantizedModel", samples: "NDArray[np.float32]") -> str:
    """The hash of all that the doctor finds."""
    import msgspec

    from quantization.doctor import diagnose

    found = diagnose(quantized.folded, quantized.qdq, samples[:16])
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()


def _written(folder: Path) -> Iterator[str]:
    """Write every network with its samples and its recipe; their names."""
    import numpy as np
    import onnx

    sys.path.insert(0, str(ROOT / "tests"))
    for name, model, samples, recipe in _jobs():
        case = folder / name.replace("/", "|")
        case.mkdir()
        onnx.save(model, case / "model.onnx")
        if samples is not None:
            np.save(case / "samples.npy", samples)
        (case / "recipe.json").write_text(json.dumps(recipe))
        if name.startswith(("net", "hurt", "diagnosed")):
            (case / "doctor").touch()
        yield case.name


def _jobs() -> Iterator["Job"]:
    for jobs in (_operators, _architectures, _hurt, _recurrent, _random, _quantised_elsewhere):
        yield from jobs()


def _operators() -> Iterator["Job"]:
    """Every form of every operator, in int8 and in float32."""
    from support.onnx_nets import normal
    from support.operator_cases import CASES

    for case in CASES:
        model, samples = case.model(), normal(32, *case.shape, seed=1)
        yield f"operator {case.name}", model, samples, {}
        yield f"float {case.name}", model, None, {"precision": "float32"}
        if "Resize" in case.name or "Pool" in case.name:
            yield f"diagnosed {case.name}", model, samples, {}


def _architectures() -> Iterator["Job"]:
    """The families that are trained here, by every remedy, and with a layer in float."""
    from support.onnx_nets import normal
    from support.torch_nets import NETS, exported, randomised

    for name, (make, shape) in NETS.items():
        model = exported(randomised(make()), shape, dynamo=False)
        samples = normal(32, *shape, seed=1)
        yield f"net {name}", model, samples, {}
        for remedy, recipe in REMEDIES.items():
            yield f"net {name} {remedy}", model, samples, recipe
        for method in ("percentile", "entropy", "mse"):
            yield f"method {name} {method}", model, samples, {"calibration": method}
        first = next(n.output[0] for n in model.graph.node if n.op_type == "Conv")
        yield f"float layer {name}", model, samples, {"float_layers": [first]}
        yield f"softmax {name}", model, samples, {"outputs": "softmax"}


def _hurt() -> Iterator["Job"]:
    """The networks that int8 hurts, as they are and cured."""
    from support import hurt_nets

    makers: tuple[Callable[[], hurt_nets.Hurt], ...] = (
        hurt_nets.healthy, hurt_nets.outlier_channel, hurt_nets.depthwise_spread,
        hurt_nets.silu_concat, hurt_nets.low_padding,
    )  # fmt: skip
    for make in makers:
        hurt = make()
        yield f"hurt {make.__name__}", hurt.model, hurt.samples, {}
        for remedy, recipe in REMEDIES.items():
            yield f"hurt {make.__name__} {remedy}", hurt.model, hurt.samples, recipe
        if hurt.layer:
            kept: dict[str, object] = {"float_layers": [hurt.layer]}
            yield f"hurt {make.__name__} float", hurt.model, hurt.samples, kept


def _recurrent() -> Iterator["Job"]:
    """LSTM and GRU in both directions."""
    from support.onnx_nets import normal
    from support.recurrent_nets import recurrent

    for op in ("LSTM", "GRU"):
        for direction in ("forward", "reverse", "bidirectional"):
            for before in (0, 1) if op == "GRU" else (0,):
                extra: dict[str, Any] = {"linear_before_reset": before} if op == "GRU" else {}
                model = recurrent(op, 7, 5, 6, direction=direction, **extra)
                samples = normal(32, 7, 5, seed=1)
                name = f"recurrent {op} {direction} {before}"
                yield name, model, samples, {}
                yield f"{name} all", model, samples, REMEDIES["all"]


def _random() -> Iterator["Job"]:
    """Networks of random operators, some of them without a lowering: errors are compared too."""
    from hypothesis import HealthCheck, Phase, given, settings
    from support.onnx_nets import normal
    from support.random_nets import Net, networks

    drawn: list[Net] = []

    @settings(
        database=None,
        derandomize=True,
        max_examples=150,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(networks())
    def collect(network: Net) -> None:
        drawn.append(network)

    collect()
    for index, network in enumerate(drawn):
        samples = normal(8, *network.shape, seed=index)
        recipe = (({}, *REMEDIES.values())[index % 6]) if index >= 40 else {}
        yield f"random {index}", network.model, samples, recipe


def _quantised_elsewhere() -> Iterator["Job"]:
    """Networks that bring scales, as ONNX Runtime's own quantiser writes them."""
    import logging

    import numpy as np
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from support.onnx_nets import net, node, normal
    from support.torch_nets import NETS, exported, randomised

    logging.disable(logging.WARNING)  # it recommends a preprocessing that would change the network

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
        """The samples, one at a time."""

        def __init__(self, samples: "NDArray[np.float32]") -> None:
            self._left = iter([{"input": x[None]} for x in samples])

        def get_next(self) -> object:
            """The next sample; None after the last."""
            return next(self._left, None)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "quantised.onnx")
        for name, (make, shape) in NETS.items():
            onnx.save(exported(randomised(make()), shape, dynamo=False), source)
            for kind in (QuantType.QUInt8, QuantType.QInt8):
                for channels in (True, False):
                    quantize_static(
                        source,
                        target,
                        Reader(normal(8, *shape, seed=1)),
                        quant_format=QuantFormat.QDQ,
                        activation_type=kind,
                        weight_type=QuantType.QInt8,
                        per_channel=channels,
                    )
                    model = onnx.load(target)
                    yield f"elsewhere {name} {kind} {channels}", model, None, {}
    logging.disable(logging.NOTSET)
    scales: dict[str, NDArray[Any]] = {
        "s": np.array(0.1, np.float32), "z": np.array(4, np.int8),
        "t": np.array(0.2, np.float32), "y": np.array(-128, np.int8),
        "size": np.array([1, 3, 8, 8]),
    }  # fmt: skip
    for mode in ("nearest", "linear"):
        nodes = [
            node("QuantizeLinear", "input", "s", "z", to="a:q"),
            node("DequantizeLinear", "a:q", "s", "z", to="a"),
            node("Resize", "a", "", "", "size", to="b", mode=mode,
                 coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
            node("QuantizeLinear", "b", "t", "y", to="b:q"),
            node("DequantizeLinear", "b:q", "t", "y"),
        ]  # fmt: skip
        yield f"elsewhere resize {mode}", net(nodes, (1, 3, 4, 4), scales), None, {}
    nodes = [
        node("GlobalAveragePool", "input", to="a"),
        node("Squeeze", "a", "axes", to="b"),
        node("Unsqueeze", "b", "first", to="c"),
        node("Gemm", "c", "w", "v", transB=1),
    ]
    constants: dict[str, NDArray[Any]] = {
        "axes": np.array([0, 2, 3]), "first": np.array([0]),
        "w": normal(5, 3), "v": normal(5, seed=1),
    }  # fmt: skip
    yield "unsqueezed", net(nodes, (1, 3, 4, 4), constants), normal(8, 3, 4, 4), {}


if __name__ == "__main__":
    main()
