"""Our converter against litert-torch with ai-edge-quantizer, and against onnx2tf.

    python benchmarks/converters.py [NET...] [--json FILE] [--reuse]
        [--litert PYTHON] [--onnx2tf PYTHON] [--data-root D] [--work FOLDER]

Eight networks (`conversion/nets.py`), each with real samples; every conversion in a fresh
process, from the same float network, with the same calibration samples. Prints, with each
target and whether it is met: what is in the files and where they load; agreement with the
float network on held-out samples; seconds and memory of the conversion; latency of the
files in turns on one thread. A peer whose environment is absent is skipped (`make peers`).
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from conversion.agreement import Agreement, agreement
from conversion.nets import NETS, Net
from conversion.run import (
    MODEL,
    OURS,
    OURS_FROM_TORCH,
    Conversion,
    Tool,
    convert,
    latencies,
    peers,
)
from conversion.tables import table
from conversion.tflite_file import Contents, contents, listed
from daemon.figures import Figure
from record.results import record

from edge_agent.inference.runtime import machine_name
from pipeline.data.root import data_root

Latencies: TypeAlias = dict[str, list[float] | str]
TIME_SHARE, MEMORY_SHARE = 1 / 4, 1 / 2  # at most these shares of litert-torch's
LATENCY_RATIO = 1.0
# 32 comparisons of agreement: at two standard errors, chance alone would make one of them fail.
ERRORS = 3
RUNTIMES = ("LiteRT", "tflite-runtime")
FIRST_PEER = "litert-torch"


@dataclass
class Compared:
    """All that was measured of one network, by the tools' names."""

    net: Net
    conversions: dict[str, Conversion] = field(default_factory=dict)
    contents: dict[str, Contents] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)
    latencies: dict[str, Latencies] = field(default_factory=dict)

    def best_peer_ratio(self, runtime: str) -> tuple[float, float, float]:
        """Our latency over the best peer's: low, median and high; NaN without a peer.

        Low and high are the median's 95 % interval, by the ranks of the rounds' ratios.
        """
        found = self.latencies.get(runtime, {})
        mine = found.get(OURS.name)
        others = [y for name, y in found.items() if name != OURS.name and not isinstance(y, str)]
        if not others or mine is None or isinstance(mine, str):
            return math.nan, math.nan, math.nan
        best = min(others, key=statistics.median)
        ratios = sorted(a / b for a, b in zip(mine, best, strict=True))
        half, spread = len(ratios) / 2, 0.98 * math.sqrt(len(ratios))
        low, high = (
            max(0, math.floor(half - spread)),
            min(len(ratios) - 1, math.ceil(half + spread)),
        )
        return ratios[low], statistics.median(ratios), ratios[high]


def main() -> None:
    """Compare and print."""
    options = _options()
    tools = [OURS, OURS_FROM_TORCH, *peers(options.litert, options.onnx2tf)]
    chosen = [net for net in NETS if not options.nets or net.name in options.nets]
    found: list[Compared] = []
    for number, net in enumerate(chosen):
        folder = (options.work / net.name).resolve()
        if not _prepared(net, folder, options.data_root):
            continue
        print(f"{net.name} ...", file=sys.stderr)
        if not number and not options.reuse:
            for tool in tools:  # what only the first process meets: a cold disk
                convert(tool, folder, folder / tool.name)
        found.append(compare(net, folder, tools, options.rounds, options.reuse))
    if not found:
        print("no network to compare: name the data folder by EDGEWARD_DATA or --data-root")
        return
    print(f"{machine_name()}, {os.cpu_count()} cores, OMP_NUM_THREADS={_threads()}\n")
    for part in (files_table, agreement_table, conversion_table, latency_table):
        print("\n".join(part(found)), end="\n\n")
    if options.json:
        options.json.write_text(json.dumps([_plain(c) for c in found], indent=1))
    record("converters", [figure for c in found for figure in _figures(c)])


def compare(net: Net, folder: Path, tools: list[Tool], rounds: int, reuse: bool) -> Compared:
    """Convert one network by every tool, and measure the files."""
    made = Compared(net)
    for tool in tools:
        out = folder / tool.name
        kept = out / "conversion.json"
        if reuse and kept.exists():
            made.conversions[tool.name] = Conversion(**json.loads(kept.read_text()))
        else:
            made.conversions[tool.name] = convert(tool, folder, out)
            kept.write_text(json.dumps(asdict(made.conversions[tool.name])))
        if tool is OURS_FROM_TORCH or made.conversions[tool.name].error:
            continue  # the file is the same as ours from ONNX
        made.contents[tool.name] = contents(out / MODEL)
        try:
            made.agreements[tool.name] = agreement(out / MODEL, folder, net)
        except ValueError as error:
            print(f"{net.name}, {tool.name}: {error}")
    files = {name: folder / name / MODEL for name in made.contents}
    made.latencies["LiteRT"] = latencies(OURS.python, files, rounds)
    other = os.environ.get("EDGEWARD_TFLITE_PYTHON")
    if other and Path(other).exists():
        # Some ten times slower on this processor, and less noisy: fewer rounds do.
        made.latencies["tflite-runtime"] = latencies(Path(other), files, max(3, rounds // 4))
    return made


def _figures(c: Compared) -> Iterable[Figure]:
    """What docs/benchmarks.md shows of a network: ours beside the first peer, and the best file."""
    mine, peer = c.conversions[OURS.name], c.conversions.get(FIRST_PEER)
    if peer is None or peer.error or mine.error:
        return
    time, memory = mine.wall_s / peer.wall_s, mine.peak_mb / peer.peak_mb
    name, than = c.net.name, f"over {FIRST_PEER}'s"
    yield Figure(f"{name}: conversion time {than}", round(time, 3), at_most=TIME_SHARE)
    yield Figure(f"{name}: conversion memory {than}", round(memory, 2), at_most=MEMORY_SHARE)
    low, ratio, high = c.best_peer_ratio("LiteRT")
    if not math.isnan(ratio):
        words = f"{name}: LiteRT latency over the best other file's"
        interval = f"{low:.3f} to {high:.3f}"
        yield Figure(words, round(ratio, 3), at_most=LATENCY_RATIO, beside=interval)
    verdicts = _verdicts(c)
    if verdicts:
        worse = sum(verdict.is_worse for verdict in verdicts)
        yield Figure(f"{name}: peers that agree better with float", worse, at_most=0)


def files_table(found: list[Compared]) -> Iterable[str]:
    """What is in each file, and which runtimes load it."""
    rows = []
    for c in found:
        for name, conversion in c.conversions.items():
            if name == OURS_FROM_TORCH.name:
                continue
            if conversion.error:
                rows.append([c.net.name, name, "no file", conversion.error[:60], "", ""])
                continue
            inside = c.contents[name]
            floats = listed(inside.floats) or ("float ends" if inside.float_ends else "")
            loads = [_loads(c, runtime, name) for runtime in RUNTIMES]
            full = "full" if inside.is_full_int8 else "NO"
            rows.append(
                [c.net.name, name, full, floats, " ".join(loads), f"{inside.kilobytes:.0f}"]
            )
    mine = [c.contents.get(OURS.name) for c in found]
    good = sum(inside is not None and inside.is_full_int8 for inside in mine)
    loaded = sum(all(_loads(c, r, OURS.name) != "no" for r in RUNTIMES) for c in found)
    yield from table(["network", "by", "int8", "float operators", " ".join(RUNTIMES), "kB"], rows)
    yield f"Target: ours full int8, loading in both: {good} and {loaded} of {len(found)}"


def _loads(c: Compared, runtime: str, name: str) -> str:
    if runtime not in c.latencies:
        return "-"
    return "yes" if isinstance(c.latencies[runtime].get(name), list) else "no"


def agreement_table(found: list[Compared]) -> Iterable[str]:
    """Cosine and argmax of each, and whether ours is worse than a peer's."""
    rows, worse, compared = [], 0, 0
    for c in found:
        row = [c.net.name]
        for name, a in c.agreements.items():
            row.append(f"{name} {a.cosine.mean():.5f} / {100 * np.nanmean(a.argmax):.2f} %")
        verdicts = _verdicts(c)
        compared += any(name != OURS.name for name in c.agreements)
        worse += OURS.name not in c.agreements or any(verdict.is_worse for verdict in verdicts)
        rows.append([*row, "; ".join(map(str, verdicts))])
    width = max((len(row) for row in rows), default=1)
    rows = [[*row[:-1], *[""] * (width - len(row)), row[-1]] for row in rows]
    yield from table(["network", *["cosine / argmax"] * (width - 2), "ours minus peer"], rows)
    yield f"{ERRORS} standard errors of the paired difference behind each +-."
    yield _target("not worse than a peer, by more than chance", compared - worse, compared)


@dataclass(frozen=True)
class Verdict:
    """Our agreement minus a peer's, cosine and argmax, each with what chance may do."""

    peer: str
    means: tuple[float, float]
    errors: tuple[float, float]

    @property
    def is_worse(self) -> bool:
        """Whether one of the two is worse by more than chance."""
        return any(-mean > error for mean, error in zip(self.means, self.errors, strict=True))

    def __str__(self) -> str:
        pairs = zip(self.means, self.errors, strict=True)
        cosine, argmax = (f"{mean:+.5f} +-{error:.5f}" for mean, error in pairs)
        return f"{self.peer}: {cosine}, {argmax}{' WORSE' if self.is_worse else ''}"


def _verdicts(c: Compared) -> list[Verdict]:
    """For each peer."""
    verdicts = []
    mine = c.agreements.get(OURS.name)
    for name, other in c.agreements.items():
        if mine is None or name == OURS.name:
            continue
        pairs = ((mine.cosine, other.cosine), (mine.argmax, other.argmax))
        off = [(a - b)[~np.isnan(a)] for a, b in pairs]
        means = [float(x.mean()) for x in off]
        errors = [ERRORS * float(x.std()) / math.sqrt(len(x)) for x in off]
        verdicts.append(Verdict(name, (means[0], means[1]), (errors[0], errors[1])))
    return verdicts


def conversion_table(found: list[Compared]) -> Iterable[str]:
    """Seconds of the whole process, and its peak memory."""
    names = list(found[0].conversions) if found else []
    rows, met, compared = [], 0, 0
    for c in found:
        cells = [_cost(c.conversions[name]) for name in names]
        mine, peer = c.conversions[OURS.name], c.conversions.get(FIRST_PEER)
        ratios = ["", ""]
        if peer is not None and not peer.error:
            compared += 1
            time, memory = mine.wall_s / peer.wall_s, mine.peak_mb / peer.peak_mb
            met += time <= TIME_SHARE and memory <= MEMORY_SHARE
            ratios = [f"{time:.3f}", f"{memory:.2f}"]
        rows.append([c.net.name, *cells, *ratios])
    yield from table(["network", *names, "time ratio", "memory ratio"], rows)
    yield f"Whole process (work without imports), peak memory; ratios to {FIRST_PEER}."
    shares = f"at most {TIME_SHARE:.2f} of its time and {MEMORY_SHARE:.2f} of its memory"
    yield _target(shares, met, compared)


def _cost(c: Conversion) -> str:
    return "failed" if c.error else f"{c.wall_s:.2f} s ({c.work_s:.2f}), {c.peak_mb:.0f} MB"


def latency_table(found: list[Compared]) -> Iterable[str]:
    """Medians over the rounds, and the ratio to the best peer."""
    for runtime in RUNTIMES:
        if not any(runtime in c.latencies for c in found):
            continue
        rows, met, near, compared = [], 0, 0, 0
        for c in found:
            each = c.latencies.get(runtime, {})
            low, ratio, high = c.best_peer_ratio(runtime)
            compared += any(name != OURS.name for name, y in each.items() if not isinstance(y, str))
            met += ratio <= LATENCY_RATIO
            near += low <= LATENCY_RATIO < ratio
            cells = "; ".join(
                f"{name} {y if isinstance(y, str) else f'{statistics.median(y):.3f}'}"
                for name, y in each.items()
            )
            interval = "" if math.isnan(ratio) else f"{ratio:.3f} [{low:.3f}, {high:.3f}]"
            rows.append([c.net.name, cells, interval])
        yield from table(["network", f"ms on {runtime}, one thread", "ratio to the best"], rows)
        yield _target(f"at most {LATENCY_RATIO:.2f} of the best peer's", met, compared)
        yield f"Of the others, {near} whose 95 % interval reaches it."


def _target(what: str, met: int, compared: int) -> str:
    """`Target: ...: 7 of 8`; says so where there was no peer."""
    return f"Target: {what}: {f'{met} of {compared}' if compared else 'no peer to compare with'}"


def _prepared(net: Net, folder: Path, root: Path | None) -> bool:
    """Make the network and its samples if they are not there; False if their data are not."""
    if (folder / "float_0.npy").exists():
        return True
    script = Path(__file__).parent / "conversion" / "prepare.py"
    environment = {**os.environ, "PYTHONPATH": _python_path()}
    command = [sys.executable, str(script), net.name, str(folder)]
    command += ["--data-root", str(data_root(root))]
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print(f"{net.name}: skipped, {done.stderr.strip().splitlines()[-1]}")
    return not done.returncode


def _python_path() -> str:
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, paths))


def _threads() -> str:
    return os.environ.get("OMP_NUM_THREADS", "unset")


def _plain(c: Compared) -> dict[str, object]:
    """As JSON can hold it."""
    return {
        "network": c.net.name,
        "conversions": {name: asdict(x) for name, x in c.conversions.items()},
        "operators": {name: dict(x.operators) for name, x in c.contents.items()},
        "float_operators": {name: dict(x.floats) for name, x in c.contents.items()},
        "kilobytes": {name: x.kilobytes for name, x in c.contents.items()},
        "cosine": {name: float(np.mean(x.cosine)) for name, x in c.agreements.items()},
        "argmax": {name: float(np.nanmean(x.argmax)) for name, x in c.agreements.items()},
        "latency_ms": c.latencies,
        "latency_ratio": {r: c.best_peer_ratio(r) for r in c.latencies},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("nets", nargs="*", choices=[[], *(net.name for net in NETS)])
    parser.add_argument("--litert", type=Path, default=Path(".venv-peer-litert/bin/python"))
    parser.add_argument("--onnx2tf", type=Path, default=Path(".venv-peer-onnx2tf/bin/python"))
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/converters"))
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", type=Path, help="everything measured, as JSON")
    parser.add_argument("--reuse", action="store_true", help="files that are there already")
    return parser.parse_args()


if __name__ == "__main__":
    main()
