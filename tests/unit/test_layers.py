"""The layers: `pipeline` → `quantization` → `edge_agent`, one direction only."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOST_ONLY = {"torch", "onnx", "onnxruntime", "onnxscript", "torch_pruning", "typer", "rich"}
FORBIDDEN = {
    "edge_agent": {"quantization", "pipeline", *HOST_ONLY},
    "quantization": {"pipeline", "torch", "typer", "rich"},
    "pipeline": set[str](),
}
# Quantisation-aware training is a network in torch: this part of a layer may import it.
WITH_TORCH = "quantization/qat/"
# What the quantiser may know of the device: its arithmetic and its interpreter, not its daemon.
QUANTIZATION_SEES = (
    "edge_agent.bundle",
    "edge_agent.common.arrays",
    "edge_agent.inference.runtime",
)
# One module each may import these: whoever wants them asks that module.
SOLE_IMPORTERS = {
    "ai_edge_litert.interpreter": {"edge_agent/inference/runtime.py"},
    "tflite_runtime": {"edge_agent/inference/runtime.py"},
    "paho": {"edge_agent/mqtt/session.py"},
}


def modules(package: str) -> Iterator[Path]:
    yield from sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            yield node.module or ""


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_module_imports_a_layer_above_its_own(package: str) -> None:
    """No module imports a layer above its own, nor a host library below its place."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if name.split(".")[0] in FORBIDDEN[package] - _allowed(path)
    ]
    assert not wrong


def _allowed(path: Path) -> set[str]:
    return {"torch"} if str(path.relative_to(ROOT)).startswith(WITH_TORCH) else set()


def test_nothing_in_the_quantiser_depends_on_its_training() -> None:
    """Whoever converts needs no torch: only `quantization.qat` itself imports that part."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules("quantization")
        for name in imports(path)
        if name.startswith("quantization.qat") and not _allowed(path)
    ]
    assert not wrong
    assert "torch" in {name for path in modules(WITH_TORCH) for name in imports(path)}


def test_the_quantiser_sees_only_the_devices_arithmetic() -> None:
    """`quantization` knows the bundle's arithmetic and the runtime, not the daemon."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("quantization")
        for name in imports(path)
        if name.startswith("edge_agent") and not name.startswith(QUANTIZATION_SEES)
    ]
    assert not wrong


@pytest.mark.parametrize("library", SOLE_IMPORTERS)
def test_heavy_libraries_have_one_importer(library: str) -> None:
    """An interpreter and the MQTT client are each imported in one file of the product."""
    importers = {
        str(path.relative_to(ROOT))
        for package in FORBIDDEN
        for path in modules(package)
        for name in imports(path)
        if name == library or name.startswith(library + ".")
    }
    assert importers <= SOLE_IMPORTERS[library]


# So many files lie on one floor at most; the leaves of a table, one file an entry, are no floor.
FLOOR = 12
TABLES = {"quantization/lower/ops", "quantization/reference/kernels"}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_floor_is_crowded(package: str) -> None:
    """What a file is there for shows in its folder."""
    floors: dict[str, int] = {}
    for path in modules(package):
        floor = str(path.parent.relative_to(ROOT))
        floors[floor] = floors.get(floor, 0) + (path.name != "__init__.py")
    assert {floor for floor, files in floors.items() if files > FLOOR} <= TABLES


# A module longer than this has more than one responsibility.
LINES = 400


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_module_is_too_long_to_be_read_at_once(package: str) -> None:
    """A module that grows beyond this is cut where its responsibilities part."""
    lengths = {path: len(path.read_text().splitlines()) for path in modules(package)}
    assert max(lengths.values()) > LINES / 2, "no module was measured"
    assert {path for path, lines in lengths.items() if lines > LINES} == set()


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_module_imports_itself_by_a_detour(package: str) -> None:
    """A circle cannot be read from any end; imports for types alone count."""
    needs = _needs(package)
    graph = {name: needed & needs.keys() for name, needed in needs.items()}
    assert _circles(graph) == set()


# The rooms of each package, the lowest first: a module imports from its own room and from those
# before it. A module at the top of a package is a room of its own.
ROOMS: dict[str, tuple[str, ...]] = {
    # What is agreed on; what gives frames; what becomes of answers; what looks at frames; then the
    # services around it, and at the top the commands.
    "edge_agent": (
        "common",
        "kinds",
        "system",
        "bundle",
        "mqtt",
        "sources",
        "light",
        "contract",
        "outbox",
        "pictures",
        "tasks",
        "inference",
        "publish",
        "stream",
        "homeassistant",
        "remote",
        "client",
        "config",
        "service",
        "events",
        "check",
        "doctor",
        "running",
        "assembly",
        "agent",
        "bench",
        "cli",
    ),
    # In the order in which the steps of the quantiser run: a graph, and what is known of its
    # operators; folding, scales, remedies, lowering; then what puts these together.
    "quantization": (
        "errors",
        "recipe",
        "graph",
        "operators",
        "fold",
        "scales",
        "remedies",
        "lower",
        "quantize",
        "convert",
        "reference",
        "qat",
        "doctor",
    ),
    # From pictures to a network, and from it to a verified bundle: data, training, measuring, the
    # tasks that say what all of it is about, a run of them; then what uses a bundle, and commands.
    "pipeline": (
        "common",
        "near",
        "data_recipe",
        "recipe",
        "arch",
        "data",
        "models",
        "checkpoints",
        "weights",
        "training",
        "pruning",
        "measure",
        "ladder",
        "report",
        "evaluation",
        "tasks",
        "run",
        "convert",
        "doctor",
        "command_line",
        "predict",
        "explain",
        "compare",
        "begin",
        "catalogue",
        "architectures",
        "broker",
        "demo",
        "cli",
        "entry",
    ),
}


@pytest.mark.parametrize("package", ROOMS)
def test_no_room_imports_one_that_comes_after_it(package: str) -> None:
    """The order of a package's rooms is declared, and what is built last is imported by none."""
    needs = _needs(package)
    assert _backwards(package, ROOMS[package], needs) == []
    assert {_room(name) for name in needs} == set(ROOMS[package])


def test_an_import_from_a_later_room_is_found() -> None:
    """Must fire: by its two modules; what is in one room may import from each other."""
    needs = {"p.low.a": {"p.low.b", "p.top"}, "p.low.b": set[str](), "p.top": {"p.low.b", "re"}}
    assert _backwards("p", ("low", "top"), needs) == ["p.low.a imports p.top"]


# What a task writes down and answers, and the units of it: loaded with every bundle and message,
# so a room of its own beside what the task does.
KINDS = re.compile(r"edge_agent\.tasks\.(kinds|units|\w+\.(spec|answer))")


def _room(module: str) -> str:
    return "kinds" if KINDS.fullmatch(module) else module.split(".")[1]


def _backwards(package: str, rooms: tuple[str, ...], needs: dict[str, set[str]]) -> list[str]:
    return [
        f"{name} imports {needed}"
        for name, imported in sorted(needs.items())
        for needed in sorted(imported & needs.keys())
        if rooms.index(_room(needed)) > rooms.index(_room(name))
    ]


def test_a_circle_is_found() -> None:
    """Must fire: two that need each other, and what only leads to them is not among them."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set[str]()}
    assert _circles(graph) == {"b", "c"}


def _needs(package: str) -> dict[str, set[str]]:
    """The modules that each module of a package imports; a package's own `__init__` is none."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): set(_imported_modules(path))
        for path in modules(package)
        if path.name != "__init__.py"
    }


def _imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _circles(graph: dict[str, set[str]]) -> set[str]:
    """Those that reach themselves."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = [*graph[start]]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += graph[name]
        return found

    return {name for name in graph if name in reached(name)}


def test_the_layer_test_sees_imports() -> None:
    """Must fire: the walker finds imports inside functions too, so nothing slips past it."""
    found = set(imports(ROOT / "edge_agent" / "cli.py"))
    assert {"argparse", "edge_agent.agent"} <= found
    assert list(modules("edge_agent"))
