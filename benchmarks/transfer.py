"""What trained weights make of few pictures: accuracy, size, cost and time.

    python benchmarks/transfer.py [--parts photos,few,persons] [--draws 3] [--data-root D]

`photos` builds recipes/photos.toml on the 1,120 photographs of cats and dogs; `few` builds
recipes/few-photos.toml on 100 and on 20 of them, as many draws as asked for, and tests on 448
others; `persons` builds recipes/persons.toml on Penn-Fudan and coco256. Every split and every draw
is by a seed. Seconds are of the whole command, on whatever else the machine does; processor
seconds are those of all its threads.
"""

import argparse
import csv
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.figures import Figure
from record.results import record

from pipeline.checkpoints.checkpoint import load_checkpoint
from pipeline.data.root import data_root
from pipeline.measure.wording import shown
from pipeline.models import ModelSpec, build
from pipeline.models.macs import cost
from pipeline.models.zoo import entry
from pipeline.report.data import NetworkRow
from pipeline.run.stages.report import load_rungs
from pipeline.run.start import open_run

ROOT = Path(__file__).parents[1]
# Of each class, for the draws of few.
TEST_IMAGES = 224
# How long a training from nothing took on the same data to reach 75.3 % of 279 photographs
# (docs/howto/own-images.md): measured on 2026-11-21, not again here.
SCRATCH_SECONDS = 72 * 60


@dataclass(frozen=True)
class Built:
    """What a build came to.

    Args:
        rows: the networks of its report, the shipped one among them.
        seconds, cpu_seconds: of the whole command.
        folder: the run.
    """

    rows: tuple[NetworkRow, ...]
    seconds: float
    cpu_seconds: float
    folder: Path

    @property
    def shipped(self) -> NetworkRow:
        """The network that the bundle has."""
        return next(row for row in self.rows if row.chosen)

    @property
    def accuracy(self) -> float:
        """Of the shipped network on the test split, in percent."""
        score = self.shipped.test
        assert score is not None, "verify measured it"
        return 100 * score.value


def main() -> None:
    """Build, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default="photos,few,persons")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--data-root", type=Path)
    options = parser.parse_args()
    root = data_root(options.data_root)
    parts = {"photos": _photos, "few": _few, "persons": _persons}
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.parts.split(","):
            place = Path(folder) / name
            place.mkdir()
            figures += parts[name](root, place, options.draws)
    record("transfer", figures)


def _photos(root: Path, work: Path, _draws: int) -> Iterator[Figure]:
    _unpack(root / "cats-dogs" / "cats-dogs-train.tar.gz", work)
    (work / "train").rename(work / "photos")
    made = _build("photos", root, work)
    whole = _macs_at_published_side("efficientnet_lite0")
    name = "photos, 1,120 of two classes"
    yield Figure(
        f"{name}: int8, right of {_samples(made)}",
        made.accuracy,
        "%",
        at_least=97,
        beside=_words(made),
    )
    yield Figure(
        f"{name}: multiply-accumulates of EfficientNet-Lite0 at 224 pixels over those shipped",
        whole / made.shipped.macs,
        at_least=2,
        beside="160 pixels, and a tenth pruned away",
    )
    yield from _float_to_int8(name, made)
    yield from _time(name, made, at_most=12 * 60)
    yield Figure(
        f"{name}: seconds until validation is better than 75.3 %, over those of training from "
        "nothing",
        _seconds_to(made, 0.753) / SCRATCH_SECONDS,
        at_most=0.1,
        beside="image-folder.toml: 72 minutes, recorded on 2026-11-21",
    )


def _seconds_to(made: Built, accuracy: float) -> float:
    """From the start of the training to the end of the first epoch that was as good."""
    seconds = 0.0
    for epoch in load_checkpoint(made.folder / "train").history:
        seconds += epoch.seconds
        if (epoch.val_accuracy or 0) > accuracy:
            return seconds
    return float("inf")


def _few(root: Path, work: Path, draws: int) -> Iterator[Figure]:
    _unpack(root / "cats-dogs" / "cats-dogs-train.tar.gz", work)
    for count, least in ((100, 94), (20, 88)):
        made = []
        for draw in range(1, draws + 1):
            place = work / f"{count}-{draw}"
            _draw(work / "train", place / "photos", count, draw)
            made.append(_build("few-photos", root, place))
        found = [one.accuracy for one in made]
        name = f"{count} photos in all, {draws} draws"
        spread = f"{min(found):.1f} to {max(found):.1f} %"
        yield Figure(
            f"{name}: int8, mean", statistics.mean(found), "%", at_least=least, beside=spread
        )
        yield Figure(f"{name}: the lowest", min(found), "%")
        yield Figure(f"{name}: seconds, the most", max(one.seconds for one in made), "s")


def _persons(root: Path, work: Path, _draws: int) -> Iterator[Figure]:
    _unpack(root / "penn-fudan" / "penn_fudan.tar.gz", work / "penn")
    _unpack(root / "coco256" / "coco256_yolo.tar.gz", work / "coco")
    for name in ("person", "nobody"):
        (work / "persons" / name).mkdir(parents=True)
    for path in sorted((work / "penn" / "images").iterdir()):
        shutil.copy(path, work / "persons" / "person" / path.name)
    with (work / "coco" / "person_labels.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            path = work / "coco" / row["image"]
            label = "person" if row["person"] == "1" else "nobody"
            shutil.copy(path, work / "persons" / label / path.name)
    made = _build("persons", root, work)
    name = "persons at 96 pixels"
    yield Figure(
        f"{name}: int8, right of {_samples(made)}",
        made.accuracy,
        "%",
        at_least=82,
        beside=_words(made),
    )
    yield Figure(f"{name}: TFLite file", made.shipped.size_bytes / 1000, "kB", at_most=325)
    yield from _float_to_int8(name, made)
    yield from _time(name, made)


def _float_to_int8(name: str, made: Built) -> Iterator[Figure]:
    real = next(row.test for row in reversed(made.rows) if row.test is not None and not row.chosen)
    yield Figure(f"{name}: float to int8", 100 * real.value - made.accuracy, "points", at_most=0.3)


def _time(name: str, made: Built, at_most: float | None = None) -> Iterator[Figure]:
    yield Figure(f"{name}: the whole build", made.seconds, "s", at_most=at_most)
    yield Figure(f"{name}: processor time of it", made.cpu_seconds, "s")


def _words(made: Built) -> str:
    score = made.shipped.test
    return "" if score is None else shown(score)


def _samples(made: Built) -> int:
    score = made.shipped.test
    return 0 if score is None else score.samples


def _macs_at_published_side(arch: str) -> int:
    import torch

    from edge_agent.bundle.manifest import InputSpec

    side = entry(arch).side
    spec = InputSpec(
        height=side, width=side, colour="rgb", resize="crop", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    with torch.device("meta"):
        return cost(build(ModelSpec(arch=arch, classes=1000, input=spec)), spec).macs


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


def _draw(source: Path, target: Path, count: int, seed: int) -> None:
    """As many of each class for `train`, and others for `test`."""
    draws = random.Random(seed)
    for folder in sorted(source.iterdir()):
        paths = sorted(folder.iterdir())
        draws.shuffle(paths)
        half = count // 2
        for part, chosen in (("train", paths[:half]), ("test", paths[half : half + TEST_IMAGES])):
            (target / part / folder.name).mkdir(parents=True)
            for path in chosen:
                shutil.copy(path, target / part / folder.name / path.name)


def _build(recipe: str, root: Path, work: Path) -> Built:
    """`edgeward build` of a committed recipe, its data below `work`, in a process of its own."""
    out, path = work / "run", ROOT / "recipes" / f"{recipe}.toml"
    environment = os.environ | {"EDGEWARD_WEIGHTS": str(root / "weights")}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "pipeline.cli", "build", str(path)]
    subprocess.run(
        [*command, "--data-root", str(work), "--out", str(out)],
        check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = load_rungs(open_run(out, None, work, sys.stderr))
    made = Built(rows, seconds, spent, out)
    print(f"{recipe}: {_words(made)}, {seconds:.0f} s, {spent:.0f} s of processor time", flush=True)
    return made


if __name__ == "__main__":
    main()
