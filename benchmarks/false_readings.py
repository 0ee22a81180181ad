"""What trained readers make of pictures without text: everything accepted is made up.

    python benchmarks/false_readings.py BUNDLE [BUNDLE ...] [--count 1000] [--data-root D]

Reads crops of photographs, faces, night frames and bare walls (`reading/nothing.py`) as a
stream does: gates, network, the bundle's own threshold; without a pattern, and with that of a
counter of five digits where the charset has them. Prints how many were accepted, and what
stopped the others.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
from conversion.tables import table
from daemon.figures import Figure
from reading.nothing import sources
from record.results import record

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.common.arrays import U8
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.ocr.decode.automaton import Automaton
from edge_agent.tasks.ocr.decode.pattern import compile_pattern
from edge_agent.tasks.ocr.line_reader import LineReader
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.data.root import data_root

COUNTER = "[0-9]{5}"
SEED = 1
HEADER = ("bundle", "pictures", "pattern", "accepted", "read something", "stopped before", "unsure")


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--data-root", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    data = data_root(options.data_root)
    rows = [
        row for path in options.bundles for row in _rows(open_bundle(path), data, options.count)
    ]
    print("\n".join(table(HEADER, rows)))
    record("false_readings", [_figure(*row[:4]) for row in rows])


def _figure(bundle: str, pictures: str, pattern: str, accepted: str) -> Figure:
    count, _, total = accepted.partition(" of ")
    words = f"{bundle}, pattern {pattern}: accepted of {total} pictures of {pictures}"
    return Figure(words, int(count), headline=True)


def _rows(bundle: Bundle, data: Path, count: int) -> Iterator[tuple[str, ...]]:
    spec = bundle.manifest.output
    if not isinstance(spec, TextSpec):
        raise SystemExit(f"{bundle.path}: expected a bundle that reads text")
    patterns: dict[str, Automaton | None] = {"none": None}
    if set("0123456789") <= set(spec.charset):
        patterns[COUNTER] = compile_pattern(COUNTER, spec.charset)
    with TfliteRecognizer(bundle) as recognize:
        read = LineReader(recognize, spec)
        for name, crops in sources(data, count, SEED).items():
            pictures = list(crops)
            for pattern, allowed in patterns.items():
                yield bundle.short_id, name, pattern, *_counted(read, pictures, allowed)


def _counted(read: LineReader, pictures: list[U8], allowed: Automaton | None) -> tuple[str, ...]:
    """How many were accepted, said anything, met a gate before the network, were not sure."""
    seen: Counter[str] = Counter()
    for picture in pictures:
        text, verdict = read(picture, "rgb", allowed)
        seen["accepted"] += verdict.state == "accepted" and bool(text.text)
        seen["said"] += bool(text.text)
        seen["before"] += verdict.why.startswith(("blank", "dark", "blurred"))
        seen["unsure"] += verdict.state != "accepted" and bool(text.text)
    total = len(pictures)
    return tuple(f"{seen[key]} of {total}" for key in ("accepted", "said", "before", "unsure"))


if __name__ == "__main__":
    main()
