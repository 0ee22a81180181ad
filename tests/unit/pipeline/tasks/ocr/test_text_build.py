"""A recipe for texts through every stage: what each of them leaves, and what is refused."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from support.answers import text

from edge_agent.bundle.archive import open_bundle
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.checkpoints.checkpoint import load_checkpoint
from pipeline.common.errors import DataError, GateError, RecipeError
from pipeline.common.progress import SILENT
from pipeline.data.base import SPLIT_NAMES
from pipeline.models.macs import cost
from pipeline.run.build import build
from pipeline.run.run import Run, perform
from pipeline.run.stages.data import DATA
from pipeline.run.stages.quantize import load_ladder
from pipeline.run.stages.report import _gather, load_rungs, report_failure, report_path
from pipeline.run.stages.train import TRAIN
from pipeline.run.stages.verify import VERIFY, bundle_path, load_proof
from pipeline.tasks.ocr.data.dataset import TextDataset
from pipeline.tasks.ocr.drawing.marks.segments import SegmentStyle, draw_segments
from pipeline.tasks.ocr.measure.readings import read_scores
from pipeline.tasks.ocr.measure.thresholds import coverage_curve
from pipeline.tasks.ocr.report.contents import TextReport
from pipeline.tasks.recipes import decode_recipe

RECIPE = """\
name = "counters"
seed = 1
data = { kind = "text-folder", path = "PATH", val = 0.15, test = 0.2, calibration = 16 }
model = { arch = "ctc_small", width = 0.25 }
output = { max_error = 0.02 }
budget = { max_drop = 0.1 }

[input]
height = 32
width = 32
colour = "gray"
mean = [0.5]
std = [0.25]

[text]
charset = "0123456789"
synthetic = { kind = "segments", share = 0.1, strength = 0, fonts = "FONTS", workers = 0 }

[train]
epochs = 40
batch_size = 20
optimizer = "adamw"
lr = 0.003
warmup_epochs = 1
ema = 0.95

[prune]
macs = 0.7
[prune.train]
epochs = 6
batch_size = 20
optimizer = "adamw"
lr = 0.001
ema = 0.95
"""
PICTURES = 200


STYLE = SegmentStyle(
    width=0.5,
    thick=0.14,
    gap=0.0,
    slant=0.0,
    pitch=0.3,
    point=0.1,
    point_apart=False,
    tails=False,
    blunt=False,
)


@pytest.fixture(name="displays", scope="session")
def _displays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text folder of one-digit displays in noise, two pictures of each.

    Easy ones: what is tried here are the stages, and a reader of real displays takes minutes.
    """
    folder = tmp_path_factory.mktemp("displays")
    noise = np.random.default_rng(5)
    with (folder / "labels.tsv").open("w", encoding="utf-8") as table:
        rows = csv.writer(table, delimiter="\t", lineterminator="\n")
        for number in range(PICTURES):
            text = str(number // 2 % 10)
            lit, _ = draw_segments(text, STYLE)
            image = 200 - 150.0 * (lit / 255) + noise.normal(0, 8, lit.shape)
            cv2.imwrite(str(folder / f"{number}.png"), image.astype(np.uint8))
            rows.writerow((f"{number}.png", text, f"display {number // 2}"))
    return folder


@pytest.fixture(name="recipe", scope="session")
def _recipe(displays: Path, font_folder: Path) -> str:
    return RECIPE.replace("PATH", str(displays)).replace("FONTS", str(font_folder))


def opened(folder: Path, recipe: str) -> Run:
    return Run(folder, recipe.encode(), folder / "recipe.toml", None, SILENT)


@pytest.fixture(name="run", scope="session")
def _run(tmp_path_factory: pytest.TempPathFactory, recipe: str) -> Run:
    """The whole run, built once."""
    run = opened(tmp_path_factory.mktemp("counters"), recipe)
    build(run)
    return run


@pytest.fixture(name="spec")
def _spec(run: Run) -> TextSpec:
    spec = open_bundle(bundle_path(run)).manifest.output
    assert isinstance(spec, TextSpec)
    return spec


def test_no_display_is_in_two_splits(run: Run) -> None:
    """The record names every picture once; both of a display are in one split."""
    record = json.loads((run.path("data") / "split.json").read_text())
    splits = record["splits"].values()
    assert sorted(name for split in splits for name in split) == sorted(
        f"{number}.png" for number in range(PICTURES)
    )
    for split in splits:
        numbers = {int(name.removesuffix(".png")) for name in split}
        assert {number ^ 1 for number in numbers} == numbers


def test_it_has_learnt_to_read(run: Run) -> None:
    """Most displays that nobody has seen are read whole, in float and in int8."""
    metrics = load_proof(run).metrics
    assert metrics.float_score.value > 0.6
    assert metrics.int8_score.value > 0.6
    assert metrics.agreement > 0.9
    assert metrics.int8_score.samples == 40


def test_the_pruned_network_is_smaller(run: Run) -> None:
    """At most the recipe's share of the multiply-accumulates, with both trainings on record."""
    trained, pruned = (load_checkpoint(run.path(stage)) for stage in ("train", "prune"))
    spec = trained.spec.input
    assert cost(pruned.module, spec).macs <= 0.7 * cost(trained.module, spec).macs
    assert [step.stage for step in pruned.lineage] == ["train", "prune", "fine-tune"]
    assert pruned.history[-1].val_cer is not None


def test_the_drop_is_judged_by_what_was_read(run: Run) -> None:
    """The ladder has the float network's readings of the validation split, and stays on its aim."""
    ladder = load_ladder(run)
    assert ladder.float_score.samples == 30
    assert ladder.chosen.met


def test_the_devices_code_reads_what_the_proof_counted(run: Run) -> None:
    """Picture by picture, the recogniser gives the text of the kept scores."""
    proof, test = load_proof(run), run.dataset.test
    bundle = open_bundle(bundle_path(run))
    assert isinstance(bundle.manifest.output, TextSpec)
    readings = read_scores(proof.int8_scores, bundle.manifest.output)
    with TfliteRecognizer(bundle) as recognize:
        found = [text(recognize(test.images[i])).text for i in range(len(test))]
    assert found == list(readings.texts)
    right = [read == truth for read, truth in zip(found, test.labels, strict=True)]
    assert proof.metrics.int8_score.value == sum(right) / len(right)


def test_the_threshold_is_the_validation_splits(run: Run, spec: TextSpec) -> None:
    """What is promised was measured: the coverage at the threshold, by the int8 network."""
    assert spec.promise is not None
    assert (spec.promise.error, spec.promise.samples) == (0.02, 30)
    bundle = open_bundle(bundle_path(run))
    val = run.dataset.val
    with TfliteRecognizer(bundle) as recognize:
        scores = np.stack([recognize.scores(recognize.prepare(i))[0][0] for i in images(run)])
    readings = read_scores(scores, spec)
    point = coverage_curve(readings.confidence, readings.right(val.labels)).at(spec.min_confidence)
    assert point.coverage == spec.promise.coverage > 0
    assert point.error <= 0.02
    assert spec.temperature == run.task.truth("val").temperature(scores)


def images(run: Run) -> list[np.ndarray]:
    """The validation pictures."""
    assert isinstance(run.dataset, TextDataset)
    return [run.dataset.val.images[i] for i in range(len(run.dataset.val))]


def test_the_report_is_that_of_the_bundle(run: Run, spec: TextSpec) -> None:
    """Its readings are those of the proof, its threshold the bundle's, its ladder is kept."""
    found, proof = _gather(run).data, load_proof(run)
    assert isinstance(found, TextReport)
    assert found.spec == spec
    assert found.shipped.test == proof.metrics.int8_score == found.score
    assert found.agreement == proof.metrics.agreement
    np.testing.assert_array_equal(found.scores_float, proof.float_scores)
    assert found.data.drawn == 0.1
    assert [split.images for split in found.data.splits] == [
        len(run.dataset.split(name)) for name in SPLIT_NAMES
    ]
    assert [rung.name for rung in load_rungs(run)] == [rung.name for rung in found.rungs]
    assert found.rungs[0].test is not None
    assert found.rungs[0].test.samples == found.images == 40
    html = report_path(run).read_text("utf-8")
    assert "without any error" in html
    assert open_bundle(bundle_path(run)).id in html


def test_readings_that_fail_a_gate_have_a_report_too(run: Run, recipe: str, tmp_path: Path) -> None:
    """The same page as of a bundle, with the gate as its verdict."""
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    refused = opened(folder, recipe.replace("max_drop = 0.1", "max_size_kb = 1"))
    with pytest.raises(GateError, match=r"^budget: size: "):
        perform(refused, VERIFY)
    html = report_failure(refused).read_text("utf-8")
    assert "failed: size; no bundle was written" in html
    assert "without any error" in html


def test_golden_frames_are_read_alike_by_whatever_may_differ(run: Run, spec: TextSpec) -> None:
    """Any change within the tolerance leaves the text of a golden frame: tried at random."""
    bundle = open_bundle(bundle_path(run))
    (port,), quanta = bundle.manifest.outputs, bundle.manifest.golden.tolerance_quanta
    noise = np.random.default_rng(1)
    texts = []
    for frame in bundle.golden:
        raw = frame.outputs[0].astype(np.int32)
        wanted = read_text(port.real(frame.outputs[0]), spec).text
        for _ in range(20):
            changed = raw + noise.choice((-quanta, quanta), raw.shape)
            found = read_text(port.real(np.clip(changed, -128, 127).astype(np.int8)), spec)
            assert found.text == wanted
        texts.append(wanted)
    assert len(set(texts)) == len(texts) > 1


def test_the_number_of_drawing_processes_decides_nothing(run: Run, recipe: str) -> None:
    """The trained network stays up to date; a share of other pictures would train it anew."""
    assert not perform(opened(run.folder, recipe.replace("workers = 0", "workers = 2")), TRAIN)
    other = opened(run.folder, recipe.replace("share = 0.1", "share = 0.2"))
    assert TRAIN.inputs(other) != TRAIN.inputs(run)


def test_fonts_that_changed_stop_what_began_with_them(
    run: Run, recipe: str, tmp_path: Path
) -> None:
    """The font is named, and what to do."""
    begun = opened(tmp_path / "run", recipe)
    perform(begun, DATA)
    fonts = begun.path("data") / "fonts.json"
    rows = json.loads(fonts.read_text())
    first = next(iter(rows))
    fonts.write_text(json.dumps(rows | {first: "0" * 64}))
    with pytest.raises(DataError) as caught:
        TRAIN.make(begun, tmp_path)
    assert str(caught.value) == (
        f"{first}: expected the font that this run began with, found another one; "
        f"put it back, or begin anew without {begun.path('data')}"
    )


def test_an_older_bundles_answers_are_a_gate(run: Run, recipe: str, tmp_path: Path) -> None:
    """The same network keeps them all; the gate is in the proof."""
    old = tmp_path / "old.edgeward"
    old.write_bytes(bundle_path(run).read_bytes())
    crops = decode_recipe(run.recipe_text, "").data.path
    verify = f'verify = {{ against = "{old}", crops = "{crops}" }}\n'
    again = opened(run.folder, recipe.replace("budget =", f"{verify}budget =", 1))
    work = tmp_path / "work"
    kept = run.path("verify")
    moved = tmp_path / "verify"
    moved.mkdir()
    for path in kept.rglob("*"):
        if path.is_file():
            (moved / path.name).write_bytes(path.read_bytes())
    VERIFY.make(again, work)
    gates = {gate["name"]: gate for gate in json.loads((work / "proof.json").read_text())["gates"]}
    assert gates["golden"]["holds"]
    assert gates["crops"]["holds"]
    assert gates["crops"]["demanded"].endswith(
        f"of {PICTURES} right, as {open_bundle(old).short_id}"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('charset = "0123456789"', 'charset = "0012"', "charset: expected distinct printable"),
        ('arch = "ctc_small"', 'arch = "resnet8"', "model.arch: expected ctc_small for kind"),
        ('[text]\ncharset = "0123456789"\n', "[quantize]\n", "text: expected with text-folder"),
        ("max_error = 0.02", "max_error = 0.02, min_confidence = 0.5", "max_error: expected it or"),
        ('kind = "text-folder"', 'kind = "text-sets"', "sets: expected one or more distinct names"),
    ],
)
def test_a_recipe_that_is_not_one_of_texts(recipe: str, old: str, new: str, message: str) -> None:
    """What does not fit together is named by its key."""
    text = recipe.replace(old, new)
    if "[quantize]" in text:
        text = "\n".join(line for line in text.splitlines() if "epoch_images" not in line)
        text = "\n".join(line for line in text.splitlines() if "synthetic" not in line)
    with pytest.raises(RecipeError, match=message):
        decode_recipe(text.encode(), "counters.toml")


def test_a_text_longer_than_the_network_is_wide(recipe: str, tmp_path: Path) -> None:
    """Found before anything is learnt, with the picture's name."""
    folder = tmp_path / "long"
    folder.mkdir()
    lines = [f"{number}.png\t{'12' * 9 if number == 7 else number % 10}" for number in range(60)]
    (folder / "labels.tsv").write_text("\n".join(lines), "utf-8")
    for number in range(60):
        noise = np.random.default_rng(number).integers(0, 256, (8, 20), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), noise)
    displays = msgspec.json.encode(decode_recipe(recipe.encode(), "").data.path).decode()
    run = opened(tmp_path / "run", recipe.replace(displays, f'"{folder}"'))
    with pytest.raises(DataError, match=r"^7\.png: expected a text that fits the 8 time steps"):
        build(run)
