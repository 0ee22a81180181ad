"""Make one network of the comparison and the samples that every converter gets.

    python prepare.py NAME FOLDER [--data-root D]

Writes FOLDER/network.pt2 and network.onnx, the same float network for the two ways in,
calibration.npy and held_out.npy (N, C, H, W), and float_K.npy, ONNX Runtime's outputs for
the held-out samples. A network without published weights is trained for a minute or two
(see `teach`), so that its activations have the ranges of one that has seen data.
"""

import argparse
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from conversion.images import read
from conversion.nets import NETS, Net
from conversion.published import fill
from conversion.teach import BATCH, teach
from torch import nn

from pipeline.checkpoints.export_onnx import OPSET
from pipeline.data.root import data_root
from pipeline.measure.evaluate import onnx_session, to_nchw

SEED = 0
FITTED = {"cifar10": 2048, "masks": 320, "street": 64, "words": 1024}
CALIBRATION = 64
HELD_OUT = {"cifar10": 512, "pets": 384, "masks": 128, "street": 128, "words": 512}


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
        inputs = torch.from_numpy(np.concatenate(samples[:fitted]))
        teach(module, net, inputs, found[:fitted])
        _estimate_norms(module, inputs)
    calibration, held_out = samples[fitted:][:CALIBRATION], samples[fitted + CALIBRATION :]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "calibration.npy", np.concatenate(calibration))
    np.save(folder / "held_out.npy", np.concatenate(held_out))
    export(module.eval(), samples[0].shape, folder)
    session = onnx_session((folder / "network.onnx").read_bytes())
    rows = [session.run(None, {"input": x}) for x in held_out]
    for number, column in enumerate(zip(*rows, strict=True)):
        np.save(folder / f"float_{number}.npy", np.concatenate(column))


def export_onnx(program: torch.export.ExportedProgram) -> onnx.ModelProto:
    """The float ONNX network, as `pipeline.checkpoints.export_onnx` makes it."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not needed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            program, input_names=["input"], opset_version=OPSET, dynamo=True, verbose=False
        )
    if made is None:
        raise AssertionError("torch.onnx.export returns a program when given no file")
    return made.model_proto


def export(module: nn.Module, shape: tuple[int, ...], folder: Path) -> None:
    """Write a network that reads (1, C, H, W) as network.pt2 and as network.onnx."""
    # No sample for an example: of one channel, NumPy's strides look like channels last.
    program = torch.export.export(module, (torch.zeros(shape),))
    torch.export.save(program, folder / "network.pt2")
    model = export_onnx(program)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "network.onnx")


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
