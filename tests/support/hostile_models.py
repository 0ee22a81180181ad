"""TFLite files that are wrong in one place or a few, and the process that may die of them."""

import copy
import os
import random
import select
import struct
import subprocess
from pathlib import Path
from typing import Any, Self

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from support.hostile import hurt

ROOT = Path(__file__).parents[2]
INTEGERS = [
    *(0, 1, -1, 2, 3, 4, 7, 8, 16, 127, 128, 255, 256, -2, -3, -128, 1000, 65_535, 65_536, 10**6),
    *(2**20, 2**24, 2**30, 2**31 - 1, -(2**31)),
]
# Nobody waits longer for a network of a few bytes.
PATIENCE_S = 60.0


def bytes_hurt(model: bytes, rng: random.Random) -> bytes:
    """Any bytes, or a whole 32-bit number: an offset, a length, an index, a side."""
    if rng.random() < 0.4:
        return hurt(model, rng, [])
    changed = bytearray(model)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(changed) // 4) * 4
        old = int(struct.unpack_from("<i", changed, at)[0])
        new = rng.choice((*INTEGERS, old + rng.choice((1, -1, 4, -4, 16))))
        struct.pack_into("<I", changed, at, new & 0xFFFFFFFF)
    return bytes(changed)


def fields_hurt(model: bytes, rng: random.Random) -> bytes | None:
    """Fields of the schema's own, written anew; None where the result cannot be written."""
    document = schema.ModelT.InitFromPackedBuf(model, 0)
    places = list(_places(document))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        table, name = rng.choice(places)
        value = getattr(table, name)
        setattr(table, name, _other(value, rng))
    builder = flatbuffers.Builder(1024)
    try:
        builder.Finish(document.Pack(builder), file_identifier=b"TFL3")
    except Exception:  # whatever the schema's code makes of a number that does not fit
        return None
    return bytes(builder.Output())


def _places(table: Any) -> Any:
    """Every field of every table, with its table."""
    for name, value in vars(table).items():
        if value is None:
            continue
        yield table, name
        for part in value if isinstance(value, list) else [value]:
            if hasattr(part, "Pack"):
                yield from _places(part)


def _other(value: Any, rng: random.Random) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | np.integer):
        return rng.choice((*INTEGERS, int(value) + rng.choice((1, -1, 2, -2))))
    if isinstance(value, float):
        return _number(value, rng)
    if isinstance(value, np.ndarray) and len(value):
        return _array(value.copy(), rng)
    if isinstance(value, list) and value:
        return _list(list(value), rng)
    return None if hasattr(value, "Pack") else value


def _number(value: float, rng: random.Random) -> float:
    wild = (0.0, -1.0, float("nan"), float("inf"), 1e30, 1e-30, 1e-44, 10 ** rng.uniform(-15, 17))
    return float(rng.choice((*wild, value * 10 ** rng.uniform(-4, 4))))


def _array(values: Any, rng: random.Random) -> Any:
    place = rng.randrange(len(values))
    if values.dtype == np.uint8 and len(values) % 4 == 0 and rng.random() < 0.7:
        values.view(np.int32)[place // 4] = rng.choice(INTEGERS)  # a constant: axes, shapes
    elif values.dtype.kind == "f":
        values[place] = _number(float(values[place]), rng)
    elif rng.random() < 0.2:
        return values[:-1] if rng.random() < 0.5 else np.append(values, values[place])
    else:
        values[place] = np.array(rng.choice(INTEGERS)).astype(values.dtype)
    return values


def _list(values: list[Any], rng: random.Random) -> list[Any]:
    match rng.randrange(4):
        case 0:
            values.pop(rng.randrange(len(values)))
        case 1:
            values.append(copy.deepcopy(rng.choice(values)))
        case 2:
            rng.shuffle(values)
        case _ if isinstance(values[0], int):
            values[rng.randrange(len(values))] = rng.choice(INTEGERS)
    return values


class ModelProcess:
    """One runtime in a process of its own, started again when it dies; a context manager.

    Args:
        python: which Python, of an environment that has the runtime.
    """

    def __init__(self, python: str) -> None:
        self._command = [python, str(Path(__file__).with_name("model_worker.py"))]
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )

    def _end(self) -> int:
        self._process.kill()
        self._process.communicate()
        return self._process.returncode

    def ask(self, model: bytes) -> str:
        """What became of a file: `refused ...`, `runtime ...`, `ran`, `died ...` or `hung`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(struct.pack("<I", len(model)) + model)
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        said = self._process.stdout.readline().decode().strip() if ready else "hung"
        if not said or not ready:
            status = self._process.wait() if ready else self._end()
            self._process.stdin.close()
            self._process.stdout.close()
            self._start()
        return said or f"died {status}"
