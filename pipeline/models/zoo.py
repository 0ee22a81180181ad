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
        macs: multiply-accumulates of one such image of that side.
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
    macs: int
    side: int
    top1: float | None = None
    top1_source: str = ""
    small: bool = False


# The weights' own figure, in torchvision 0.28's metadata.
TORCHVISION = "torchvision, IMAGENET1K_V1"
# huggingface/pytorch-image-models, results/results-imagenet.csv at aa4b585.
TIMM = "timm, results-imagenet.csv"

_OWN = "none; after Simonyan & Zisserman 2014"

ZOO: tuple[ZooEntry, ...] = (
    ZooEntry("lenet5", "LeNet", "LeCun et al. 1998", 146_156, 734_880, 32, small=True),
    ZooEntry("vgg_tiny", "VGG", _OWN, 137_304, 9_943_552, 32, small=True),
    ZooEntry("vgg11", "VGG", "Simonyan & Zisserman 2014", 9_738_984, 7_485_968_384, 224),
    ZooEntry("vgg16_slim", "VGG", "Simonyan & Zisserman 2014", 15_236_136, 15_347_142_656, 224),
    ZooEntry(
        "googlenet",
        *("Inception", "Szegedy et al. 2014", 6_624_904, 1_498_376_192, 224),
        top1=69.778,
        top1_source=TORCHVISION,
    ),
    ZooEntry("resnet8", "ResNet", "Banbury et al. 2021", 142_296, 12_564_992, 32, small=True),
    ZooEntry("resnet20", "ResNet", "He et al. 2015", 336_824, 40_876_544, 32, small=True),
    ZooEntry("resnet56", "ResNet", "He et al. 2015", 920_120, 125_811_200, 32),
    ZooEntry(
        "resnet18",
        *("ResNet", "He et al. 2015", 11_689_512, 1_814_073_344, 224),
        top1=69.758,
        top1_source=TORCHVISION,
    ),
    ZooEntry(
        "resnet34",
        *("ResNet", "He et al. 2015", 21_797_672, 3_663_761_408, 224),
        top1=73.314,
        top1_source=TORCHVISION,
    ),
    ZooEntry(
        "squeezenet1_1",
        "SqueezeNet",
        "Iandola et al. 2016",
        1_235_496,
        263_135_936,
        224,
        small=True,
    ),
    ZooEntry("ds_cnn", "DS-CNN", "Zhang et al. 2017", 86_568, 5_290_496, 32, small=True),
    ZooEntry(
        "mobilenet_v1",
        *("MobileNet", "Howard et al. 2017", 4_231_976, 568_740_352, 224),
        top1=75.39,
        top1_source=TIMM,
        small=True,
    ),
    ZooEntry(
        "mobilenet_v2",
        *("MobileNet", "Sandler et al. 2018", 3_504_872, 300_774_272, 224),
        top1=71.878,
        top1_source=TORCHVISION,
        small=True,
    ),
    ZooEntry(
        "mobilenet_v3_small_minimal",
        *("MobileNet", "Howard et al. 2019", 2_044_736, 52_288_448, 224),
        top1=62.89,
        top1_source=TIMM,
        small=True,
    ),
    ZooEntry(
        "mobilenet_v4_conv_small",
        *("MobileNet", "Qin et al. 2024", 3_774_024, 186_005_568, 224),
        top1=73.76,
        top1_source=TIMM,
        small=True,
    ),
    ZooEntry(
        "shufflenet_v2_x0_5",
        *("ShuffleNet", "Ma et al. 2018", 1_366_792, 40_476_448, 224),
        top1=60.552,
        top1_source=TORCHVISION,
        small=True,
    ),
    ZooEntry(
        "shufflenet_v2_x1_0",
        *("ShuffleNet", "Ma et al. 2018", 2_278_604, 144_907_992, 224),
        top1=69.362,
        top1_source=TORCHVISION,
        small=True,
    ),
    ZooEntry(
        "efficientnet_lite0",
        *("EfficientNet", "Liu 2020, after Tan & Le 2019", 4_652_008, 385_187_552, 224),
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
