"""`Recipe`: one job from data to verified bundle, but for the tables that a task brings.

Every field is a frozen value; an unknown key, a wrong type or a number out of range is
one `RecipeError` with the key's path; `pipeline.tasks.recipes` decodes it, with the tables
of all tasks. `docs/reference/recipes.md` explains each key to its writer.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args

import msgspec

from edge_agent.bundle.manifest import Budget, InputSpec
from edge_agent.common.strict import Label, Name, Probability
from pipeline.data_recipe import Count, Fraction, RecipeValue
from pipeline.data_recipe import DataRecipe as DataRecipe
from pipeline.data_recipe import TextSet as TextSet
from quantization.recipe import QuantRecipe

# The upper bounds keep out `inf`, which TOML has, and slips of many zeros.
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1000)]
# What `pipeline/models/` can build; named here, where nothing loads torch.
Arch: TypeAlias = Literal[
    "resnet8",
    "resnet20",
    "resnet56",
    "mobilenet_v2",
    "ds_cnn",
    "vgg_tiny",
    "efficientnet_lite0",
    "vgg11",
    "vgg16_slim",
    "resnet18",
    "resnet34",
    "googlenet",
    "squeezenet1_1",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "mobilenet_v1",
    "mobilenet_v3_small_minimal",
    "mobilenet_v4_conv_small",
    "lenet5",
]
# What reads lines of text.
TextArch: TypeAlias = Literal["ctc_small"]
# What may be done about a network that int8 hurts, the cheapest first.
Remedy: TypeAlias = Literal["ranges", "equalize", "rounding", "float-layers", "finetune"]
REMEDIES: tuple[Remedy, ...] = get_args(Remedy)


_Table = TypeVar("_Table", bound=RecipeValue)
# What quantisation alone may cost: a share's own key, else all of it; then those of an error.
LIMITS = ("max_quantization_drop", "max_drop", "max_quantization_rise", "max_rise")
# The keys of the budget that not every task has a use for.
BUDGET_OF_SOME = (
    *("min_balanced_accuracy", "min_class_recall", "min_accuracy"),
    *("max_drop", "max_quantization_drop", "max_error", "max_rise", "max_quantization_rise"),
)


class ModelRecipe(RecipeValue, frozen=True, kw_only=True):
    """Which network.

    Args:
        arch: an architecture of `pipeline/models/`, or a network of one's own: see
            `pipeline.arch`.
        width: the width multiplier of the former.
        blocks: how many of its blocks are kept, from the input on; their last maps are classified.
            None keeps all, and the layers after them.
        weights: trained weights that its training starts from: a known name, or a file;
            `pipeline.weights` has them. None starts from nothing.
        options: what a class of one's own is called with beside the number of classes.
        onnx: instead of `arch`, a float ONNX file that is quantised and proven as it is.
        labels: the classes of an ONNX file in the order of its outputs, where these are not
            those of the data; it may have more of them.
        bgr: whether an ONNX file takes blue first.
    """

    arch: str = ""
    width: Annotated[float, msgspec.Meta(gt=0, le=16)] = 1.0
    blocks: Annotated[int, msgspec.Meta(ge=1)] | None = None
    weights: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    onnx: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    labels: tuple[Label, ...] = ()
    bgr: bool = False

    def __post_init__(self) -> None:
        if bool(self.arch) == (self.onnx is not None):
            found = "both" if self.arch else "none"
            raise ValueError(f"expected arch or onnx, found {found}")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: expected each class once, found one repeated")

    @property
    def network(self) -> str:
        """The architecture, or where the network of one's own is, as `arch` says it."""
        return self.arch if self.onnx is None else f"onnx:{self.onnx}"


class Augment(RecipeValue, frozen=True, kw_only=True):
    """Random changes to training images, as uint8, before the shared preprocessing.

    Args:
        shift: largest translation, as a share of the image's side.
        flip: mirror left to right half the time.
        rotate: largest rotation in degrees.
        zoom: largest relative change of size.
        brightness, contrast, saturation: largest relative change.
        operations: how many changes are drawn at random for each image, of a list of twelve,
            before all others (Cubuk et al. 2020, RandAugment).
        strength: how far these go, as a share of the furthest that is sensible.
        erase: largest side of a square cut out, as a share of the image's side.
    """

    shift: Fraction = 0.0
    flip: bool = False
    rotate: Annotated[float, msgspec.Meta(ge=0, le=180)] = 0.0
    zoom: Fraction = 0.0
    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    saturation: Fraction = 0.0
    operations: Annotated[int, msgspec.Meta(ge=0, le=12)] = 0
    strength: Fraction = 0.3
    erase: Fraction = 0.0


class TrainRecipe(RecipeValue, frozen=True, kw_only=True):
    """The optimisation: cosine schedule with linear warm-up, EMA of the weights.

    Args:
        balance: what is done about uneven classes: `weights` counts each image's loss by how
            rare its class is, `sampling` shows every class as often.
        keep: the weights that come out: the average at the end of the `last` epoch, or at the
            end of the one that was `best` on the validation split.
        patience: stop after so many epochs that were no better on the validation split; 0
            never does.
        epochs: of the whole network; 0 learns the classifier alone, in `head_epochs`.
        head_epochs: passes over the features of the network as it starts, in which its
            classifier is learnt alone; 0 learns all of it together from the first step.
        head_views: how many randomly changed views of each picture they are features of,
            besides the picture as it is.
        backbone_lr: the rate of all but the classifier, as a share of `lr`.
        layer_decay: what of that share each block has, of the one after it.
        norm_momentum: how fast the statistics of batch norm follow the batches; 0 leaves
            them, and uses them in training too.
        mixup, cutmix: the parameter of the Beta distribution that says how much of another
            picture is blended, or pasted, into each; 0 does neither, and both takes turns.
    """

    epochs: Annotated[int, msgspec.Meta(ge=0)]
    balance: Literal["none", "weights", "sampling"] = "none"
    keep: Literal["last", "best"] = "last"
    patience: Annotated[int, msgspec.Meta(ge=0)] = 0
    batch_size: Count = 128
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: Positive = 0.1
    momentum: Fraction = 0.9
    weight_decay: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 5e-4
    warmup_epochs: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 1.0
    label_smoothing: Fraction = 0.0
    ema: Fraction = 0.999
    head_epochs: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    head_views: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    backbone_lr: Fraction = 1.0
    layer_decay: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    norm_momentum: Fraction = 0.1
    mixup: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    cutmix: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    augment: Augment = Augment()

    def __post_init__(self) -> None:
        if self.epochs == 0 and self.head_epochs == 0:
            raise ValueError("epochs: expected at least 1, or head_epochs, found 0 of both")
        if self.head_views > 0 and self.head_epochs == 0:
            raise ValueError("head_views: expected with head_epochs, found alone")


class PruneRecipe(RecipeValue, frozen=True, kw_only=True):
    """Structured pruning, and fine-tuning with distillation from the unpruned network.

    Args:
        macs: multiply-accumulates to keep, as a share of the unpruned network's.
        round_to: surviving channel counts are multiples of this.
        importance: what a channel group is worth: `magnitude` (L2 norm of its weights)
            `taylor` (first-order change of the loss) or `variation` (how much the answers of
            the layers after it would vary without it).
        groups: which channels may go: `all`, or the `inner` ones alone, which no layer outside
            their block sees: a trained network is hurt least there.
        correct_norms: whether the statistics of batch norm are corrected by what the cut has
            changed in what they are given, before the rest is trained.
        train: the fine-tuning.
        distill: weight of the distillation loss in [0, 1]; the rest is the label loss.
        temperature: the distillation's softmax temperature.
    """

    macs: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    round_to: Count = 8
    importance: Literal["magnitude", "taylor", "variation"] = "magnitude"
    groups: Literal["all", "inner"] = "all"
    correct_norms: bool = False
    train: TrainRecipe
    distill: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    temperature: Positive = 4.0


# The classifier alone, on the features of a network that has learnt from other pictures.
HEAD_ONLY = TrainRecipe(epochs=0, head_epochs=100)


class DistillRecipe(RecipeValue, frozen=True, kw_only=True):
    """A larger network whose answers are learnt as well as the labels; it does not ship.

    Args:
        teacher: which network; one of `pipeline/models/`, as a rule with trained weights.
        train: how it learns the data first: its classifier alone, unless this says otherwise.
        share: weight of its answers in the loss; the rest is the labels'.
        temperature: the softmax temperature by which its answers are softened.
    """

    teacher: ModelRecipe
    train: TrainRecipe = HEAD_ONLY
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.7
    temperature: Positive = 4.0


class QuantizeRecipe(QuantRecipe, frozen=True, kw_only=True):
    """How the network is quantised, and what may be tried where that costs too much accuracy.

    The choices of `QuantRecipe` are the first rung of the ladder; `pipeline.ladder` climbs it
    where the budget has a `max_quantization_drop` or a `max_drop`.

    Args:
        remedies: what may be tried; always in the order of `REMEDIES`.
        aim: the expected drop on validation that is good enough; None takes the budget's
            limit, less leaves a margin to what `verify` will count.
        float_share: the largest share of the layers that may be kept in float.
        finetune: the quantisation-aware fine-tuning; None derives it from the training.
    """

    remedies: tuple[Remedy, ...] = REMEDIES
    aim: Probability | None = None
    float_share: Fraction = 0.25
    finetune: TrainRecipe | None = None

    def __post_init__(self) -> None:
        if self.precision != "int8":
            raise ValueError(
                f"precision: expected int8, as every bundle's network is, found {self.precision!r}"
            )
        if len(set(self.remedies)) != len(self.remedies):
            raise ValueError(f"remedies: expected each once, found {', '.join(self.remedies)}")

    @property
    def first(self) -> QuantRecipe:
        """The first rung: the choices alone."""
        return QuantRecipe(**{name: getattr(self, name) for name in QuantRecipe.__struct_fields__})


class OutputRecipe(RecipeValue, frozen=True, kw_only=True):
    """What the device makes of the network's scores.

    Args:
        min_confidence: an answer below it is not `sure`; with 0 every answer is.
        max_error: chooses `min_confidence` for a reader of texts: the lowest at which at most
            this share of the readings that reach it is wrong on the validation split.
    """

    min_confidence: Probability = 0.0
    max_error: Fraction | None = None

    def __post_init__(self) -> None:
        if self.max_error is not None and self.min_confidence:
            raise ValueError(
                "max_error: expected it or min_confidence, which it chooses, found both"
            )


class VerifyRecipe(RecipeValue, frozen=True, kw_only=True):
    """What the candidate is compared with, beside its own float network.

    Args:
        against: an older bundle, whose answers to its golden frames must be kept.
        crops: a text folder, of which at least as many must be read rightly as `against` does.
            Paths start at the data root, then at the recipe's own folder.
    """

    against: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    crops: Annotated[str, msgspec.Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        if self.crops is not None and self.against is None:
            raise ValueError("crops: expected with against, whose readings they judge, found alone")


class Recipe(RecipeValue, frozen=True, kw_only=True):
    """One job; data, input, model and training have to be said."""

    name: Name
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    data: DataRecipe
    input: InputSpec
    model: ModelRecipe
    train: TrainRecipe | None = None
    distill: DistillRecipe | None = None
    prune: PruneRecipe | None = None
    quantize: QuantizeRecipe = QuantizeRecipe()
    output: OutputRecipe = OutputRecipe()
    verify: VerifyRecipe = VerifyRecipe()
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        self.check_task()
        self._check_training()
        aim, name = self.quantize.aim, self.quantization_limit
        most = None if name is None else getattr(self.budget, name)
        if aim is not None and most is not None and aim > most:
            raise ValueError(
                f"quantize.aim: expected at most the budget's {name}, {most}, found {aim}"
            )

    def _check_training(self) -> None:
        """A network that is taken as it is, and no other, is not trained."""
        if self.model.onnx is None and self.train is None:
            raise ValueError(
                "train: expected how the network is trained, found none; only a network of "
                "model.onnx, which has been trained, goes without"
            )
        for key, given in (
            ("train", self.train),
            ("distill", self.distill),
            ("prune", self.prune),
        ):
            if self.model.onnx is not None and given is not None:
                raise ValueError(
                    f"{key}: expected none with model.onnx, which is shipped as it is, found one; "
                    f'arch = "onnx:{self.model.onnx}" trains and prunes it'
                )

    @property
    def quantization_limit(self) -> str | None:
        """The key of the budget that says what quantisation alone may cost: its own, else all."""
        given = (name for name in LIMITS if getattr(self.budget, name, None) is not None)
        return next(given, None)

    def table(self, kind: type[_Table]) -> _Table | None:
        """The table of the type `kind` that a task brings; None where the recipe has none."""
        found = (getattr(self, name) for name in self.__struct_fields__)
        return next((value for value in found if isinstance(value, kind)), None)

    def check_task(self) -> None:
        """Raise `ValueError` unless all keys are for the task that the data are of.

        Nothing here: `pipeline.tasks.recipes` knows the tasks.
        """

    def keys_of_some(self) -> Iterator[tuple[str, bool]]:
        """The keys that not every task has a use for, and whether each is given."""
        trainings = {
            "train": self.train,
            "distill.train": None if self.distill is None else self.distill.train,
            "prune.train": None if self.prune is None else self.prune.train,
            "quantize.finetune": self.quantize.finetune,
        }
        yield "model.blocks", self.model.blocks is not None
        yield "output.max_error", self.output.max_error is not None
        yield "verify.crops", self.verify.crops is not None
        for name, training in trainings.items():
            yield f"{name}.balance", training is not None and training.balance != "none"
            yield f"{name}.mixup", training is not None and training.mixup > 0
            yield f"{name}.cutmix", training is not None and training.cutmix > 0
        for name in BUDGET_OF_SOME:
            yield f"budget.{name}", getattr(self.budget, name, None) is not None
        yield "output.min_confidence", self.output.min_confidence > 0
