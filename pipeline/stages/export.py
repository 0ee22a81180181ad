"""Quantised ONNX to a candidate bundle: lower, calibrate the confidence, choose golden frames."""

from collections import Counter
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray

from edge_agent.arrays import F32, I8, U8
from edge_agent.bundle.archive import bundle_files, sha256, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import Golden
from edge_agent.network import Network
from pipeline.candidate import TOLERANCE_QUANTA, draft_manifest
from pipeline.data.base import Split
from pipeline.evaluate import device_scores
from pipeline.run import Run, Stage
from pipeline.stages.quantize import QUANTISED_FILE
from pipeline.temperature import fit_temperature
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
    draft = draft_manifest(run, lowered)
    val = run.dataset.val
    with (
        Network(lowered.tflite, draft, threads=1, place=str(work)) as network,
        run.progress.task("export: scoring the validation split", len(val)) as task,
    ):
        scores = device_scores(network, lowered.output, val, task)
        golden = choose_golden(network, val, scores)
    output = msgspec.structs.replace(draft.output, temperature=fit_temperature(scores, val.labels))
    manifest = msgspec.structs.replace(
        draft,
        output=output,
        golden=Golden(frames=len(golden), tolerance_quanta=TOLERANCE_QUANTA),
    )
    write_bundle(bundle_files(manifest, lowered.tflite, golden), work / CANDIDATE)


def choose_golden(network: Network, split: Split, scores: F32) -> tuple[GoldenFrame, ...]:
    """Up to eight real frames with their raw outputs, for any device to reproduce.

    One of each answer before a second of any, so that they exercise the whole output. Each
    one's best class leads by more than twice the tolerance: no permitted difference can then
    change the decoded answer, which the replay compares exactly. Where no image is that
    clear, the clearest one stands alone.

    Args:
        network: the candidate.
        split: real images.
        scores: its (N, K) scores for `split`.
    """
    turns = sorted((turn, i) for i, turn in enumerate(_turns(scores.argmax(axis=1))))
    clear = []
    for _, i in turns:
        frame = _golden_frame(network, split.images[i])
        if _lead(frame.output) > 2 * TOLERANCE_QUANTA:
            clear.append(frame)
        if len(clear) == GOLDEN_FRAMES:
            break
    if clear:
        return tuple(clear)
    ranked = np.sort(scores, axis=1)
    clearest = int((ranked[:, -1] - ranked[:, -2]).argmax())
    return (_golden_frame(network, split.images[clearest]),)


def _golden_frame(network: Network, image: U8) -> GoldenFrame:
    """`image`, made smaller where a photograph would bloat the bundle, and its output."""
    longest = max(image.shape[:2])
    if longest > GOLDEN_SIDE:
        height, width = (max(1, round(n * GOLDEN_SIDE / longest)) for n in image.shape[:2])
        image = np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )
    return GoldenFrame(image, network(image).reshape(-1))


def _turns(answers: NDArray[np.int64]) -> list[int]:
    """For each answer, how many of the same went before it: [a, b, a] gives [0, 0, 1]."""
    seen: Counter[int] = Counter()
    turns = []
    for answer in answers.tolist():
        turns.append(seen[answer])
        seen[answer] += 1
    return turns


def _lead(output: I8) -> int:
    """By how many quanta the best output is ahead of the second."""
    second, best = np.sort(output.astype(np.int32))[-2:]
    return int(best - second)


EXPORT = Stage("export", _inputs, _make)
