"""A Python module of a user's: found, and hashed with what it imports, without running it."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from pipeline.common.errors import RecipeError


@dataclass(frozen=True)
class Code:
    """The files that a network is made by.

    Args:
        folder: where its first package or module lies.
        file: the module itself.
        files: that, and what it imports from the same folder; of an installed package, of it
            alone.
        sha256: of these files, by their names below the folder.
    """

    folder: Path
    file: Path
    files: tuple[Path, ...]
    sha256: str


def find_code(module: str, recipe_folder: Path) -> Code:
    """The files of a module: beside the recipe, in the current folder, or installed.

    Raises:
        RecipeError: it is at none of these places.
    """
    near = tuple(dict.fromkeys((recipe_folder.resolve(), Path.cwd())))
    for folder in near:
        file = _file(module, folder)
        if file is not None:
            return _code(folder, file, None)
    installed, package = _installed(module), module.split(".")[0]
    if installed is not None:
        return _code(*installed, package)
    places = " or ".join(str(folder) for folder in near)
    raise RecipeError(
        f"model.arch: expected a module {module!r} in {places}, or installed, found none"
    )


def code_of(module: str, folder: Path) -> Code | None:
    """The files of a module as they are now in the folder where it was; None if it is gone."""
    file = _file(module, folder)
    if file is None:
        return None
    package = module.split(".")[0] if _is_installation(folder) else None
    return _code(folder, file, package)


def _file(module: str, folder: Path) -> Path | None:
    """The file of a module below `folder`, found without importing anything."""
    found = _spec(module, folder)
    if found is None or found.origin is None:
        return None
    return Path(found.origin)


def _spec(module: str, folder: Path | None) -> ModuleSpec | None:
    places = None if folder is None else [str(folder)]
    parts, found = module.split("."), None
    for number in range(len(parts)):
        found = PathFinder.find_spec(".".join(parts[: number + 1]), places)
        if found is None:
            return None
        places = list(found.submodule_search_locations or ())
    return found


def _installed(module: str) -> tuple[Path, Path] | None:
    """The folder that a module is installed in, and its file."""
    top, found = _spec(module.split(".")[0], None), _spec(module, None)
    if top is None or top.origin is None or found is None or found.origin is None:
        return None
    file = Path(top.origin)
    return file.parent.parent if file.name == "__init__.py" else file.parent, Path(found.origin)


def _is_installation(folder: Path) -> bool:
    return folder.name in ("site-packages", "dist-packages")


def _code(folder: Path, file: Path, package: str | None) -> Code:
    files = tuple(sorted(_closure(folder, file, package)))
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode())
        digest.update(content)
    return Code(folder, file, files, digest.hexdigest())


def _closure(folder: Path, file: Path, package: str | None) -> set[Path]:
    """`file`, and all it imports, directly or not, that lies below `folder`.

    Args:
        folder: where names of modules begin.
        file: where to begin.
        package: the one package to stay in; None follows every import that the folder has.
    """
    found, waiting = set[Path](), [file]
    while waiting:
        path = waiting.pop()
        if path in found or path.suffix != ".py" or not path.is_relative_to(folder):
            continue
        found.add(path)
        for name in _names(path, folder):
            if package is None or name.split(".")[0] == package:
                waiting += _along(name, folder)
    return found


def _along(name: str, folder: Path) -> Iterator[Path]:
    """The files that importing `name` runs: of each package on the way, and its own."""
    parts = name.split(".")
    for number in range(len(parts)):
        file = _file(".".join(parts[: number + 1]), folder)
        if file is not None:
            yield file


def _names(path: Path, folder: Path) -> Iterator[str]:
    """The modules that a file may import, wherever in it, relative ones by their full name."""
    here = list(path.relative_to(folder).with_suffix("").parts)
    yield ".".join(here[:-1] if here[-1] == "__init__" else here)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return  # importing it says so
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level] if node.level else []
            base = ".".join((*above, *(node.module or "").split("."))).strip(".")
            yield base
            yield from (f"{base}.{alias.name}".strip(".") for alias in node.names)
