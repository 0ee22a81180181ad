"""Inputs that mean harm, drawn by number: how many, from which seed, and what each must keep to.

EDGEWARD_FUZZ=1 runs them all, as `make fuzz` does; else a fiftieth. EDGEWARD_FUZZ_SEED is the
seed, 0 if it is not given. Every input is drawn from the seed and its own number alone.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SEED = int(os.environ.get("EDGEWARD_FUZZ_SEED", "0"))
ALL = os.environ.get("EDGEWARD_FUZZ", "0") != "0"
SHARE = 50
# Of this process and one input: far beyond what any needs, far below what harms.
MOST_S = 2.0
MOST_GROWTH_KB = 64 * 1024


def numbers(whole: int) -> range:
    """The numbers of the inputs to run, of `whole` that there are."""
    return range(whole if ALL else whole // SHARE)


def draw(kind: str, number: int) -> random.Random:
    """What input `number` of a kind is drawn from."""
    return random.Random(f"{kind} {SEED} {number}")


@contextmanager
def judged(kind: str, number: int, said: object) -> Iterator[None]:
    """Whatever goes wrong inside names the input; and it must not take long."""
    start = time.process_time()
    place = f"{kind}, EDGEWARD_FUZZ_SEED={SEED}, input {number}"
    try:
        yield
    except BaseException as error:
        text = said if isinstance(said, bytes | str) else repr(said)
        raise AssertionError(f"{place}: {type(error).__name__}: {error}\n{text!r}") from error
    took = time.process_time() - start
    assert took < MOST_S, f"{place}: took {took:.1f} s\n{said!r}"


def report(kind: str, taken: int, run: int) -> None:
    """What became of them, for whoever runs them all."""
    print(f"\n{kind}: {taken} of {run} accepted")  # noqa: T201


@contextmanager
def bounded_memory() -> Iterator[None]:
    """What runs inside must not take much memory, not even for a moment."""
    # Linux forgets the largest size so far (proc(5), clear_refs); elsewhere less is noticed.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = _largest_kb()
    yield
    grown = _largest_kb() - before
    assert grown < MOST_GROWTH_KB, f"took {grown} kB more at its largest"


def _largest_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def hurt(data: bytes, rng: random.Random, pieces: list[bytes]) -> bytes:
    """A few bytes changed, left out or repeated, or pieces put in."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0 if changed:
                changed[at % len(changed)] = rng.randrange(256)
            case 1 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case 2:
                del changed[at : at + rng.choice((1, 1, 2, 4, 30))]
            case 3 if pieces:
                changed[at:at] = rng.choice(pieces)
            case 4:
                start = rng.randrange(len(changed) + 1)
                changed[at:at] = changed[start : start + rng.randrange(1, 40)]
            case _ if rng.random() < 0.1:
                del changed[at:]
    return bytes(changed)
