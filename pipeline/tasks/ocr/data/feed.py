"""`TextFeed`: real and synthetic pictures of texts for the training loop, and the measure."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError
from pipeline.models import ModelSpec
from pipeline.models.text.ctc_small import time_steps
from pipeline.recipe import Augment, TrainRecipe
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.ctc import ctc, ctc_losses
from pipeline.tasks.ocr.data.fitted import FittedTexts, pad
from pipeline.tasks.ocr.data.mixing import Mixture
from pipeline.tasks.ocr.drawing.workers import PicturePool
from pipeline.tasks.ocr.measure.metrics import edit_distance
from pipeline.training.augment import augment
from pipeline.training.batches import Images, plain_batches
from pipeline.training.draws import generator
from pipeline.training.feed import EpochMeasure, Place, pick_device
from pipeline.training.objective import Objective, scores_apart

VAL_BATCH = 256


@dataclass(frozen=True, eq=False)
class Examples:
    """What a reader of text learns from, and is measured on.

    Args:
        charset: the network's characters.
        val: the pictures each epoch is measured on.
        real: the real pictures to learn from, if there are any.
        pool: makes the synthetic ones, if there are any; whoever opened it closes it.
        share: of synthetic pictures in each batch, in [0, 1]; 0 without a `pool`.
        epoch_images: pictures per epoch; 0 takes as many as show every real one once.
    """

    charset: Charset
    val: FittedTexts
    real: FittedTexts | None = None
    pool: PicturePool | None = None
    share: float = 0.0
    epoch_images: int = 0

    def objective(self, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks) -> Objective:
        """See `TrainingData`.

        Raises:
            DataError: examples that do not fit the network, or cannot be mixed so.
        """
        if recipe.label_smoothing:
            raise DataError(
                f"train.label_smoothing: expected 0 for texts, found {recipe.label_smoothing}"
            )
        loss = ctc(self.charset.blank)
        return Objective(TextFeed.of(self, spec, recipe, ranks), loss, loss, scores_apart)


@dataclass(frozen=True, eq=False)
class TextFeed:
    """Pictures of texts; the labels of a batch are targets (B, T), see `fitted`."""

    examples: Examples
    mixture: Mixture
    augment: Augment
    train: Images | None
    val: Images

    @classmethod
    def of(cls, examples: Examples, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks) -> Self:
        """What the network of `spec` learns from, on a GPU if there is one.

        Raises:
            DataError: pictures of another shape than the network's input, a charset of another
                size than its outputs, a share of synthetic pictures that cannot be had.
        """
        charset, real = examples.charset, examples.real
        if charset.outputs != spec.classes:
            raise DataError(
                f"charset: expected {spec.classes - 1} characters for a network with "
                f"{spec.classes} outputs, found {charset.outputs - 1}"
            )
        if examples.pool is None and examples.share > 0:
            raise DataError(f"train: expected a renderer for a synthetic share of {examples.share}")
        steps = time_steps(spec.input)
        if examples.pool is not None and examples.pool.synthetic.steps > steps:
            raise DataError(
                f"synthetic: expected texts of at most the {steps} time steps of an input "
                f"{spec.input.width} pixels wide, found steps {examples.pool.synthetic.steps}"
            )
        device = pick_device()
        return cls(
            examples,
            Mixture.of(
                0 if real is None else len(real),
                recipe.batch_size,
                examples.share,
                examples.epoch_images,
                ranks,
            ),
            recipe.augment,
            None if real is None else _images(real, spec, device, "train"),
            _images(examples.val, spec, device, "val"),
        )

    @property
    def device(self) -> torch.device:
        """See `Feed`."""
        return self.val.device

    @property
    def steps(self) -> int:
        """See `Feed`."""
        return self.mixture.steps

    def batches(self, place: Place, ranks: Ranks) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Feed`; the real pictures of a batch come before the synthetic ones."""
        seed, epoch, first = place
        steps = range(first, self.steps)
        made = self._synthetic(epoch, steps, ranks)
        for step in steps:
            parts = [part for part in (self._real(seed, epoch, step, ranks), next(made)) if part]
            pixels, targets = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
            draws = generator(seed, "augment", epoch, step, ranks.rank)
            yield self.val.network_input(augment(pixels, self.augment, draws)), targets

    def sample(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Feed`: the batches of the first epoch."""
        for inputs, labels in self.batches((seed, 0, 0), Ranks()):
            yield inputs.cpu(), labels.cpu()

    @torch.no_grad()
    def measure(self, module: nn.Module, ranks: Ranks) -> EpochMeasure:
        """Mean CTC loss, the share of texts without any error, and the character error rate."""
        losses, right, edits, characters = 0.0, 0, 0, 0
        charset, texts = self.examples.charset, self.examples.val.texts
        mine = iter(texts[ranks.rank :: ranks.world])
        for inputs, targets in plain_batches(self.val, VAL_BATCH, ranks):
            logits = module(inputs)
            losses += float(ctc_losses(logits, targets, charset.blank).sum())
            # `mine` last: zip must not take a text from it that it has no reading for.
            for best, text in zip(logits.argmax(dim=2).cpu().numpy(), mine, strict=False):
                found = charset.collapse(best)
                right += found == text
                edits += edit_distance(found, text)
                characters += len(text)
        sums = torch.tensor([losses, right, edits, characters], dtype=torch.float64)
        loss, exact, wrong, all_ = ranks.total(sums.to(self.device)).tolist()
        return EpochMeasure(loss / len(texts), exact / len(texts), wrong / max(all_, 1))

    def content(self) -> Iterator[object]:
        """See `Feed`."""
        examples = self.examples
        for split in (examples.real, examples.val):
            if split is not None:
                yield split.pixels.data
                yield split.targets.data
        yield [examples.charset.characters, asdict(self.mixture)]
        if examples.pool is not None:
            yield examples.pool.synthetic.identity()

    def _real(self, seed: int, epoch: int, step: int, ranks: Ranks) -> tuple[Tensor, Tensor] | None:
        if self.train is None or not self.mixture.real:
            return None
        return self.train.batch(self.mixture.real_numbers(seed, epoch, step, ranks))

    def _synthetic(
        self, epoch: int, steps: range, ranks: Ranks
    ) -> Iterator[tuple[Tensor, Tensor] | None]:
        """One part of a batch for each of `steps`; None where no picture is synthetic."""
        pool = self.examples.pool
        if pool is None or not self.mixture.synthetic:
            yield from (None for _ in steps)
            return
        numbers = (self.mixture.synthetic_numbers(epoch, step, ranks) for step in steps)
        width = self.val.labels.shape[1]
        for pictures in pool.batches(numbers):
            places = [f"synthetic {text!r}" for text in pictures.texts]
            targets = torch.from_numpy(pad(pictures.texts, self.examples.charset, width, places))
            pixels = torch.from_numpy(pictures.pixels)
            yield pixels.to(self.device), targets.to(self.device)


def _images(split: FittedTexts, spec: ModelSpec, device: torch.device, name: str) -> Images:
    """`split` as the loop's images, whose labels are rows of targets."""
    expected = (len(split), *spec.input.shape[1:])
    steps = (len(split), time_steps(spec.input))
    if not len(split) or split.pixels.shape != expected or split.targets.shape != steps:
        raise DataError(
            f"{name}: expected one or more uint8 images of shape {expected[1:]} with texts of "
            f"{steps[1]} time steps, found pixels {split.pixels.shape} and targets "
            f"{split.targets.shape}"
        )
    mean, std = (
        torch.from_numpy(np.asarray(values, np.float32)).to(device)
        for values in (spec.input.mean, spec.input.std)
    )
    pixels, targets = torch.from_numpy(split.pixels), torch.from_numpy(split.targets)
    return Images(pixels, targets, mean, std, device)
