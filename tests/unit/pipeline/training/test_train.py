"""The training loop: it learns, repeats itself bit for bit, and survives being killed."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pipeline.checkpoints.history import best_epoch, history_csv
from pipeline.common.errors import RunError, TrainError
from pipeline.common.progress import Silent
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.recipe import Augment, TrainRecipe
from pipeline.tasks.classify.loss import label_loss
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.resume import RESUME_FILE
from pipeline.training.train import _optimizer, train

Splits = tuple[FittedClasses, FittedClasses]
Balance: TypeAlias = Literal["none", "weights", "sampling"]
MakeNetwork = Callable[..., Checkpoint]

SHORT = TrainRecipe(
    epochs=2, batch_size=64, ema=0.9, augment=Augment(shift=0.1, rotate=5, erase=0.2)
)


def weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Every value of the network, statistics included."""
    return checkpoint.module.state_dict()


def same(a: Checkpoint, b: Checkpoint) -> bool:
    """Whether two networks are equal bit for bit."""
    return all(torch.equal(value, weights(b)[name]) for name, value in weights(a).items())


@pytest.fixture(scope="module")
def few_digits(digit_splits: Splits) -> Splits:
    """256 digits to learn, 60 to measure: four steps an epoch."""
    images, val = digit_splits
    return (
        Fitted(images.pixels[:256], images.labels[:256]),
        Fitted(val.pixels[:60], val.labels[:60]),
    )


class Counted:
    """Cross-entropy that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        self.calls += 1
        return F.cross_entropy(logits, labels)


class Said(Silent):
    """Keeps the lines it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def last_accuracy(network: Checkpoint) -> float:
    found = network.history[-1].val_accuracy
    assert found is not None
    return found


def test_it_learns_the_digits(trained_digits: Checkpoint) -> None:
    """Five epochs read over 93 % of the digits held out, and the history says how."""
    history = trained_digits.history
    assert [record.epoch for record in history] == [1, 2, 3, 4, 5]
    assert last_accuracy(trained_digits) > 0.93
    assert history[-1].train_loss < history[0].train_loss / 4
    assert history[0].lr > history[-1].lr
    assert trained_digits.lineage[0].settings["epochs"] == 5


def test_the_history_tells_the_truth(trained_digits: Checkpoint, digit_splits: Splits) -> None:
    """The last validation figures are those of the network that comes out."""
    val = digit_splits[1]
    pixels = torch.from_numpy(val.pixels).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        logits = trained_digits.module((pixels / 255 - 0.3) / 0.35)
    labels = torch.from_numpy(val.labels)
    record = trained_digits.history[-1]
    assert record.val_accuracy == pytest.approx((logits.argmax(1) == labels).double().mean().item())
    assert record.val_loss == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-3)


def test_adamw_learns_too(digit_network: MakeNetwork, digit_splits: Splits) -> None:
    """The other optimiser gets somewhere in two epochs."""
    recipe = TrainRecipe(epochs=2, batch_size=64, optimizer="adamw", lr=0.01, ema=0.9)
    out = train(digit_network("vgg_tiny"), ClassExamples(*digit_splits), recipe, seed=0)
    assert last_accuracy(out) > 0.6


def test_the_start_stays_as_it_was(digit_network: MakeNetwork, few_digits: Splits) -> None:
    """Training leaves its argument alone."""
    start = digit_network(width=0.5)
    train(start, ClassExamples(*few_digits), SHORT, seed=0)
    assert same(start, digit_network(width=0.5))
    assert start.history == ()


def test_a_seed_reproduces_every_bit(digit_network: MakeNetwork, few_digits: Splits) -> None:
    """The same seed gives the same network, whatever else draws numbers; another, another."""
    first = train(digit_network(width=0.5), ClassExamples(*few_digits), SHORT, seed=1)
    torch.manual_seed(99)
    assert same(first, train(digit_network(width=0.5), ClassExamples(*few_digits), SHORT, seed=1))
    assert not same(
        first, train(digit_network(width=0.5), ClassExamples(*few_digits), SHORT, seed=2)
    )


def test_the_average_comes_out(digit_network: MakeNetwork, few_digits: Splits) -> None:
    """Averaged weights differ from the last ones, and without averaging those come out."""
    plain, averaged = (
        train(
            digit_network(width=0.5),
            ClassExamples(*few_digits),
            TrainRecipe(epochs=1, batch_size=64, ema=ema),
            seed=0,
        )
        for ema in (0.0, 0.9)
    )
    assert plain.history[0].train_loss == averaged.history[0].train_loss
    assert not same(plain, averaged)


def test_only_weights_decay(digit_network: MakeNetwork) -> None:
    """Norms and biases are in a group of their own without weight decay."""
    module = digit_network().module
    decayed, free = _optimizer(module, TrainRecipe(epochs=1, weight_decay=0.01)).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.01, 0.0)
    assert {p.ndim for p in decayed["params"]} == {2, 4}
    assert {p.ndim for p in free["params"]} == {1}
    assert len(decayed["params"]) + len(free["params"]) == len(list(module.parameters()))


def test_the_loss_is_the_callers(digit_network: MakeNetwork, few_digits: Splits) -> None:
    """A loss handed in is called once a step with the network's own input."""
    shapes = []

    def loss(inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        shapes.append((tuple(inputs.shape), tuple(logits.shape), tuple(labels.shape)))
        return F.cross_entropy(logits, labels)

    train(digit_network(width=0.5), ClassExamples(*few_digits), SHORT, seed=0, loss=lambda _: loss)
    assert shapes == [((64, 1, 16, 16), (64, 10), (64,))] * 8


def test_divergence_is_an_error(digit_network: MakeNetwork, few_digits: Splits) -> None:
    """A loss that is no number any more is one clear error, not a broken network."""

    def loss(_inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels) * float("nan")

    with pytest.raises(TrainError) as error:
        train(
            digit_network("vgg_tiny"),
            ClassExamples(*few_digits),
            SHORT,
            seed=0,
            loss=lambda _: loss,
        )
    assert str(error.value) == (
        "train: expected a finite loss in epoch 1, found nan; a lower lr than 0.1 may help"
    )


def test_a_finished_run_is_not_repeated(
    digit_network: MakeNetwork, few_digits: Splits, tmp_path: Path
) -> None:
    """With its last state at hand, a finished run gives the same result without a step."""
    loss = Counted()
    first, again = (
        train(
            digit_network(width=0.5),
            ClassExamples(*few_digits),
            SHORT,
            seed=0,
            resume_folder=tmp_path,
            loss=lambda _: loss,
        )
        for _ in range(2)
    )
    assert loss.calls == 8
    assert same(first, again)
    assert first.history == again.history


def test_another_runs_state_is_not_used(
    digit_network: MakeNetwork, few_digits: Splits, tmp_path: Path
) -> None:
    """Another seed, recipe, start or data starts over in the same folder."""
    start, (images, val) = digit_network(width=0.5), few_digits
    changed = Fitted(images.pixels.copy(), images.labels)
    changed.pixels[0, 0, 0, 0] ^= 1
    runs = [
        (start, images, SHORT, 1),
        (start, images, TrainRecipe(epochs=1, batch_size=64), 0),
        (digit_network(width=0.5, seed=1), images, SHORT, 0),
        (start, changed, SHORT, 0),
    ]
    train(start, ClassExamples(images, val), SHORT, seed=0, resume_folder=tmp_path)
    state = (tmp_path / RESUME_FILE).read_bytes()
    for network, data, recipe, seed in runs:
        (tmp_path / RESUME_FILE).write_bytes(state)
        said = Said()
        train(
            network,
            ClassExamples(data, val),
            recipe,
            seed=seed,
            resume_folder=tmp_path,
            progress=said,
        )
        assert said.lines[0].startswith("train 1/")


PATIENT = TrainRecipe(epochs=200, batch_size=64, ema=0.9, patience=2, keep="best")


def test_it_stops_where_validation_no_longer_gets_better(
    digit_network: MakeNetwork, few_digits: Splits
) -> None:
    """So many epochs after the best one, and what was best comes out and is said."""
    said = Said()
    out = train(
        digit_network("vgg_tiny"), ClassExamples(*few_digits), PATIENT, seed=0, progress=said
    )
    best, last = best_epoch(out.history), out.history[-1].epoch
    assert last == best.epoch + 2 < 200
    assert said.lines[-2:] == [
        f"train: stopped after {last} of 200 epochs, none of the last 2 better on validation",
        f"train: the weights of epoch {best.epoch} are kept",
    ]
    val = few_digits[1]
    pixels = torch.from_numpy(val.pixels).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        logits = out.module((pixels / 255 - 0.3) / 0.35)
    found = F.cross_entropy(logits, torch.from_numpy(val.labels)).item()
    assert found == pytest.approx(best.val_loss, rel=1e-3)
    assert out.history[-1].val_loss != pytest.approx(best.val_loss, rel=1e-3)


@pytest.mark.parametrize("balance", ["none", "weights", "sampling"])
def test_a_run_that_was_broken_off_ends_with_the_same_best(
    balance: Balance, digit_network: MakeNetwork, few_digits: Splits, tmp_path: Path
) -> None:
    """Broken off within its third epoch: the same weights, the same end, one whole table."""
    recipe = TrainRecipe(
        epochs=200, batch_size=64, ema=0.9, patience=3, keep="best", balance=balance
    )
    start = digit_network("vgg_tiny")
    straight = train(start, ClassExamples(*few_digits), recipe, seed=0)
    plain = label_loss(recipe, few_digits[0].labels, 10)
    calls = 0

    def breaking(inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise KeyboardInterrupt
        return plain(inputs, logits, labels)

    table = tmp_path / "history.csv"
    again = partial(
        train, start, ClassExamples(*few_digits), recipe, seed=0,
        resume_folder=tmp_path / "resume", store_every_s=0.0, history_file=table,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        again(loss=lambda _: breaking)
    assert len(table.read_text().splitlines()) == 1 + 2
    table.unlink()
    said = Said()
    resumed = again(progress=said)
    assert said.lines[0] == "train: resumed after 2 epochs and 1 steps"
    assert same(straight, resumed)
    figures = [
        [(r.epoch, r.train_loss, r.val_loss) for r in network.history]
        for network in (straight, resumed)
    ]
    assert figures[0] == figures[1]
    assert table.read_text() == history_csv(resumed.history)


def test_the_last_weights_come_out_unless_others_are_asked_for(
    digit_network: MakeNetwork, few_digits: Splits
) -> None:
    """The validation split then has no say in what is learnt."""
    images, val = few_digits
    other = Fitted(val.pixels, (val.labels + 1) % 10)
    runs = [
        train(digit_network("vgg_tiny"), ClassExamples(images, one), SHORT, seed=0)
        for one in (val, other)
    ]
    assert same(*runs)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:1000], lambda _: b"", lambda _: b"\x80\x02junk"]
)
def test_a_damaged_state_is_an_error(
    damage: Callable[[bytes], bytes],
    digit_network: MakeNetwork,
    few_digits: Splits,
    tmp_path: Path,
) -> None:
    """A state file cut off, emptied or of another kind is named, with what to do."""
    start = digit_network(width=0.5)
    train(start, ClassExamples(*few_digits), SHORT, seed=0, resume_folder=tmp_path)
    path = tmp_path / RESUME_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError) as error:
        train(start, ClassExamples(*few_digits), SHORT, seed=0, resume_folder=tmp_path)
    assert str(error.value) == (
        f"{path}: expected the state of a training run, found a damaged file; "
        "remove it to start over"
    )


CHILD = """
import sys
from pathlib import Path
import numpy as np, torch
torch.set_num_threads(1)
from pipeline.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from pipeline.data.fitted import Fitted
from pipeline.common.progress import Lines
from pipeline.recipe import Augment, TrainRecipe
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.train import train
folder = Path(sys.argv[1])
data = np.load(folder / "data.npz")
train_split = Fitted(data["pixels"][:300], data["labels"][:300])
val = Fitted(data["pixels"][300:], data["labels"][300:])
recipe = TrainRecipe(epochs=4, batch_size=16, ema=0.9, augment=Augment(shift=0.1, erase=0.2))
out = train(load_checkpoint(folder / "start"), ClassExamples(train_split, val), recipe, seed=4,
    resume_folder=folder / "resume", store_every_s=0.0, progress=Lines(sys.stdout))
save_checkpoint(out, folder / "out")
"""


def child(folder: Path) -> "subprocess.Popen[str]":
    """The training above in a process of its own; its lines come by pipe."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def wait_for_another(path: Path) -> None:
    """Return once the file at `path` has been replaced."""
    before, deadline = path.stat().st_mtime_ns, time.monotonic() + 60
    while path.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_killed_run_ends_with_the_same_bits(
    digit_network: MakeNetwork, digit_splits: Splits, tmp_path: Path
) -> None:
    """Killed within its third epoch and started again, a run gives the uninterrupted weights."""
    images, _ = digit_splits
    save_checkpoint(digit_network(width=0.5), tmp_path / "start")
    np.savez(tmp_path / "data.npz", pixels=images.pixels[:350], labels=images.labels[:350])
    with child(tmp_path) as first:
        assert first.stdout is not None
        lines = [first.stdout.readline() for _ in range(2)]
        wait_for_another(tmp_path / "resume" / RESUME_FILE)
        first.kill()
    assert lines[1].startswith("train 2/4")
    assert not (tmp_path / "out").exists()
    with child(tmp_path) as second:
        resumed = second.stdout.readline() if second.stdout else ""
        second.communicate()
    assert re.fullmatch(r"train: resumed after 2 epochs and \d+ steps\n", resumed)
    assert " 0 steps" not in resumed
    assert second.returncode == 0

    train_split = Fitted(images.pixels[:300], images.labels[:300])
    val = Fitted(images.pixels[300:350], images.labels[300:350])
    recipe = TrainRecipe(epochs=4, batch_size=16, ema=0.9, augment=Augment(shift=0.1, erase=0.2))
    whole = train(digit_network(width=0.5), ClassExamples(train_split, val), recipe, seed=4)
    found = load_checkpoint(tmp_path / "out")
    assert same(whole, found)
    assert [r.train_loss for r in whole.history] == [r.train_loss for r in found.history]
    assert (tmp_path / "resume" / RESUME_FILE).exists()
