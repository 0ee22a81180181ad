"""Whether this tree still builds what another one builds, bit for bit: weights, splits, models.

    .venv/bin/python scripts/compare_builds.py OTHER_TREE [--keep FOLDER]

Two small seeded recipes, one of classes and one of drawn texts, are built in both trees, each
by its own environment and with one thread. What has to be equal is compared by hash: the split,
the weights of every training, the float, unrounded and quantised networks, and the TFLite file.
Then a copy of the other tree's run folder is gone on with by this tree: the stages up to the
pruning have to be taken as they are, so their fingerprints are equal, too.

`--keep` leaves the other tree's runs in a folder, and takes them from there the next time.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]

CLASSES = """
name = "classes"
seed = 3

[data]
kind = "digits"
val = 0.1
test = 0.25
calibration = 64
train_limit = 400

[input]
height = 16
width = 16
colour = "gray"
mean = [0.5]
std = [0.5]

[model]
arch = "resnet8"
width = 0.5

[train]
epochs = 4
batch_size = 32
lr = 0.05
ema = 0.9
balance = "weights"
label_smoothing = 0.05
keep = "best"
augment = { shift = 0.08, rotate = 5, zoom = 0.1, brightness = 0.2, contrast = 0.2 }

[prune]
macs = 0.6
importance = "taylor"
distill = 0.7

[prune.train]
epochs = 2
batch_size = 32
lr = 0.02
ema = 0.9
balance = "sampling"

[quantize]
remedies = ["ranges", "finetune"]
aim = 0.0

[quantize.finetune]
epochs = 1
batch_size = 32
optimizer = "adamw"
lr = 0.001

[budget]
max_quantization_drop = 1.0
min_class_recall = 0
"""

TEXTS = """
name = "texts"
seed = 4

[data]
kind = "text-drawn"
count = 240
val = 0.3
test = 0.3
calibration = 16

[text]
charset = "0123456789"
epoch_images = 128
synthetic = { kind = "wheels", share = 0.6, workers = 0 }

[input]
height = 32
width = 64
colour = "gray"
resize = "letterbox"
mean = [0.5]
std = [0.25]

[model]
arch = "ctc_small"
width = 0.25

[train]
epochs = 2
batch_size = 32
optimizer = "adamw"
lr = 0.003
augment = { shift = 0.02, rotate = 1.5, brightness = 0.15 }

[prune]
macs = 0.7
importance = "taylor"

[prune.train]
epochs = 1
batch_size = 32
optimizer = "adamw"
lr = 0.002

[quantize]
remedies = ["equalize", "finetune"]
aim = 0.0

[output]
max_error = 0.5

[budget]
max_quantization_drop = 1.0
"""

RECIPES = {"classes": CLASSES, "texts": TEXTS}
# What an older run may have done already, and must not be done again. The quantisation is, where
# the layout of its ladder.json has changed; what it gives is compared above.
KEPT_STAGES = ("data", "train", "prune")
COMPARED = (
    "data/split.json",
    "train/weights-*.safetensors",
    "prune/weights-*.safetensors",
    "quantize/float.onnx",
    "quantize/unrounded.onnx",
    "quantize/quantised.onnx",
    "export/candidate/model.tflite",
    "verify/bundle/model.tflite",
)


def hashes(run: Path) -> dict[str, str]:
    """SHA-256 of what has to be equal in a run folder, by the pattern that finds it."""
    found = {}
    for pattern in COMPARED:
        paths = sorted(run.glob(pattern))
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths))
        found[pattern] = digest.hexdigest()[:16] if paths else "missing"
    return found


def build(tree: Path, recipe: Path, run: Path) -> str:
    """Build `recipe` into `run` by the environment of `tree`; what was said.

    Raises:
        SystemExit: the build fails for another reason than a gate.
    """
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ""}
    # From the tree itself, wherever its environment would take the packages from.
    program = ["-c", "from pipeline.entry import main; main()"]
    command = [str(tree / ".venv/bin/python"), *program, "build", str(recipe), "--out", str(run)]
    done = subprocess.run(
        command, cwd=tree, env=os.environ | threads, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{tree}: {recipe.stem}: status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def compare(name: str, other: Path, ours: Path, gone_on: str) -> list[str]:
    """What differs between two runs of the recipe `name`, in words."""
    before, after = hashes(other), hashes(ours)
    wrong = [
        f"{name}: {pattern}: expected {before[pattern]}, found {after[pattern]}"
        for pattern in COMPARED
        if before[pattern] != after[pattern] or before[pattern] == "missing"
    ]
    said = gone_on.splitlines()
    wrong += [
        f"{name}: {stage}: expected the other tree's run to be gone on with, found it done again"
        for stage in KEPT_STAGES
        if not any(line.endswith(f"{stage}: unchanged") for line in said)
    ]
    found = f"{len(COMPARED)} hashes, {len(KEPT_STAGES)} fingerprints, {len(wrong)} differ"
    sys.stdout.write(f"{name}: {found}\n")
    for pattern, value in before.items():
        sys.stdout.write(f"  {value}  {pattern}\n")
    return wrong


def main() -> None:
    """Build, go on, compare; status 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        kept = options.keep or work / "other"
        kept.mkdir(parents=True, exist_ok=True)
        for name, text in RECIPES.items():
            # The recipe's path must be the same for both trees: the run keeps its origin.
            recipe = kept / f"{name}.toml"
            recipe.write_text(text, encoding="utf-8")
            if not (kept / name / "report").is_dir():
                build(options.other.resolve(), recipe, kept / name)
            build(HERE, recipe, work / f"{name}-ours")
            shutil.copytree(kept / name, work / f"{name}-again")
            gone_on = build(HERE, recipe, work / f"{name}-again")
            wrong += compare(name, kept / name, work / f"{name}-ours", gone_on)
    sys.stdout.write("\n".join(wrong or ["equal"]) + "\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
