"""Which attributes of other packages a file of ours asks for, and which of them are not there.

By its text, not by running it: a name that a newer version has lost is found in every branch.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

OURS = {"edge_agent", "quantization", "pipeline"}


def missing(path: Path, absent: frozenset[str] = frozenset()) -> Iterator[str]:
    """`package.name` of each that the installed version lacks.

    Args:
        path: the file.
        absent: packages that need not be installed.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = {}
    for alias, name in _imports(tree):
        if name.partition(".")[0] in OURS | absent | sys.stdlib_module_names:
            continue
        try:
            known[alias] = _resolve(name)
        except (ImportError, AttributeError):
            yield name
    for node in ast.walk(tree):
        chain = _chain(node)
        if chain and chain[0] in known and _lacks(known[chain[0]], chain[1:]):
            yield ".".join(chain)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What each name that is imported stands for: `np`, `numpy`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
                yield alias.name, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _resolve(name: str) -> object:
    """The module or the member of one that is called `name`."""
    try:
        return importlib.import_module(name)
    except ImportError:
        module, _, member = name.rpartition(".")
        if not module:
            raise
        return getattr(importlib.import_module(module), member)


def _chain(node: ast.AST) -> list[str]:
    """`a.b.c` as its names; empty if it begins with anything but a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) and names else []


def _lacks(found: object, names: list[str]) -> bool:
    """Whether one of `names` is not there; what is neither module nor class says nothing."""
    for name in names:
        if not (inspect.ismodule(found) or inspect.isclass(found)):
            return False
        if not hasattr(found, name):
            return True
        found = getattr(found, name)
    return False
