"""Write the table of docs/benchmarks.md from benchmarks/results/*.json.

`make check` compares it with what is kept there, so it cannot fall behind.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "benchmarks.md"


def main() -> None:
    """Write the page."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from record.page import with_figures

    TARGET.write_text(with_figures(TARGET.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
