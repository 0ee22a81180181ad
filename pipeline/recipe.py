"""`Recipe`: one job from data to verified bundle, decoded strictly from TOML.

Every field is a frozen value; an unknown key, a wrong type or a number out of range is
one `RecipeError` with the key's path. `docs/reference/recipes.md` explains each key to its writer.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec

from edge_agent.bundle.manifest import Budget, InputSpec
from edge_agent.common.strict import Name, Probability
from edge_agent.common.toml import decode_toml
from pipeline.common.errors import RecipeError
from pipeline.data_recipe import Count, Fraction, RecipeValue
from pipeline.data_recipe import DataRecipe as DataRecipe
from pipeline.data_recipe import TextSet as TextSet
from quantization.recipe import QuantRecipe

# The upper bounds keep out `inf`, which TOML has, and slips of many zeros.
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1000)]
# What `pipeline/models/` can build; named here, where nothing loads torch.
Arch: TypeAlias = Literal["resnet8", "resnet20", "resnet56", "mobilenet_v2", "ds_cnn", "vgg_tiny"]
# What reads lines of text.
TextArch: TypeAlias = Literal["ctc_small"]
# What the synthetic pictures of texts show; `pipeline/tasks/ocr/drawing/render.py` draws them.
TextKind: TypeAlias = Literal["lines", "words", "segments", "wheels", "meter", "dates"]
# What may be done about a network that int8 hurts, the cheapest first.
Remedy: TypeAlias = Literal["ranges", "equalize", "rounding", "float-layers", "finetune"]
REMEDIES: tuple[Remedy, ...] = get_args(Remedy)


class SyntheticRecipe(RecipeValue, frozen=True, kw_only=True):
    """Pictures of texts that are drawn while the network learns.

    Args:
        kind: what they show; see `pipeline.tasks.ocr.drawing.render.Synthetic`.
        share: of each batch, in (0, 1]; the rest is real.
        strength: how hard they are made to read, in [0, 1].
        empty: the share of them that show no text at all.
        fonts: a folder of fonts; None takes the system's.
        workers: processes that draw; 0 draws in the training's own.
    """

    kind: TextKind
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.75
    strength: Probability = 1.0
    empty: Fraction = 0.03
    fonts: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 1


class TextRecipe(RecipeValue, frozen=True, kw_only=True):
    """What is read, where the data are texts.

    Args:
        charset: every character that may be read, each once.
        case: `upper` reads everything in capitals.
        epoch_images: pictures per epoch; 0 takes as many as show every real one once.
        synthetic: the pictures that are drawn; None learns from real ones alone.
    """

    charset: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    case: Literal["keep", "upper"] = "keep"
    epoch_images: Annotated[int, msgspec.Meta(ge=0)] = 0
    synthetic: SyntheticRecipe | None = None

    def __post_init__(self) -> None:
        if len(set(self.charset)) != len(self.charset) or not self.charset.isprintable():
            raise ValueError(
                f"charset: expected distinct printable characters, found {self.charset!r}"
            )


class ModelRecipe(RecipeValue, frozen=True, kw_only=True):
    """Which network: an architecture of `pipeline/models/` and its width multiplier."""

    arch: Arch | TextArch
    width: Annotated[float, msgspec.Meta(gt=0, le=16)] = 1.0


class Augment(RecipeValue, frozen=True, kw_only=True):
    """Random changes to training images, as uint8, before the shared preprocessing.

    Args:
        shift: largest translation, as a share of the image's side.
        flip: mirror left to right half the time.
        rotate: largest rotation in degrees.
        zoom: largest relative change of size.
        brightness, contrast: largest relative change.
        erase: largest side of a square cut out, as a share of the image's side.
    """

    shift: Fraction = 0.0
    flip: bool = False
    rotate: Annotated[float, msgspec.Meta(ge=0, le=180)] = 0.0
    zoom: Fraction = 0.0
    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
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
    """

    epochs: Count
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
    augment: Augment = Augment()


class PruneRecipe(RecipeValue, frozen=True, kw_only=True):
    """Structured pruning, and fine-tuning with distillation from the unpruned network.

    Args:
        macs: multiply-accumulates to keep, as a share of the unpruned network's.
        round_to: surviving channel counts are multiples of this.
        importance: what a channel group is worth: `magnitude` (L2 norm of its weights)
            or `taylor` (first-order change of the loss).
        train: the fine-tuning.
        distill: weight of the distillation loss in [0, 1]; the rest is the label loss.
        temperature: the distillation's softmax temperature.
    """

    macs: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    round_to: Count = 8
    importance: Literal["magnitude", "taylor"] = "magnitude"
    train: TrainRecipe
    distill: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
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
    text: TextRecipe | None = None
    input: InputSpec
    model: ModelRecipe
    train: TrainRecipe
    prune: PruneRecipe | None = None
    quantize: QuantizeRecipe = QuantizeRecipe()
    output: OutputRecipe = OutputRecipe()
    verify: VerifyRecipe = VerifyRecipe()
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        self._check_texts()
        aim, name = self.quantize.aim, self.quantization_limit
        most = None if name is None else getattr(self.budget, name)
        if aim is not None and most is not None and aim > most:
            raise ValueError(
                f"quantize.aim: expected at most the budget's {name}, {most}, found {aim}"
            )

    @property
    def quantization_limit(self) -> Literal["max_quantization_drop", "max_drop"] | None:
        """The key of the budget that says what quantisation alone may cost: its own, else all."""
        if self.budget.max_quantization_drop is not None:
            return "max_quantization_drop"
        return None if self.budget.max_drop is None else "max_drop"

    def _check_texts(self) -> None:
        """Raise unless the data, `[text]`, the network and the output are all of texts, or none."""
        texts = self.data.texts
        if texts != (self.text is not None):
            raise ValueError(
                "text: expected with text-folder, text-sets and text-drawn only, where it must "
                f"be, found kind {self.data.kind!r}"
            )
        if self.data.kind == "text-drawn" and (self.text is None or self.text.synthetic is None):
            raise ValueError("text.synthetic: expected with kind 'text-drawn', found none")
        if texts != (self.model.arch in get_args(TextArch)):
            wanted = get_args(TextArch if texts else Arch)
            raise ValueError(
                f"model.arch: expected {' or '.join(wanted)} for kind {self.data.kind!r}, "
                f"found {self.model.arch!r}"
            )
        for key, value in (
            ("output.max_error", self.output.max_error),
            ("verify.crops", self.verify.crops),
        ):
            if value is not None and not texts:
                raise ValueError(f"{key}: expected with texts only, found kind {self.data.kind!r}")
        trainings = {
            "train": self.train,
            "prune.train": None if self.prune is None else self.prune.train,
            "quantize.finetune": self.quantize.finetune,
        }
        uneven = {
            f"{key}.balance": how is not None and how.balance != "none"
            for key, how in trainings.items()
        }
        for key in ("min_balanced_accuracy", "min_class_recall"):
            uneven[f"budget.{key}"] = getattr(self.budget, key) is not None
        for key, said in uneven.items():
            if said and texts:
                raise ValueError(
                    f"{key}: expected with classes only, found kind {self.data.kind!r}"
                )


def read_recipe(path: Path) -> bytes:
    """The bytes of the recipe file at `path`.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecipeError(
            f"{path}: expected a recipe file, found none ({error.strerror})"
        ) from error


def load_recipe(path: Path) -> Recipe:
    """The recipe in the TOML file at `path`; see `decode_recipe`."""
    return decode_recipe(read_recipe(path), str(path))


def decode_recipe(data: bytes, place: str) -> Recipe:
    """The recipe in the TOML text `data`.

    Raises:
        RecipeError: not TOML, or a key that is unknown, missing, of the wrong type or out
            of range; the message starts with `place` and names the key.
    """
    try:
        return decode_toml(data, Recipe)
    except ValueError as error:
        raise RecipeError(f"{place}: {error}") from error
