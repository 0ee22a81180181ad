"""Make one network of the comparison and the samples that every converter gets.

    python prepare.py NAME FOLDER [--data-root D]

Writes FOLDER/network.pt2 and network.onnx, the same float network for the two ways in,
calibration.npy and held_out.npy (N, C, H, W), and float_K.npy, ONNX Runtime's outputs for
the held-out samples. Of random weights the norms' statistics are estimated over real images
and the last layer is fitted to their targets by ridge regression: activations then have the
ranges, and decisions the margins, of a network that has seen data.
"""

import argparse
import logging
import warnings
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from conversion.images import Sample, read
from conversion.nets import NETS, Net
from conversion.published import fill
from numpy.typing import NDArray
from torch import nn

from edge_agent.arrays import F32
from edge_agent.bundle.manifest import InputSpec
from pipeline.data.root import data_root
from pipeline.evaluate import onnx_session, to_nchw
from pipeline.export_onnx import OPSET

SEED = 0
BATCH = 32
FITTED = {"cifar10": 768, "masks": 192, "street": 64, "words": 1024}
CALIBRATION = 64
HELD_OUT = {"cifar10": 512, "pets": 384, "masks": 128, "street": 128, "words": 512}
RIDGE = 1.0
SYMBOLS = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def prepare(net: Net, folder: Path, root: Path) -> None:
    """Write everything a comparison of `net` needs into `folder`."""
    fitted = 0 if net.published else FITTED[net.photos]
    found = read(net.photos, root, fitted + CALIBRATION + HELD_OUT[net.photos], SEED)
    samples = [to_nchw(image, net.input) for image, _ in found]
    torch.manual_seed(SEED)
    module = net.build().eval()
    if net.published:
        fill(module, torch.from_numpy(samples[0]), root / net.published)
    else:
        _randomise(module)
        inputs = torch.from_numpy(np.concatenate(samples[:fitted]))
        _estimate_norms(module, inputs)
        if net.head:
            _fit(module, net.head, inputs, [_goal(found[i], net.input) for i in range(fitted)])
    calibration, held_out = samples[fitted:][:CALIBRATION], samples[fitted + CALIBRATION :]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "calibration.npy", np.concatenate(calibration))
    np.save(folder / "held_out.npy", np.concatenate(held_out))
    export(module.eval(), torch.from_numpy(samples[0]), folder)
    session = onnx_session((folder / "network.onnx").read_bytes())
    rows = [session.run(None, {"input": x}) for x in held_out]
    for number, column in enumerate(zip(*rows, strict=True)):
        np.save(folder / f"float_{number}.npy", np.concatenate(column))


def export_onnx(program: torch.export.ExportedProgram) -> onnx.ModelProto:
    """The float ONNX network, as `pipeline.export_onnx` makes it."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not needed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            program, input_names=["input"], opset_version=OPSET, dynamo=True, verbose=False
        )
    if made is None:
        raise AssertionError("torch.onnx.export returns a program when given no file")
    return made.model_proto


def export(module: nn.Module, example: torch.Tensor, folder: Path) -> None:
    """Write a network as network.pt2 and as network.onnx."""
    program = torch.export.export(module, (example,))
    torch.export.save(program, folder / "network.pt2")
    model = export_onnx(program)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "network.onnx")


def _randomise(module: nn.Module) -> None:
    """Weights by He's rule; norms that weigh and shift their channels, as trained ones do."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.3)


@torch.no_grad()
def _estimate_norms(module: nn.Module, inputs: torch.Tensor) -> None:
    """The norms' statistics: the mean over batches of what each of them sees."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = None  # a plain average
        norm.reset_running_stats()
    for batch in inputs.split(BATCH):
        module(batch)
    module.eval()


@torch.no_grad()
def _fit(module: nn.Module, name: str, inputs: torch.Tensor, goals: list[F32]) -> None:
    """Fit the last layer by ridge regression to `goals`, each (K,) or (positions, K)."""
    head, seen = module.get_submodule(name), list[torch.Tensor]()
    hook = head.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    for batch in inputs.split(BATCH):
        module(batch)
    hook.remove()
    features = torch.cat(seen)
    if isinstance(head, nn.Conv2d):
        features = features.permute(0, 2, 3, 1)  # (N, H, W, F)
    features = features.flatten(1, -2) if features.ndim > 2 else features[:, None]  # (N, P, F)
    wanted = torch.from_numpy(np.stack(goals))
    if wanted.ndim == 2:  # one answer for all positions, whose mean it is read from
        features, wanted = features.mean(1, keepdim=True), wanted[:, None]
    x, y = features.flatten(0, 1).double(), wanted.flatten(0, 1).double()  # (M, F), (M, K)
    mean_x, mean_y = x.mean(0), y.mean(0)
    x, y = x - mean_x, y - mean_y
    gram = x.T @ x
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    weight = torch.linalg.solve(gram, x.T @ y).T  # (K, F)
    head.weight.copy_(weight.reshape(head.weight.shape))  # type: ignore[operator, union-attr]
    head.bias.copy_(mean_y - weight @ mean_x)  # type: ignore[operator, union-attr]


def _goal(sample: Sample, spec: InputSpec) -> F32:
    """What the last layer should say: 8 for the right class, 0 for the others."""
    _, target = sample
    if isinstance(target, np.ndarray):
        size = (spec.width, spec.height)
        classes = cv2.resize(target, size, interpolation=cv2.INTER_NEAREST).reshape(-1)
        return _one_hot(np.asarray(classes, np.int64), 3)
    if isinstance(target, str):
        return _one_hot(_columns(target, spec.width // 4), len(SYMBOLS))
    return _one_hot(np.array([target]), 10)[0]


def _columns(text: str, columns: int) -> NDArray[np.int64]:
    """The symbol of each column if the letters were equally wide."""
    letters = [SYMBOLS.find(letter) for letter in text]
    return np.array([max(0, letters[i * len(letters) // columns]) for i in range(columns)])


def _one_hot(classes: NDArray[np.int64], count: int) -> F32:
    return 8 * np.eye(count, dtype=np.float32)[classes]


def main() -> None:
    """Prepare one network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("name", choices=[net.name for net in NETS])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data-root", type=Path)
    options = parser.parse_args()
    net = next(net for net in NETS if net.name == options.name)
    prepare(net, options.folder, data_root(options.data_root))


if __name__ == "__main__":
    main()
