"""Readers learn: the loss is CTC's, batches go on where they stopped, and so does a training."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import Checkpoint, fresh, load_checkpoint, save_checkpoint
from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError, PipelineError
from pipeline.common.progress import Silent
from pipeline.models import ModelSpec
from pipeline.models.macs import cost
from pipeline.pruning.prune import prune
from pipeline.recipe import Augment, PruneRecipe, TrainRecipe
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.ctc import ctc, ctc_losses
from pipeline.tasks.ocr.data.dataset import TextSplit
from pipeline.tasks.ocr.data.feed import Examples, TextFeed
from pipeline.tasks.ocr.data.fitted import FittedTexts, pad, split_targets
from pipeline.tasks.ocr.drawing.render import Synthetic
from pipeline.tasks.ocr.drawing.workers import PicturePool
from pipeline.training.train import train

LINE = InputSpec(height=32, width=64, colour="gray", resize="letterbox", mean=(0.5,), std=(0.25,))
Readings = Callable[..., FittedTexts]
MakeReader = Callable[..., Checkpoint]


def test_the_loss_is_the_sum_over_all_paths() -> None:
    """Against brute force: every path of four steps that collapses to the text, summed."""
    charset = Charset("ab")
    logits = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(0))
    texts = ["ab", "aa", ""]
    targets = torch.from_numpy(pad(texts, charset, 4, texts))
    found = ctc_losses(logits, targets, charset.blank)
    for row, text in enumerate(texts):
        probabilities = logits[row].softmax(dim=1).numpy()
        total = sum(
            float(np.prod([probabilities[t, k] for t, k in enumerate(path)]))
            for path in product(range(3), repeat=4)
            if charset.collapse(np.array(path)) == text
        )
        assert found[row].item() == pytest.approx(-np.log(total), rel=1e-5)
    # Two characters, two, and none, which counts as one.
    wanted = (found / torch.tensor([2.0, 2.0, 1.0])).mean()
    assert ctc(charset.blank)(logits, logits, targets).item() == pytest.approx(wanted.item())


def test_targets_are_filled_up_with_blanks() -> None:
    """Numbers of the characters, then blanks."""
    targets = pad(["ba", ""], Charset("ab"), 3, ["1", "2"])
    assert targets.tolist() == [[1, 0, 2], [2, 2, 2]]


def split_of(texts: tuple[str, ...]) -> TextSplit:
    """Grey pictures, one for each text."""
    names = tuple(f"{number}.png" for number in range(len(texts)))
    return TextSplit(np.full((len(texts), 20, 50), 9, np.uint8), texts, names, names)


def test_a_splits_texts_become_as_long_as_the_network_has_time_steps() -> None:
    """A quarter of its input's width."""
    targets = split_targets(split_of(("12", "")), Charset("0123456789"), LINE)
    assert targets.shape == (2, 16)
    assert targets[0].tolist() == [1, 2, *[10] * 14]


def test_a_text_too_long_for_the_width_is_refused() -> None:
    """Nine digits, eight times the same one, need 17 of 16 time steps."""
    with pytest.raises(DataError) as error:
        split_targets(split_of(("1", "111111111")), Charset("0123456789"), LINE)
    assert str(error.value) == (
        "1.png: expected a text that fits the 16 time steps of an input 64 pixels wide, "
        "found one that needs 17: '111111111'"
    )


@pytest.fixture(scope="module")
def examples(
    readings: Readings, synthetic: Callable[..., Synthetic], digits_charset: Charset
) -> Examples:
    """Half real, half synthetic digits on wheels."""
    spec = synthetic(
        kind="wheels", charset=digits_charset, steps=16, seed=5, strength=0.2, empty=0.0
    )
    pool = PicturePool(spec, LINE)
    return Examples(digits_charset, readings(24, 8), readings(40), pool, share=0.5)


def feed_of(examples: Examples, start: Checkpoint, batch: int = 8) -> TextFeed:
    """Batches that are shifted a little."""
    recipe = TrainRecipe(epochs=1, batch_size=batch, augment=Augment(shift=0.05))
    return TextFeed.of(examples, start.spec, recipe, Ranks())


def test_batches_hold_both_kinds(examples: Examples, reader: MakeReader) -> None:
    """Four real pictures and four synthetic ones, as network inputs with their targets."""
    feed = feed_of(examples, reader())
    assert feed.steps == 10
    inputs, targets = next(iter(feed.batches((3, 0, 0), Ranks())))
    assert (inputs.shape, inputs.dtype) == ((8, 1, 32, 64), torch.float32)
    assert (targets.shape, targets.dtype) == ((8, 16), torch.int64)
    assert examples.pool is not None
    made = next(examples.pool.batches([range(4)]))
    expected = pad(made.texts, examples.charset, 16, made.texts)
    np.testing.assert_array_equal(targets[4:].numpy(), expected)


def test_an_epoch_goes_on_where_it_stopped(examples: Examples, reader: MakeReader) -> None:
    """Starting at step 7 of the second epoch gives its last three batches, bit for bit."""
    feed = feed_of(examples, reader())
    whole, rest = (list(feed.batches((3, 1, first), Ranks())) for first in (0, 7))
    assert (len(whole), len(rest)) == (10, 3)
    for (a, b), (c, d) in zip(whole[7:], rest, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b, d)
    assert not torch.equal(whole[0][0], next(iter(feed.batches((3, 0, 0), Ranks())))[0])


class Oracle(torch.nn.Module):
    """Answers with the targets it was given, one after another, all but the first as wanted."""

    def __init__(self, targets: torch.Tensor, outputs: int) -> None:
        super().__init__()
        self.targets, self.outputs = targets, outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits that say the targets, with a blank after every character."""
        steps = torch.full((len(x), 32), self.outputs - 1)
        steps[:, ::2] = self.targets
        steps[0] = self.outputs - 1
        return torch.nn.functional.one_hot(steps, self.outputs).float() * 50


def test_the_measure_reads_as_the_device_will(examples: Examples, reader: MakeReader) -> None:
    """All texts but one are read: that one's characters are the errors."""
    feed = feed_of(examples, reader())
    targets = torch.from_numpy(examples.val.targets)
    measured = feed.measure(Oracle(targets, examples.charset.outputs), Ranks())
    texts = examples.val.texts
    assert measured.accuracy == pytest.approx(1 - 1 / len(texts))
    assert measured.cer == pytest.approx(len(texts[0]) / sum(map(len, texts)))


def same(a: Checkpoint, b: Checkpoint) -> bool:
    """Whether two networks have the same bits."""
    ours, theirs = a.module.state_dict(), b.module.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


RECIPE = TrainRecipe(epochs=2, batch_size=8, optimizer="adamw", lr=0.01, ema=0.5)


class KilledError(PipelineError):
    """Stands for the end of a process."""


class Killer(Silent):
    """Dies when the first epoch is reported."""

    def say(self, line: str) -> None:
        if line.startswith("train 1/"):
            raise KilledError


def test_a_killed_training_ends_with_the_same_bits(
    examples: Examples, reader: MakeReader, tmp_path: Path
) -> None:
    """Stopped after an epoch and resumed, it gives the weights of the uninterrupted one."""
    whole = train(reader(), examples, RECIPE, seed=2)
    with pytest.raises(KilledError):
        train(reader(), examples, RECIPE, seed=2, resume_folder=tmp_path, progress=Killer())
    lines: list[str] = []

    class Said(Silent):
        def say(self, line: str) -> None:
            lines.append(line)

    resumed = train(reader(), examples, RECIPE, seed=2, resume_folder=tmp_path, progress=Said())
    assert same(whole, resumed)
    assert lines[0] == "train: resumed after 1 epochs and 0 steps"
    assert ", CER " in lines[1]
    record = whole.history[-1]
    assert record.val_cer is not None
    save_checkpoint(whole, tmp_path / "kept")
    assert load_checkpoint(tmp_path / "kept").history == whole.history


def test_a_reader_learns(digits_charset: Charset, synthetic: Callable[..., Synthetic]) -> None:
    """In some seconds a tiny reader learns sixteen digits by heart, all or all but two."""
    spec = InputSpec(height=32, width=32, colour="gray", mean=(0.5,), std=(0.25,))
    clean = synthetic(kind="segments", charset=digits_charset, steps=2, strength=0.0, empty=0.0)
    made = next(PicturePool(clean, spec).batches([range(16)]))
    targets = pad(made.texts, digits_charset, 8, made.texts)
    lessons = FittedTexts(made.pixels, targets, made.texts)
    model = ModelSpec(arch="ctc_small", classes=digits_charset.outputs, input=spec, width=0.25)
    recipe = TrainRecipe(epochs=120, batch_size=16, optimizer="adamw", lr=0.003, ema=0.5)
    start = fresh(model, 0)
    trained = train(start, Examples(digits_charset, lessons, lessons), recipe, seed=0)
    first, last = trained.history[0].val_cer, trained.history[-1].val_cer
    assert first is not None
    assert last is not None
    assert first >= 0.9
    assert last <= 0.125


def test_texts_longer_than_the_networks_steps_are_refused(
    synthetic: Callable[..., Synthetic], examples: Examples, reader: MakeReader
) -> None:
    """A renderer that may write 17 time steps does not go with a network of 16."""
    pool = PicturePool(synthetic(kind="wheels", charset=examples.charset, steps=17), LINE)
    with pytest.raises(DataError) as error:
        feed_of(Examples(examples.charset, examples.val, pool=pool, share=1.0), reader())
    assert str(error.value) == (
        "synthetic: expected texts of at most the 16 time steps of an input 64 pixels wide, "
        "found steps 17"
    )


def test_a_pruned_reader_reads_on(examples: Examples, reader: MakeReader) -> None:
    """Cut to 60 % of its MACs and fine-tuned, it is a reader like any other, outputs and all."""
    start = reader(width=0.5)
    recipe = PruneRecipe(macs=0.6, importance="taylor", train=RECIPE, round_to=4)
    pruned = prune(start, examples, recipe, seed=1)
    share = cost(pruned.module, LINE).macs / cost(start.module, LINE).macs
    assert 0.4 < share <= 0.6
    with torch.no_grad():
        assert pruned.module(torch.zeros(1, 1, 32, 64)).shape == (1, 16, 11)
    assert [step.stage for step in pruned.lineage] == ["prune", "fine-tune"]


def test_label_smoothing_is_refused(examples: Examples, reader: MakeReader) -> None:
    """There are no labels to smooth."""
    recipe = TrainRecipe(epochs=1, label_smoothing=0.1)
    message = r"^train.label_smoothing: expected 0 for texts, found 0.1$"
    with pytest.raises(DataError, match=message):
        train(reader(), examples, recipe, seed=0)


def test_another_charset_is_refused(examples: Examples, reader: MakeReader) -> None:
    """A network for ten characters cannot learn eleven."""
    other = Examples(Charset("0123456789."), examples.val, examples.real)
    with pytest.raises(DataError) as error:
        feed_of(other, reader())
    assert str(error.value) == (
        "charset: expected 10 characters for a network with 11 outputs, found 11"
    )


def test_a_share_without_a_renderer_is_refused(examples: Examples, reader: MakeReader) -> None:
    """Synthetic pictures have to come from somewhere."""
    lacking = Examples(examples.charset, examples.val, examples.real, share=0.5)
    message = r"^train: expected a renderer for a synthetic share of 0.5$"
    with pytest.raises(DataError, match=message):
        feed_of(lacking, reader())
