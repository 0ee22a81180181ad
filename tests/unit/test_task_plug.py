"""A task is a plug: nothing but its own folder and the lists of tasks knows which one it is."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The lists of tasks: who is in them may be used everywhere, by what every task has.
LISTS = {
    "edge_agent/tasks/kinds.py",
    "edge_agent/tasks/registry.py",
    "pipeline/tasks/__init__.py",
}
# Folders of tasks, by package; a folder is a task's if the device has it.
HOMES = ("edge_agent/tasks", "pipeline/tasks")
TASKS = tuple(
    sorted(path.parent.name for path in (ROOT / HOMES[0]).glob("*/spec.py") if path.is_file())
)
# Files that still tell tasks apart. It only becomes shorter.
TO_DO: set[str] = set()


@dataclass(frozen=True)
class Wrong:
    """One place that tells tasks apart."""

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


def classes() -> dict[str, str]:
    """The specs, answers and options of every task, by the class's name: whose they are."""
    found = {}
    for task in TASKS:
        for name in ("spec", "answer", "options"):
            path = ROOT / HOMES[0] / task / f"{name}.py"
            for node in ast.parse(path.read_text()).body if path.exists() else ():
                if isinstance(node, ast.ClassDef):
                    found[node.name] = task
    return found


def wrong(path: str, source: str, owners: dict[str, str]) -> Iterator[Wrong]:
    """Where the module at `path` knows a task that is not its own."""
    own = task_of(path)
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        for task in sorted(
            {task_of(f"{name.replace('.', '/')}/") or "" for name in imported(node)}
        ):
            if task not in ("", own):
                yield Wrong(path, line, f"imports of the task {task}")
        for name in asked(node):
            if owners.get(name, own) != own:
                yield Wrong(path, line, f"asks whether something is a {name}")
        if isinstance(node, ast.Constant) and node.value in TASKS and node.value != own:
            yield Wrong(path, node.lineno, f"names {node.value!r}")


def task_of(path: str) -> str | None:
    """Whose folder a file is in; None for nobody's."""
    for home in HOMES:
        rest = path.removeprefix(f"{home}/")
        if rest != path and "/" in rest and rest.split("/")[0] in TASKS:
            return rest.split("/")[0]
    return None


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that a statement imports, or that a text names whole, as for importlib."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if all(part.isidentifier() for part in node.value.split(".")):
            yield node.value
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def asked(node: ast.AST) -> Iterator[str]:
    """The classes that `isinstance`, a comparison of `type(x)` or a `case` asks for."""
    if isinstance(node, ast.MatchClass):
        yield from named(node.cls)
    elif isinstance(node, ast.Compare) and ast.unparse(node.left).startswith("type("):
        yield from (name for each in node.comparators for name in named(each))
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
        yield from (name for arg in node.args[1:] for name in named(arg))


def named(node: ast.AST) -> Iterator[str]:
    """The plain names in an expression."""
    yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    yield from (n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute))


def modules(package: str) -> Iterator[str]:
    """The files of a package that are in no list."""
    for path in sorted((ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in LISTS:
            yield name


@pytest.mark.parametrize("package", ["edge_agent", "quantization", "pipeline"])
def test_only_a_tasks_folder_and_the_lists_know_it(package: str) -> None:
    """No import of a task's module, no question for its classes, no name of it elsewhere."""
    owners = classes()
    found = [
        each
        for path in modules(package)
        if path not in TO_DO
        for each in wrong(path, (ROOT / path).read_text(), owners)
    ]
    assert not found, "\n".join(map(str, found))


def test_what_is_still_to_do_is_still_wrong() -> None:
    """A file that tells tasks apart no more leaves the list."""
    owners = classes()
    done = {p for p in TO_DO if not [*wrong(p, (ROOT / p).read_text(), owners)]}
    assert not done


def test_the_tasks_are_found() -> None:
    """Must fire: the guard knows the tasks there are, and what is theirs."""
    assert {"classify", "ocr"} <= set(TASKS)
    assert {"Classification": "classify", "TextOptions": "ocr"}.items() <= classes().items()


@pytest.mark.parametrize(
    ("path", "source", "why"),
    [
        (
            "edge_agent/a.py",
            "import edge_agent.tasks.ocr.look",
            "imports of the task ocr",
        ),
        (
            "pipeline/a.py",
            "from edge_agent.tasks import ocr",
            "imports of the task ocr",
        ),
        (
            "edge_agent/tasks/classify/a.py",
            "def f():\n    from edge_agent.tasks.ocr.answer import Text",
            "imports of the task ocr",
        ),
        ("edge_agent/a.py", "isinstance(x, a.Text | int)", "asks whether something is a Text"),
        (
            "pipeline/a.py",
            "match x:\n    case Reading(): pass",
            "asks whether something is a Reading",
        ),
        ("pipeline/a.py", "x == 'ocr'", "names 'ocr'"),
        ("pipeline/a.py", "type(x) is Text", "asks whether something is a Text"),
        ("pipeline/a.py", "load('pipeline.tasks.ocr')", "imports of the task ocr"),
    ],
)
def test_a_place_that_tells_tasks_apart_is_found(path: str, source: str, why: str) -> None:
    """Must fire: each rule, in either package and in another task's folder."""
    assert why in {each.why for each in wrong(path, source, classes())}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("edge_agent/tasks/ocr/a.py", "from edge_agent.tasks.ocr.answer import Text\nx = 'ocr'"),
        ("pipeline/tasks/ocr/a.py", "from edge_agent.tasks.ocr.answer import Text"),
        ("pipeline/tasks/ocr/a.py", "isinstance(x, Text)"),
        ("pipeline/a.py", "from edge_agent.tasks.registry import task_of\n'''ocr and classify'''"),
        ("pipeline/a.py", "type(x) is type(y)"),
        ("pipeline/a.py", "load('pipeline.tasks.registry')"),
        ("edge_agent/a.py", "isinstance(x, int)"),
    ],
)
def test_what_a_task_does_at_home_is_its_own(path: str, source: str) -> None:
    """Must not fire: in its own folder, on either side, and through the lists."""
    assert not [*wrong(path, source, classes())]
