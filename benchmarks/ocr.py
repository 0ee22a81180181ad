"""Reading text beside Tesseract and a meter reader: held-out pictures, one thread, in turns.

    python benchmarks/ocr.py [--lines RUN] [--words RUN] [--meter RUN] [--display RUN]
        [--json FILE] [--data-root D]

Each RUN is the finished folder of recipes/ocr-lines.toml, ocr-words.toml, ocr-meter.toml and
ocr-display.toml (or of recipes like them); one that is not there is left out. The pictures are
those of the run's own test split. Ours is the verified int8 bundle by the device's own code: gates,
preprocessing, network and decoding. Prints, with each target and whether it is met:

- receipt lines (SROIE) and words (IIIT5K), Tesseract with `--psm 7` and `--psm 8`, each with
  the picture as it is and twice as large; Tesseract's time is without its start;
- digits of meters beside the int8 network that comes with the pictures, and its float one;
- seven-segment displays of petrol pumps;
- what int8 costs, and the share of readings that can be trusted;
- what a meter's region costs beside the bare invoke of its network.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
from conversion.tables import table
from daemon.figures import Figure
from reading.contest import Answers, Contender, Row, contest, row, sign_test, within
from reading.ours import ERRORS, Int8, Tested, reading, tested
from reading.peer import FLOAT, INT8, DigitReader
from reading.region import RegionCost, region_cost
from reading.tesseract import (
    LINE,
    WORD,
    Tesseract,
    TesseractMissingError,
    start_again_on_one_thread,
)
from record.results import record

from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.inference.runtime import machine_name
from edge_agent.tasks.ocr.decode.pattern import compile_pattern
from pipeline.data.root import data_root
from pipeline.measure.wording import shown
from pipeline.tasks.ocr.data.dataset import TextSplit

OURS = "ours, int8"
LINE_TIME, WORD_GAIN, SEGMENTS, DROP, REGION_RATIO = 0.5, 2.0, 0.90, 0.3, 2.0
A_WHEEL = "[0-9?]"
RUNS = ("lines", "words", "meter", "display")


@dataclass(frozen=True)
class Part:
    """One table: what was read, and by whom.

    Args:
        name: of the pictures.
        pictures: how many.
        rows: a row for each contender.
        verdicts: each target, and whether it is met.
    """

    name: str
    pictures: int
    rows: tuple[Row, ...]
    verdicts: tuple[str, ...]


def main() -> None:
    """Compare and print."""
    options = _options()
    start_again_on_one_thread()
    cv2.setNumThreads(1)
    data = data_root(options.data_root)
    print(f"{machine_name()}, {os.cpu_count()} cores, one thread\n")
    runs = {
        name: tested(folder, data)
        for name, folder in vars(options).items()
        if name in RUNS and folder.is_dir()
    }
    parts: list[Part] = []
    try:
        for name, run in runs.items():
            for part in _parts(name, run, data):
                parts.append(part)
                _print(part)
    except TesseractMissingError as error:
        raise SystemExit(f"{error}") from error
    cost = region_cost(runs["meter"].bundle) if "meter" in runs else None
    for lines in (int8_table(runs), region_lines(cost)):
        print("\n".join(lines), end="\n\n")
    if options.json:
        document = {
            "machine": machine_name(),
            "parts": parts,
            "int8": {name: run.int8 for name, run in runs.items()},
            "region": cost,
        }
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
    record("ocr", [*_figures(parts, runs), *_region_figures(cost)])


def _figures(parts: list[Part], runs: dict[str, Tested]) -> Iterator[Figure]:
    """Ours beside the best of the others in each part, and what int8 cost each run."""
    for part in parts:
        mine, *others = part.rows
        best = max((each.exact.value for each in others), default=0.0)
        errors = 100 * mine.error_rate_any_case
        words = f"{part.name}, {part.pictures}"
        beside = f"{shown(mine.exact)}; the best other {100 * best:.1f} %"
        yield Figure(
            f"{words}: read exactly", 100 * mine.exact.value, "%", beside=beside, headline=True
        )
        lowest = min((each.error_rate_any_case for each in others), default=None)
        most = None if lowest is None else round(100 * lowest, 2)
        yield Figure(f"{words}: character errors", round(errors, 2), "%", at_most=most)
        yield Figure(f"{words}: median time", mine.median_ms, "ms")
    for name, run in runs.items():
        yield Figure(f"{name}: drop from float to int8", run.int8.drop, "points", at_most=DROP)
        yield Figure(f"{name}: TFLite file", run.int8.model_bytes / 1000, "kB")


def _region_figures(cost: RegionCost | None) -> Iterator[Figure]:
    if cost is not None:
        words = f"{cost.region_us:.0f} of {cost.invoke_us:.0f} µs"
        name = "a meter's region over a bare invoke"
        yield Figure(name, round(cost.ratio, 1), at_most=REGION_RATIO, beside=words)


def _parts(name: str, run: Tested, data: Path) -> Iterator[Part]:
    match name:
        case "lines":
            yield lines(run)
        case "words":
            yield words(run)
        case "meter":
            yield meter_digits(run, data / "meter-digits")
            yield segments(run)
        case "display":
            yield segments(run)


def lines(run: Tested) -> Part:
    """Lines of receipts, without regard to case: the labels have none."""
    split = run.of_set("sroie")
    answers = _with_tesseract(run, split, LINE)
    mine, *others = (row(each, split.labels) for each in answers)
    best = min(others, key=lambda each: each.error_rate_any_case)
    time = max(mine.mean_ms / best.mean_ms, mine.median_ms / best.median_ms)
    verdicts = (
        _verdict(
            f"character error rate below the best of Tesseract's: "
            f"{100 * mine.error_rate_any_case:.2f} % and {100 * best.error_rate_any_case:.2f} %",
            mine.error_rate_any_case < best.error_rate_any_case,
        ),
        _verdict(
            f"at most {LINE_TIME} of that one's time, by mean and by median: {time:.3f}",
            time <= LINE_TIME,
        ),
    )
    return Part("receipt lines (sroie)", len(split), (mine, *others), verdicts)


def words(run: Tested) -> Part:
    """Words out of photographs; Tesseract's also without what is no letter and no digit."""
    split = run.of_set("iiit5k")
    answers = _with_tesseract(run, split, WORD)
    rows = tuple(row(each, split.labels) for each in _and_within(answers, run))
    mine, plain = rows[0], rows[1:3]
    best = max(plain, key=lambda each: each.exact.value)
    gain = mine.exact.value / best.exact.value if best.exact.value else float("inf")
    verdicts = (
        _verdict(f"{WORD_GAIN:g} times Tesseract's exact words: {gain:.2f}", gain >= WORD_GAIN),
    )
    return Part("scene words (iiit5k)", len(split), rows, verdicts)


def segments(run: Tested) -> Part:
    """Displays of petrol pumps, none of which was in another split."""
    split = run.of_set("gaspump-7seg")
    answers = _with_tesseract(run, split, LINE)
    rows = tuple(row(each, split.labels) for each in _and_within(answers, run))
    found = rows[0].exact
    verdict = _verdict(
        f"at least {100 * SEGMENTS:.0f} % exact: {shown(found)}", found.value >= SEGMENTS
    )
    name = f"seven-segment displays (gaspump-7seg) by {run.name}"
    return Part(name, len(split), rows, (verdict,))


def meter_digits(run: Tested, place: Path) -> Part:
    """Single wheels, beside the network that comes with the pictures."""
    split = run.of_set("meter-digits")
    wheel = compile_pattern(A_WHEEL, run.spec.charset)
    with TfliteRecognizer(run.bundle) as recognize, ExitStack() as stack:
        peer = stack.enter_context(DigitReader(place / INT8))
        real = stack.enter_context(DigitReader(place / FLOAT))
        contenders = (
            Contender(OURS, reading(recognize, run.spec)),
            Contender("the peer's int8", peer.read),
            Contender("the peer's float", real.read),
            Contender(f"{OURS}, one wheel told", reading(recognize, run.spec, wheel)),
        )
        answers = contest(split.images, contenders)
    right = [[a == b for a, b in zip(each.texts, split.labels, strict=True)] for each in answers]
    wrong = [len(split) - sum(each) for each in right]
    alone, others, chance = sign_test(right[0], right[1])
    verdicts = (
        _verdict(
            f"fewer errors than the peer's int8: {wrong[0]} and {wrong[1]} (only ours right "
            f"{alone}, only the peer's {others}, p = {chance:.2g})",
            wrong[0] < wrong[1],
        ),
        _verdict(
            f"no larger file: {run.int8.model_bytes:,} and {peer.size:,} bytes",
            run.int8.model_bytes <= peer.size,
        ),
        "The peer does not say which pictures it learnt from: it may have seen these.",
    )
    rows = tuple(row(each, split.labels) for each in answers)
    return Part("wheels (meter-digits)", len(split), rows, verdicts)


def int8_table(runs: dict[str, Tested]) -> Iterator[str]:
    """Exact match in float and int8, and coverage, of each run's whole test split."""
    rows, met = [], 0
    for run in runs.values():
        found: Int8 = run.int8
        met += found.drop <= DROP
        coverage = [f"{100 * share:.1f} %" for share in found.coverage]
        promised = ""
        if found.promised is not None and run.spec.promise is not None:
            point = found.promised
            promised = (
                f"{100 * point.coverage:.1f} %, {100 * point.error:.2f} % wrong "
                f"(promised {100 * run.spec.promise.error:g} %)"
            )
        size = f"{found.model_bytes / 1000:.1f}"
        marks = (shown(found.real), shown(found.int8), f"{found.drop:+.2f}")
        rows.append([run.name, *marks, *coverage, promised, size])
    at = [f"coverage at {100 * error:g} % wrong" for error in ERRORS]
    head = ["run", "float exact", "int8 exact", "drop (points)", *at, "at its threshold", "kB"]
    yield from table(head, rows)
    yield f"Target: a drop of at most {DROP} points: {met} of {len(runs)}"


def region_lines(cost: RegionCost | None) -> Iterator[str]:
    """The region's time, and where it goes."""
    if cost is None:
        yield "a meter's region: no run of a meter"
        return
    yield f"a meter's region: {cost.region_us:.0f} us, read {cost.text!r}, {cost.state}"
    yield f"bare invoke: {cost.invoke_us:.0f} us"
    yield ", ".join(f"{name} {took:.0f} us" for name, took in cost.steps_us.items())
    yield _verdict(
        f"at most {REGION_RATIO:g} times the bare invoke: {cost.ratio:.2f}",
        cost.ratio <= REGION_RATIO,
    )


def _with_tesseract(run: Tested, split: TextSplit, segmentation: int) -> list[Answers]:
    """Ours, and Tesseract with the pictures as they are and twice as large."""
    with TfliteRecognizer(run.bundle) as recognize, ExitStack() as stack:
        contenders = [Contender(OURS, reading(recognize, run.spec))]
        for times in (1, 2):
            other = stack.enter_context(Tesseract(segmentation, times))
            name = f"Tesseract {other.version} --psm {segmentation}, {times}x"
            contenders.append(Contender(name, other.read, other.prepare))
        return contest(split.images, contenders)


def _and_within(answers: Sequence[Answers], run: Tested) -> list[Answers]:
    """`answers`, and those of the others once more in our characters only."""
    return [*answers, *(within(each, run.spec.charset) for each in answers[1:])]


def _verdict(what: str, met: bool) -> str:
    return f"Target: {what}: {'met' if met else 'NOT met'}"


def _print(part: Part) -> None:
    rows = [
        [
            each.name,
            shown(each.exact),
            shown(each.exact_any_case),
            f"{100 * each.error_rate_any_case:.2f} %",
            f"{each.median_ms:.3f}",
            f"{each.mean_ms:.3f}",
        ]
        for each in part.rows
    ]
    head = [f"{part.name}, {part.pictures}", "exact", "any case", "CER, any case"]
    print("\n".join(table([*head, "median ms", "mean ms"], rows)))
    print("\n".join(part.verdicts), end="\n\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name in RUNS:
        parser.add_argument(f"--{name}", type=Path, default=Path(f"runs/ocr-{name}"))
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--json", type=Path, help="everything measured, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
