"""Build dist/edgeward_client-*.whl: the modules behind `edge_agent.client`, with two dependencies.

A wheel cannot ask for less by an extra, and a device's `edgeward` goes on asking for all that a
device needs. So this is a second, smaller distribution of the same modules: found by following
the imports, so that it has no more than a program needs that listens.
"""

import ast
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What such a program imports.
ENTRIES = ("edge_agent.client", "edge_agent.contract.commands", "edge_agent.contract.topics")
DEPENDENCIES = ("msgspec", "paho-mqtt")


def main() -> None:
    """Build the wheel into dist/, by pip."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        write_tree(tree)
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "wheel"]
        subprocess.run([*command, "--no-deps", "-w", str(ROOT / "dist"), str(tree)], check=True)


def write_tree(tree: Path) -> None:
    """Write the sources of the distribution to the folder `tree`."""
    for path in files():
        target = tree / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in ("edge_agent/py.typed", "LICENSE"):
        shutil.copyfile(ROOT / name, tree / name)
    (tree / "pyproject.toml").write_text(project(), encoding="utf-8")


def files() -> set[Path]:
    """Every module that the entries import, also those that are imported when they are used."""
    found, waiting = set[Path](), [_path(name) for name in ENTRIES]
    while waiting:
        path = waiting.pop()
        if path is None or path in found:
            continue
        found.add(path)
        waiting += [parent / "__init__.py" for parent in _packages(path)]
        waiting += [_path(name) for name in _imports(path)]
    return found


def project() -> str:
    """Its pyproject.toml: the version and the bounds are those of the whole."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [need for need in whole["project"]["dependencies"] if need.startswith(DEPENDENCIES)]
    listed = ", ".join(f'"{need}"' for need in wanted)
    return f"""[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "edgeward-client"
dynamic = ["version"]
description = "Listen to edgeward devices over MQTT, typed, and prove that nothing is missing"
license = "{whole["project"]["license"]}"
license-files = ["LICENSE"]
requires-python = "{whole["project"]["requires-python"]}"
classifiers = ["Typing :: Typed"]
dependencies = [{listed}]

[tool.hatch.version]
path = "edge_agent/__init__.py"

[tool.hatch.build.targets.wheel]
packages = ["edge_agent"]
"""


def _packages(path: Path) -> Iterator[Path]:
    return (parent for parent in path.parents if parent.is_relative_to(ROOT / "edge_agent"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _path(module: str) -> Path | None:
    """The file of one of our modules; None for another's, or for a name that is no module."""
    place = ROOT.joinpath(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if module.startswith("edge_agent") and path.is_file():
            return path
    return None


if __name__ == "__main__":
    main()
