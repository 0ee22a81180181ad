"""The documents are checked, not trusted."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from edge_agent.common.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
COMMAND = re.compile(r"\b(edgeward-agent|edgeward) ([a-z]+)((?:[^\S\n]+[^\s`|#]+)*)")


@pytest.fixture(name="commands", scope="module")
def _commands() -> ModuleType:
    """The script that writes docs/commands.md, as a module."""
    spec = importlib.util.spec_from_file_location(
        "write_commands", ROOT / "scripts" / "write_commands.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="page", scope="module")
def _page(commands: ModuleType) -> str:
    text: str = commands.page()
    return text


def test_the_page_of_commands_is_what_they_say(page: str) -> None:
    """docs/commands.md is the `--help` of today; `make docs` writes it anew."""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_command_in_a_document_exists(path: Path, page: str) -> None:
    """Sub-commands and options that a document shows are ones the commands have."""
    sections = dict(re.findall(r"(?m)^## (.+)\n\n```\n([\s\S]*?)\n```$", page))
    for program, name, rest in COMMAND.findall(path.read_text(encoding="utf-8")):
        section = sections.get(f"{program} {name}")
        if section is None:
            # Prose: "edgeward and" is no command; one in code would be followed by arguments.
            assert "--" not in rest, f"{path.name}: {program} {name}{rest}"
            continue
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in section, f"{path.name}: {program} {name} has no {option}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Relative links and pictures name files that are there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_readme_names_every_command(page: str) -> None:
    """A command that no newcomer is told of is missing from the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for title in re.findall(r"(?m)^## (\S+ \S+)$", page):
        program, name = title.split(" ")
        assert re.search(rf"`{program} [^`]*\b{name}\b", readme), title


def test_every_dependency_has_its_reason() -> None:
    """docs/decisions.md says of each package that is installed why it is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["host"]]
    text = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| ([a-z][^|]*) \|", text.partition("## Dependencies")[2])
    explained = {name for row in rows for name in row.split(", ")}
    for requirement in wanted:
        name = re.split(r"[<>=;\s]", requirement)[0]
        assert name in explained, name


def test_every_exit_status_is_documented() -> None:
    """docs/recipes.md has each status of the table."""
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    table = text.partition("## Exit statuses")[2]
    documented = {int(number) for number in re.findall(r"\| (\d+) (?=\|)", table)}
    assert documented == {int(code) for code in ExitCode}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("edge_agent.cli", "cv2 ai_edge_litert tflite_runtime paho numpy"),
        ("pipeline.cli", "cv2 ai_edge_litert tflite_runtime paho torch onnx sklearn"),
    ],
)
def test_help_loads_nothing_heavy(module: str, heavy: str) -> None:
    """`--help` answers without OpenCV, an interpreter, an MQTT client or torch."""
    code = (
        f"import sys, {module} as cli\n"
        f"sys.argv = ['x', '--help']\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        f"print('loaded:', [m for m in {heavy.split()!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip().endswith("loaded: []")
