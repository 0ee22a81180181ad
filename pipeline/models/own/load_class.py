"""`own_class`: a user's class, imported from where it was found, and not from elsewhere."""

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from edge_agent.common.errors import one_line
from pipeline.arch import ModuleArch
from pipeline.common.errors import RecipeError, RunError
from pipeline.models.own.code import Code, code_of
from pipeline.models.spec import ModelSpec, OwnSource

# By what name a constructor takes the number of classes; else it is its first argument.
CLASSES = ("num_classes", "classes")
# What was imported here, by the hash of its code: a file that changes is imported anew.
_imported: dict[str, str] = {}


def module_network(arch: ModuleArch, spec: ModelSpec, source: OwnSource) -> nn.Module:
    """The network that a user's class makes, with the values that its constructor gives it.

    Args:
        arch: which class.
        spec: the number of classes it has to tell apart.
        source: where its code is, which has to be as it was.

    Raises:
        RunError: the code is gone, or another one than the network was made of.
        RecipeError: it cannot be imported, has no such class, or that makes no network.
    """
    place, code = f"model.arch: {spec.arch}", code_of(arch.module, Path(source.path))
    if code is None:
        raise RunError(f"{place}: expected its code in {source.path} still, found it gone")
    if code.sha256 != source.sha256:
        raise RunError(
            f"{place}: expected {code.file} as it was when the network was made, SHA-256 "
            f"{source.sha256[:16]}, found {code.sha256[:16]}; put it back, or build anew"
        )
    factory = _member(_import(arch.module, code, place), arch.name, place)
    return _made(factory, spec, source.options, place)


def _import(name: str, code: Code, place: str) -> ModuleType:
    """The module `name` of `code`; what another file of this name left is put aside."""
    _forget(code)
    top = name.split(".")[0]
    present = sys.modules.get(top)
    if present is not None and not _is_below(present, code.folder):
        raise RecipeError(
            f"{place}: expected a name of its own, found {top!r} loaded already from "
            f"{getattr(present, '__file__', None) or 'Python itself'}; rename {code.file}"
        )
    installed = str(code.folder) in sys.path
    if not installed:
        sys.path.insert(0, str(code.folder))
    importlib.invalidate_caches()
    try:
        found = importlib.import_module(name)
    except Exception as error:  # whatever the file does
        raise RecipeError(
            f"{place}: expected {code.file} to be importable, found {type(error).__name__}: "
            f"{one_line(error)}"
        ) from error
    finally:
        if not installed:
            # Behind all others from now on: what it imports later, it finds, and hides nothing.
            sys.path.remove(str(code.folder))
            sys.path.append(str(code.folder))
    for each in _modules_of(code):
        _imported[each] = code.sha256
    return found


def _forget(code: Code) -> None:
    """Take modules out that were imported of files since changed, or of files elsewhere."""
    parts = (path.relative_to(code.folder).with_suffix("").parts for path in code.files)
    names = {".".join(p[:-1] if p[-1] == "__init__" else p) for p in parts}
    tops = {name.split(".")[0] for name in names}
    for name in [*_imported]:
        if name.split(".")[0] not in tops:
            continue
        module = sys.modules.get(name)
        if _imported[name] != code.sha256 or (module and not _is_below(module, code.folder)):
            sys.modules.pop(name, None)
            del _imported[name]


def _modules_of(code: Code) -> list[str]:
    """The names of the loaded modules that are files of `code`."""
    files = {str(path) for path in code.files}
    return [name for name, m in [*sys.modules.items()] if getattr(m, "__file__", None) in files]


def _is_below(module: ModuleType, folder: Path) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(Path(place).is_relative_to(folder) for place in places if place)


def _member(module: ModuleType, name: str, place: str) -> Any:
    found = getattr(module, name, None)
    if callable(found):
        return found
    classes = [
        n
        for n, c in vars(module).items()
        if inspect.isclass(c) and issubclass(c, nn.Module) and c.__module__ == module.__name__
    ]
    raise RecipeError(
        f"{place}: expected one of {', '.join(classes) or 'its networks, of which it has none'}, "
        f"found {'no ' if found is None else ''}{name!r}"
    )


def _made(factory: Any, spec: ModelSpec, options: dict[str, Any], place: str) -> nn.Module:
    arguments, keywords = _arguments(factory, spec.classes, options)
    said = [*map(repr, arguments), *(f"{key}={value!r}" for key, value in keywords.items())]
    try:
        module = factory(*arguments, **keywords)
    except Exception as error:  # whatever the constructor does
        raise RecipeError(
            f"{place}: expected a network from {factory.__name__}({', '.join(said)}), found "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error
    if not isinstance(module, nn.Module):
        raise RecipeError(
            f"{place}: expected a torch.nn.Module from {factory.__name__}({', '.join(said)}), "
            f"found {type(module).__name__}"
        )
    return module


def _arguments(
    factory: Any, classes: int, options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """How it is called: with the number of classes by its name if it has one, else first."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return (classes,), options
    named = next((name for name in CLASSES if name in parameters), None)
    if named is not None:
        return (), {named: classes, **options}
    kinds = [parameter.kind for parameter in parameters.values()]
    if any(
        kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for kind in kinds
    ):
        return (classes,), options
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return (), {CLASSES[0]: classes, **options}
    return (), options
