"""A real small problem: scikit-learn's digits, learned in a second by a tiny CNN."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from support.learned_digits import Problem
from support.scores import accuracy_of
from torch import nn
from torch.nn import functional as F

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import OutputPort
from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32, I8
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.checkpoints.history import EpochRecord
from pipeline.data.base import SPLIT_NAMES, Split
from pipeline.data.classes import ClassDataset, ClassSplit
from pipeline.ladder.ladder import Goal
from pipeline.measure.evaluate import accuracy
from pipeline.measure.gates import Gate
from pipeline.report.data import NetworkRow, Phase
from pipeline.tasks.classify.report.attention import attend
from pipeline.tasks.classify.report.contents import ClassReport, view
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.data.dataset import TextDataset, TextSplit
from pipeline.tasks.ocr.measure.metrics import exact_match
from pipeline.tasks.ocr.report.contents import TextReport, view_texts

LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RECIPE = """\
name = "digits"
seed = 3

[data]
kind = "digits"  # embedded in scikit-learn

[train]
epochs = 12
lr = 0.01
"""


def rung(name: str, size_bytes: int, **figures: Any) -> NetworkRow:
    """One network of the ladder; 176 of 200 validation images unless said otherwise."""
    plain: dict[str, Any] = {
        "validation": accuracy_of(176, 200),
        "macs": 121_000,
        "parameters": 2_700,
    }
    place = {"measured_on": "a CPU"} if "latency_ms" in figures else {}
    return NetworkRow(name=name, size_bytes=size_bytes, **{**plain, **place, **figures})


def _network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 16, 3, padding=1, stride=2), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
        nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip


def _dataset() -> ClassDataset:
    source = load_digits()
    images = np.clip(source.images * 16, 0, 255).astype(np.uint8)
    order = np.random.default_rng(3).permutation(len(images))
    ids = tuple(f"digits/{i:04d}" for i in range(len(images)))
    every = Split(images, source.target.astype(np.int64), ids)
    bounds = np.split(order, [800, 1000, 1100])
    train, val, calibration, test = (every.select(part) for part in bounds)
    return ClassDataset(
        "digits", train, val, calibration, test, "0" * 64, labels=LABELS,
        notes=("3 copies of a picture follow their first",),
        skipped=("digits/broken.png: cannot be decoded",),
    )  # fmt: skip


def _tensors(split: ClassSplit) -> tuple[torch.Tensor, torch.Tensor]:
    images = np.stack([split.images[i] for i in range(len(split))]).astype(np.float32) / 255
    return torch.from_numpy(images[:, None]), torch.from_numpy(split.labels)


def _train(module: nn.Module, dataset: ClassDataset, epochs: int) -> Phase:
    x, y = _tensors(dataset.train)
    val_x, val_y = _tensors(dataset.val)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.01)
    stats = []
    for epoch in range(1, epochs + 1):
        start, losses = time.perf_counter(), []
        module.train()
        for batch in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(module(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        module.eval()
        with torch.no_grad():
            logits = module(val_x)
        right = float((logits.argmax(1) == val_y).float().mean())
        val_loss = float(F.cross_entropy(logits, val_y))
        seconds = time.perf_counter() - start
        stats.append(EpochRecord(epoch, float(np.mean(losses)), val_loss, right, 0.01, seconds))
    return Phase("training", tuple(stats))


@pytest.fixture(scope="session")
def problem() -> Problem:
    """The network after a dozen epochs; good, but with a few mistakes left to show."""
    torch.manual_seed(3)
    torch.set_num_threads(1)
    dataset, module = _dataset(), _network()
    phase = _train(module, dataset, epochs=12)
    with torch.no_grad():
        logits = module(_tensors(dataset.test)[0]).numpy()
        val = module(_tensors(dataset.val)[0])
    steps = np.linspace(0.3, 3, 55)
    losses = [F.cross_entropy(val / t, torch.from_numpy(dataset.val.labels)) for t in steps]
    return Problem(dataset, module, phase, logits, float(steps[int(np.argmin(losses))]))


@pytest.fixture(scope="session")
def report_data(problem: Problem) -> ClassReport:
    """A report's data in which only the output layer is quantised, coarsely."""
    test, logits = problem.dataset.test, problem.logits
    affine = Affine(scale=float(np.abs(logits).max()) / 100, zero_point=-5)
    raw = affine.quantize(logits)
    coarse = affine.dequantize(raw)
    heat = problem.temperature
    answers = coarse.argmax(axis=1)
    whole, int8 = accuracy(logits, test.labels), accuracy(coarse, test.labels)
    drop = whole.value - int8.value
    wrong = np.flatnonzero(answers != test.labels)[:3]
    right = np.flatnonzero(answers == test.labels)[:6]
    looks = [
        attend(problem.module, problem.inputs(i), test.images[i], int(test.labels[i]), LABELS, heat)
        for i in map(int, (*wrong, *right))
    ]
    return ClassReport(
        name="digits",
        created="2026-11-21T10:32:05+00:00",
        gates=(
            Gate("accuracy", "at least 90.0 %", f"{int8.value:.1%}", int8.value >= 0.9),
            Gate("drop", "at most 1.0 points", f"{100 * drop:.1f} points", drop <= 0.01),
        ),
        rungs=(
            rung("trained", 23_412, test=whole, macs=254_000, parameters=5_500, latency_ms=0.061),
            rung("pruned", 12_034, test=whole),
            rung(
                "int8",
                6_120,
                test=int8,
                validation=accuracy_of(174, 200),
                drop=0.01,
                expected_drop=0.0012,
                met=True,
                chosen=True,
                latency_ms=0.0183,
            ),
        ),
        goal=Goal(0.0025, 0.0025),
        phases=(problem.phase,),
        labels=LABELS,
        test=test,
        scores_float=logits,
        scores_int8=coarse,
        temperature=heat,
        attention=tuple(looks),
        golden=tuple(GoldenFrame(test.images[i], (raw[i : i + 1],)) for i in range(8)),
        golden_port=scores_port(raw[:1], affine),
        golden_tolerance=4,
        data=view(problem.dataset),
        recipe_text=RECIPE,
        versions={"edgeward": "0.1.0", "torch": torch.__version__},
        hashes={"recipe": "0" * 64, "data": "1" * 64},
    )


def scores_port(raw: I8, affine: Affine) -> OutputPort:
    """The port of raw scores for one image."""
    return OutputPort(name="scores", shape=raw.shape, dtype="int8", affine=affine)


def written(text: str, charset: str, steps: int, sure: float) -> F32:
    """(T, K) logits that write `text`: `sure` for what is at each step, 0 for the rest."""
    path = [len(charset)] * steps
    for place, character in enumerate(text):
        path[2 * place] = charset.index(character)
    return np.eye(len(charset) + 1, dtype=np.float32)[path] * np.float32(sure)


def text_split(texts: Sequence[str], name: str) -> TextSplit:
    """Random pictures of `texts`, two of each source, wider the longer the text."""
    noise = np.random.default_rng(len(texts))
    images = tuple(noise.integers(0, 256, (12, 8 + 9 * len(text)), np.uint8) for text in texts)
    ids = tuple(f"{name}/{number}" for number in range(len(texts)))
    sources = tuple(f"{name} {number // 2}" for number in range(len(texts)))
    return TextSplit(images, tuple(texts), ids, sources)


@pytest.fixture(scope="session")
def text_report() -> Callable[..., TextReport]:
    """Makes the report of a reader: `text_report(truth, found, sure, charset, output, **rest)`.

    `found` is what int8 reads, and how `sure` it is of each; float reads the truth. The charset
    is that of all texts unless said otherwise; `output` changes the spec and `rest` the report.
    """

    def make(
        truth: Sequence[str],
        found: Sequence[str] | None = None,
        sure: Sequence[float] | None = None,
        charset: str = "",
        output: dict[str, Any] | None = None,
        **rest: Any,
    ) -> TextReport:
        found = truth if found is None else found
        charset = charset or "".join(sorted({*"".join(truth), *"".join(found)}))
        steps = 2 * max(map(len, (*truth, *found, "-")))
        sure = [9.0] * len(truth) if sure is None else sure
        whole = np.stack([written(text, charset, steps, 9.0) for text in truth])
        pairs = zip(found, sure, strict=True)
        affine = Affine(scale=0.1, zero_point=-3)
        raw = affine.quantize(np.stack([written(text, charset, steps, s) for text, s in pairs]))
        first = Score.of("exact match", exact_match(truth, truth))
        figures: dict[str, Any] = {
            "parameters": 900,
            "macs": 10_000,
            "latency_ms": 0.5,
            "measured_on": "a CPU",
        }
        parts = {name: text_split(truth, name) for name in SPLIT_NAMES}
        dataset = TextDataset(
            "signs", parts["train"], parts["val"], parts["calibration"], parts["test"], "0" * 64,
            charset=Charset(charset), notes=("a note",),
        )  # fmt: skip
        values: dict[str, Any] = {
            "name": "signs",
            "created": "2026-11-21T10:32:05+00:00",
            "gates": (),
            "rungs": (
                NetworkRow(
                    name="trained", validation=first, test=first, size_bytes=4_000, **figures
                ),
                NetworkRow(
                    name="int8",
                    validation=first,
                    test=Score.of("exact match", exact_match(found, truth)),
                    drop=0.0,
                    chosen=True,
                    size_bytes=1_000,
                    **figures,
                ),
            ),
            "phases": (),
            "golden": (GoldenFrame(parts["test"].images[0], (raw[:1],)),),
            "golden_port": scores_port(raw[:1], affine),
            "golden_tolerance": 4,
            "recipe_text": 'name = "signs"\n',
            "spec": TextSpec(charset=tuple(charset), steps=steps, **(output or {})),
            "test": parts["test"],
            "scores_float": whole,
            "scores_int8": affine.dequantize(raw),
            "data": view_texts(dataset),
        }
        return TextReport(**(values | rest))

    return make
