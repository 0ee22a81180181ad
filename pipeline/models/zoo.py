"""`ZOO`: what is known of each classifier before it is built; nothing here loads torch.

Top-1 figures are published ones, of the weights or the paper that their source names, at the
side of the entry; where none was found there is none.
"""

from dataclasses import dataclass

from pipeline.common.errors import RecipeError


@dataclass(frozen=True)
class ZooEntry:
    """One architecture.

    Args:
        name: as `[model] arch` has it.
        family: whose relatives it stands with.
        paper: who described it first, and when.
        parameters: trained values with 1000 classes on RGB, at width 1.
        side: the published resolution in pixels, of a square; 32 where it was published for
            something else than pictures.
        top1: published top-1 accuracy on ImageNet in percent, or None.
        top1_source: whose figure `top1` is; empty where there is none.
        small: whether `all-small` tries it: cheap enough to be trained on a few cores.
    """

    name: str
    family: str
    paper: str
    parameters: int
    side: int
    top1: float | None = None
    top1_source: str = ""
    small: bool = False


TORCHVISION = "torchvision, IMAGENET1K_V1"
TIMM = "timm, results-imagenet.csv"

ZOO: tuple[ZooEntry, ...] = (
    ZooEntry("vgg_tiny", "VGG", "none; after Simonyan & Zisserman 2014", 137_304, 32, small=True),
    ZooEntry("resnet8", "ResNet", "Banbury et al. 2021", 142_296, 32, small=True),
    ZooEntry("resnet20", "ResNet", "He et al. 2015", 336_824, 32, small=True),
    ZooEntry("resnet56", "ResNet", "He et al. 2015", 920_120, 32),
    ZooEntry("ds_cnn", "DS-CNN", "Zhang et al. 2017", 86_568, 32, small=True),
    ZooEntry(
        "mobilenet_v2",
        *("MobileNet", "Sandler et al. 2018", 3_504_872, 224),
        top1=71.878,
        top1_source=TORCHVISION,
        small=True,
    ),
    ZooEntry(
        "efficientnet_lite0",
        *("EfficientNet", "Liu 2020, after Tan & Le 2019", 4_652_008, 224),
        top1=74.85,
        top1_source=TIMM,
        small=True,
    ),
)


def entry(name: str) -> ZooEntry:
    """The entry of the architecture `name`.

    Raises:
        RecipeError: there is none of that name.
    """
    for known in ZOO:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in ZOO)
    raise RecipeError(f"model.arch: expected one of {names}, found {name}")
