"""Print the lowest version of all that a device's install lets in, as constraints for pip.

From pyproject.toml itself, so that there is no second list to forget.
"""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(requirements: Sequence[str]) -> list[str]:
    """`name==version` for each of `requirements` that applies to this Python and machine.

    Raises:
        ValueError: one has no lower bound.
    """
    found = []
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        bounds = [part.version for part in requirement.specifier if part.operator == ">="]
        if len(bounds) != 1:
            raise ValueError(f"{requirement}: expected one lower bound, found {len(bounds)}")
        found.append(f"{requirement.name}=={bounds[0]}")
    return found


if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    sys.stdout.write("\n".join(lowest(project["dependencies"])) + "\n")
