"""Quantised ONNX to a candidate bundle: lower, calibrate the confidence, choose golden frames."""

from collections import Counter
from collections.abc import Container, Hashable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx

from edge_agent.bundle.archive import bundle_files, sha256, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.common.arrays import F32, U8
from edge_agent.inference.network import Network
from pipeline.data.base import Dataset, ImageSequence
from pipeline.measure.evaluate import device_scores
from pipeline.measure.lowered_ports import lowered_ports
from pipeline.run.candidate import TOLERANCE_QUANTA, candidate_manifest
from pipeline.run.run import Run, Stage
from pipeline.run.stages.quantize import QUANTISED_FILE
from pipeline.tasks.run_task import RunTask
from quantization.lower import lower

CANDIDATE = "candidate"
GOLDEN_FRAMES = 8
GOLDEN_SIDE = 320


def _inputs(run: Run) -> object:
    return {
        "quantised": run.need("quantize").outputs,
        "split": run.need("data").outputs,
        "recipe": sha256(run.recipe_text),
    }


def _make(run: Run, work: Path) -> None:
    lowered = lower(onnx.load(run.path("quantize") / QUANTISED_FILE))
    ports = lowered_ports(lowered, run.recipe.input)
    val = run.dataset.val.images
    with (
        Network(lowered.tflite, ports, threads=1, place=str(work)) as network,
        run.progress.task("export: scoring the validation split", len(val)) as task,
    ):
        scores = device_scores(network, val, task)
        golden = choose_golden(network, val, scores, run.task, _repeats(run.dataset))
    manifest = candidate_manifest(run, ports, run.task.output(scores), len(golden))
    write_bundle(bundle_files(manifest, lowered.tflite, golden), work / CANDIDATE)


def choose_golden(
    network: Network,
    images: ImageSequence,
    scores: F32,
    task: RunTask,
    repeats: Container[int] = (),
) -> tuple[GoldenFrame, ...]:
    """Up to eight real frames with their raw outputs, for any device to reproduce.

    One of each answer before a second of any, so that they exercise the whole output. Each
    one's margin is more than twice the tolerance: no permitted difference can then change the
    decoded answer, which the replay compares exactly. Where no image is that clear, the
    clearest one stands alone.

    Args:
        network: the candidate.
        images: real images.
        scores: its scores for them.
        task: what scores say, and how clearly.
        repeats: the images that show what another one shows; they come last.
    """
    answers = task.answers(scores)
    order = sorted(range(len(answers)), key=lambda i: i in repeats)
    turns = _turns([answers[i] for i in order])
    ranked = sorted((i in repeats, turn, i) for turn, i in zip(turns, order, strict=True))
    clear = []
    for _, _, i in ranked:
        frame = _golden_frame(network, images[i])
        if task.margin(frame.outputs[0][0].astype(np.float32)) > 2 * TOLERANCE_QUANTA:
            clear.append(frame)
        if len(clear) == GOLDEN_FRAMES:
            break
    if clear:
        return tuple(clear)
    clearest = int(np.argmax([task.margin(row) for row in scores]))
    return (_golden_frame(network, images[clearest]),)


def _repeats(dataset: Dataset[Any]) -> set[int]:
    """The validation images that belong together with an earlier one."""
    group_of = {id_: number for number, ids in enumerate(dataset.groups) for id_ in ids}
    groups = [group_of.get(id_, -1 - place) for place, id_ in enumerate(dataset.val.ids)]
    first = {group: place for place, group in reversed(list(enumerate(groups)))}
    return {place for place, group in enumerate(groups) if first[group] != place}


def _golden_frame(network: Network, image: U8) -> GoldenFrame:
    """`image`, made smaller where a photograph would bloat the bundle, and its output."""
    longest = max(image.shape[:2])
    if longest > GOLDEN_SIDE:
        height, width = (max(1, round(n * GOLDEN_SIDE / longest)) for n in image.shape[:2])
        image = np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )
    return GoldenFrame(image, network(image))


def _turns(answers: Sequence[Hashable]) -> list[int]:
    """For each answer, how many of the same went before it: [a, b, a] gives [0, 0, 1]."""
    seen: Counter[Hashable] = Counter()
    turns = []
    for answer in answers:
        turns.append(seen[answer])
        seen[answer] += 1
    return turns


EXPORT = Stage("export", _inputs, _make)
