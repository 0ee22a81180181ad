"""Print what pip would install, from the report of its dry run, as a list for pip.

Our own package is left out: its tree is tested, over newer dependencies.
"""

import json
import sys
from pathlib import Path


def newer(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """`name==version` of each package in pip's installation `report` but our own."""
    found = [
        (entry["metadata"]["name"], entry["metadata"]["version"]) for entry in report["install"]
    ]
    return [f"{name}=={version}" for name, version in sorted(found) if name != "edgeward"]


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    sys.stdout.write("".join(f"{line}\n" for line in newer(json.loads(text))))
