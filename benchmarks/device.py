"""What a device environment weighs, and what `--help` loads.

    python benchmarks/device.py [--python .venv-device/bin/python]

Prints the size of the environment (all files, installed as `make` does it: no pip inside)
by its largest packages, and the wall time and modules of `edgeward-agent --help`.
"""

import argparse
import os
import statistics
import subprocess
import time
from pathlib import Path

from daemon.figures import Figure
from record.results import record

TARGET_MB = 300
HEAVY = ("cv2", "ai_edge_litert", "tflite_runtime", "paho", "numpy")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--python", type=Path, default=Path(".venv-device/bin/python"))
    options = parser.parse_args()
    environment = options.python.parent.parent
    packages = next((environment / "lib").glob("python*")) / "site-packages"
    sizes = {entry.name: megabytes(entry) for entry in packages.iterdir()}
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:6]:
        print(f"{size:8.1f} MB  {name}")
    total = megabytes(environment)
    print(f"{total:8.1f} MB  the whole environment (target: at most {TARGET_MB})")
    seconds = [help_seconds(options.python) for _ in range(5)]
    loaded = help_loads(options.python)
    taken = statistics.median(seconds)
    print(f"--help: {taken:.3f} s, of {', '.join(HEAVY)} it loads {loaded}")
    largest = ", ".join(
        f"{name} {size:.0f}" for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:3]
    )
    record(
        "device",
        [
            Figure("device environment", round(total, 1), "MB", at_most=TARGET_MB, beside=largest),
            Figure(
                "edgeward-agent --help",
                round(taken, 2),
                "s",
                beside=f"loads {loaded} of {', '.join(HEAVY)}",
                headline=True,
            ),
        ],
    )


def megabytes(path: Path) -> float:
    """The size of a file, or of all files below a folder, in 10^6 bytes."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file()) / 1e6


def help_seconds(python: Path) -> float:
    """Wall seconds of `edgeward-agent --help`."""
    start = time.perf_counter()
    command: list[str | Path] = [python.parent / "edgeward-agent", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def help_loads(python: Path) -> str:
    """Which of the heavy packages `--help` imports."""
    code = (
        "import sys\nfrom edge_agent.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print(' '.join(m for m in {HEAVY!r} if m in sys.modules) or 'none')"
    )
    done = subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    main()
