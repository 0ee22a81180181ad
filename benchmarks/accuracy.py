"""A recipe's whole run, and its figures on the full held-out split.

    python benchmarks/accuracy.py RECIPE.toml [--data-root D] [--out RUN]

Builds what is not yet built (remove the run folder to time all of it), then prints the
seconds of every stage and the ladder: trained, pruned, int8 by the device's code.
"""

import argparse
import sys
from pathlib import Path

from daemon.figures import Figure
from record.results import record

from pipeline.measure.advice import losses
from pipeline.measure.wording import shown
from pipeline.report.data import NetworkRow
from pipeline.run.build import build
from pipeline.run.stages import STAGES
from pipeline.run.stages.report import load_rungs
from pipeline.run.stages.verify import load_proof
from pipeline.run.start import open_recipe

# Points that quantisation may cost.
DROP = 0.3


def main() -> None:
    """Build and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("recipe", type=Path, nargs="?", default=Path("recipes/digits.toml"))
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    run = open_recipe(options.recipe, options.out, options.data_root, sys.stderr)
    build(run)
    seconds = {stage.name: run.need(stage.name).seconds for stage in STAGES}
    parts = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items())
    print(f"{run.recipe.name}: {sum(seconds.values()):.0f} s ({parts})")
    proof, rungs = load_proof(run), load_rungs(run)
    for rung in rungs:
        print(line(rung))
    pruning, quantisation = losses(proof.metrics)
    print(f"MACs: {rungs[0].macs / rungs[-1].macs:.2f}x fewer")
    print(f"drop by quantisation: {100 * quantisation:.2f} points")
    print(f"drop from trained to int8: {100 * (pruning + quantisation):.2f} points")
    for gate in proof.gates:
        print(f"gate {gate.name}: {gate.measured} ({gate.demanded})")
    ships = next(rung for rung in rungs if rung.chosen)
    name, wanted = run.recipe.name, run.recipe.budget.min_accuracy
    figures = [
        Figure(f"{name}: drop by quantisation", 100 * quantisation, "points", at_most=DROP),
        Figure(f"{name}: multiply-accumulates, trained over shipped", rungs[0].macs / ships.macs),
        Figure(f"{name}: TFLite file", ships.size_bytes / 1000, "kB"),
        Figure(f"{name}: all stages", sum(seconds.values()), "s"),
    ]
    if ships.test is not None:
        least = None if wanted is None else 100 * wanted
        words = shown(ships.test)
        value = 100 * ships.test.value
        figures.insert(
            0, Figure(f"{name}: int8 on the test split", value, "%", least, beside=words)
        )
    record("accuracy", figures)


def line(rung: NetworkRow) -> str:
    """One rung: `int8     93.4 % [92.9, 93.9]  1.50 M MACs   68.1 kB   0.041 ms, ships`."""
    size, macs = rung.size_bytes / 1000, rung.macs / 1e6
    test = "not tested" if rung.test is None else shown(rung.test)
    ships = ", ships" if rung.chosen else ""
    return (
        f"{rung.name:18} {test:24} val {100 * rung.validation.value:.2f} % "
        f"{macs:7.2f} M MACs {size:8.1f} kB {rung.latency_ms:8.3f} ms{ships}"
    )


if __name__ == "__main__":
    main()
