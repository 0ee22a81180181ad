"""How well dials with hands are read: drawn ones, and what is made of pictures without any.

    python benchmarks/dials.py [--count 1000] [--data-root D]

Draws meters of four to six dials in many styles, through cameras that are neither good nor
hopeless (`tests/support/drawn_dials.py`), with play in the gears; and cuts rows of four and single
squares out of photographs, night frames and bare walls (`reading/nothing.py`). No real dial is
among them.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from conversion.tables import table
from daemon.figures import Figure
from reading.nothing import sources
from record.results import record

from edge_agent.common.arrays import U8
from edge_agent.tasks.ocr.dials.dials import Dials
from edge_agent.tasks.ocr.dials.reader import DialReader
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region
from pipeline.data.root import data_root

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.drawn_dials import alternating, draw_dials, random_style, random_wear

SEED = 1
PLAY = 0.12
HANDS = 4


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--data-root", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    drawn = _drawn(options.count)
    print("\n".join(table(("drawn meters", "of", "CPU ms a hand"), drawn)))
    rows = [
        (name, *_made_up(list(crops)))
        for name, crops in sources(data_root(options.data_root), options.count, SEED).items()
    ]
    print("\n".join(table(("pictures", "rows of four accepted", "single ones accepted"), rows)))
    counts = [(f"drawn dials, {name}", found) for name, found, _ in drawn]
    for name, several, one in rows:
        counts.append((f"{name}, without dials: rows of four accepted", several))
        counts.append((f"{name}, without dials: single ones accepted", one))
    record("dials", [_figure(name, found) for name, found in counts])


def _figure(name: str, found: str) -> Figure:
    count, _, total = found.partition(" of ")
    return Figure(f"{name}, of {total}", int(count), headline=True)


def _drawn(count: int) -> list[tuple[str, ...]]:
    seen: Counter[str] = Counter()
    hands, spent_s = 0, 0.0
    for seed in range(count):
        rng = np.random.default_rng([SEED, seed])
        number = int(rng.integers(4, 7))
        value = float(rng.uniform(0, 10**number))
        positions = [value / 10 ** (number - 1 - i) % 10 for i in range(number)]
        played = [(p + rng.uniform(-PLAY, PLAY)) % 10 for p in positions[:-1]]
        image = draw_dials(
            [*played, positions[-1]],
            alternating(number),
            int(rng.integers(16, 60)),
            float(rng.uniform(0.05, 0.6)),
            random_style(rng),
            random_wear(rng),
            rng,
        )
        read = _reader(image.shape[1], image.shape[0], number)
        before = time.process_time()
        text, verdict = read(image, "bgr")
        spent_s += time.process_time() - before
        hands += number
        seen[_judged(text.text, int(value), number) if verdict.state == "accepted" else "not"] += 1
    rows = (
        ("read exactly", "exact"),
        ("the last digit off by one", "near"),
        ("accepted and wrong", "wrong"),
        ("not accepted", "not"),
    )
    cost = f"{spent_s / hands * 1000:.1f}"
    return [(name, f"{seen[key]} of {count}", cost) for name, key in rows]


def _judged(text: str, value: int, number: int) -> str:
    off = (int(text) - value) % 10**number
    return {0: "exact", 1: "near", 10**number - 1: "near"}.get(off, "wrong")


def _reader(width: int, height: int, number: int) -> DialReader:
    rect = Region(x=0, y=0, w=width, h=height)
    return DialReader(TextRegion(name="d", rect=rect, dials=Dials(count=number)), "benchmark")


def _made_up(pictures: list[U8]) -> tuple[str, str]:
    accepted: Counter[int] = Counter()
    for picture in pictures:
        height, width = picture.shape[:2]
        for number, part in ((HANDS, width), (1, height)):
            crop = np.ascontiguousarray(picture[:, :part])
            _, verdict = _reader(part, height, number)(crop, "rgb")
            accepted[number] += verdict.state == "accepted"
    several, one = (f"{accepted[number]} of {len(pictures)}" for number in (HANDS, 1))
    return several, one


if __name__ == "__main__":
    main()
