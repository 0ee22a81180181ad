"""The documents are checked, not trusted."""

import importlib
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
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#:\s]*)(#[^)\s]+)?\)")
COMMAND = re.compile(r"\b(edgeward-agent|edgeward) ([a-z]+)((?:[^\S\n]+[^\s`|#]+)*)")


def page_name(path: Path) -> str:
    """How a test of this page is called: two pages may have the same file name."""
    return path.relative_to(ROOT).with_suffix("").as_posix()


def headings(path: Path) -> list[str]:
    """The headings of a page, without what is in blocks of code."""
    text = re.sub(r"(?m)^```[\s\S]*?^```$", "", path.read_text(encoding="utf-8"))
    return re.findall(r"(?m)^#+ (.+)$", text)


def anchor(heading: str) -> str:
    """What a link to this heading is called: lower case, dashes for blanks, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    """What a link into this page may name."""
    return {anchor(heading) for heading in headings(path)}


def script(name: str) -> ModuleType:
    """A script of `scripts/`, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="commands", scope="module")
def _commands() -> ModuleType:
    """The script that writes docs/reference/commands.md, as a module."""
    return script("write_commands")


@pytest.fixture(name="page", scope="module")
def _page(commands: ModuleType) -> str:
    text: str = commands.page()
    return text


def test_the_page_of_commands_is_what_they_say(page: str) -> None:
    """docs/reference/commands.md is the `--help` of today; `make docs` writes it anew."""
    assert (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("path", PAGES, ids=page_name)
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


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Relative links and pictures name files that are there, and headings that are in them."""
    for target, heading in LINK.findall(path.read_text(encoding="utf-8")):
        aim = (path.parent / target).resolve() if target else path
        assert aim.exists(), f"{path.name}: {target}"
        if heading:
            assert heading[1:] in anchors(aim), f"{path.name}: {target}{heading}"


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_no_heading_stands_twice(path: Path) -> None:
    """Two headings of one name on a page would make a link to either ambiguous."""
    names = [anchor(heading) for heading in headings(path)]
    assert sorted(set(names)) == sorted(names)


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    """Must fire: on a file and on a heading that are not there; must not: on an address."""
    (tmp_path / "there.md").write_text("# One\n\n```sh\n# no heading\n```\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md#one), [b](mailto:x@y.org)\n", encoding="utf-8")
    test_every_link_leads_somewhere(page)
    for wrong in ("[a](gone.md)", "[a](there.md#two)", "[a](there.md#no-heading)", "[a](#here)"):
        page.write_text(wrong, encoding="utf-8")
        with pytest.raises(AssertionError):
            test_every_link_leads_somewhere(page)


def test_the_readme_names_every_command(page: str) -> None:
    """A command that no newcomer is told of is missing from the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for title in re.findall(r"(?m)^## (\S+ \S+)$", page):
        program, name = title.split(" ")
        assert re.search(rf"`{program} [^`]*\b{name}\b", readme), title


def test_every_dependency_has_its_reason() -> None:
    """docs/explanation/decisions.md says of each package that is installed why it is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["host"]]
    text = (ROOT / "docs" / "explanation" / "decisions.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| ([a-z][^|]*) \|", text.partition("## Dependencies")[2])
    explained = {name for row in rows for name in row.split(", ")}
    for requirement in wanted:
        name = re.split(r"[<>=;\s]", requirement)[0]
        assert name in explained, name


def test_every_exit_status_is_documented() -> None:
    """docs/reference/exit-statuses.md has each status of the table, once."""
    text = (ROOT / "docs" / "reference" / "exit-statuses.md").read_text(encoding="utf-8")
    documented = [int(number) for number in re.findall(r"(?m)^\| (\d+) \|", text)]
    assert documented == sorted(int(code) for code in ExitCode)


def test_the_statuses_that_end_a_service_are_documented() -> None:
    """The page names those after which systemd does not restart the agent."""
    text = (ROOT / "docs" / "reference" / "exit-statuses.md").read_text(encoding="utf-8")
    said = re.search(r"ends with ([\d, ]+) or (\d+)\n", text)
    unit = (ROOT / "deploy" / "edgeward-agent.service").read_text(encoding="utf-8")
    held = re.search(r"(?m)^RestartPreventExitStatus=(.+)$", unit)
    assert said is not None
    assert held is not None
    assert [*said[1].split(", "), said[2]] == held[1].split()


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


def test_what_is_made_from_other_files_is_as_they_are() -> None:
    """Figures, recipes and keys are those of their homes; `make docs` writes them anew."""
    for path, text in script("write_pages").pages():
        assert path.read_text(encoding="utf-8") == text, path


def test_a_page_without_its_marks_is_an_error(tmp_path: Path) -> None:
    """Must fire: else what is generated would silently be left out."""
    page = script("write_pages").page
    (tmp_path / "page.md").write_text("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb", "utf-8")
    assert page(tmp_path / "page.md", "x", "new")[1].splitlines()[2] == "new"
    with pytest.raises(ValueError, match="expected <!-- y: begin -->"):
        page(tmp_path / "page.md", "y", "new")


def test_what_programs_may_import_is_there() -> None:
    """docs/reference/api.md and `quantization` name modules and names that exist."""
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    table = page.partition("| import | for |")[2].partition("\n\n")[0]
    modules = set(re.findall(r"`((?:edge_agent|quantization)\.[a-z_.]+)`", table))
    assert {"edge_agent.client", "quantization.convert"} <= modules
    for module in modules:
        importlib.import_module(module)
    said = importlib.import_module("quantization").__doc__ or ""
    for module, names in re.findall(r"`(quantization\.[a-z_.]+)`\s+\(([^)]+)\)", said):
        found = importlib.import_module(module)
        for name in re.findall(r"`(\w+)`", names):
            assert hasattr(found, name), f"{module}.{name}"


PATH = re.compile(
    r"`((?:edge_agent|pipeline|quantization|tests|scripts|benchmarks|deploy|findings)/[\w./{},*-]+)`"
)


def missing_paths(text: str) -> list[str]:
    """The files and folders of this tree that `text` names and that are not there."""
    return [
        path
        for named in PATH.findall(text)
        for path in _alternatives(named)
        if not any(ROOT.glob(path.rstrip("/")))
    ]


def _alternatives(path: str) -> list[str]:
    """`a/{b,c}.py` as `a/b.py` and `a/c.py`."""
    before, found, rest = path.partition("{")
    if not found:
        return [path]
    words, _, after = rest.partition("}")
    return [one for word in words.split(",") for one in _alternatives(f"{before}{word}{after}")]


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_every_file_that_a_document_names_is_there(path: Path) -> None:
    """A module that has moved is found by a page that still sends its readers there."""
    text = path.read_text(encoding="utf-8")
    # Names in capitals stand for any.
    assert [name for name in missing_paths(text) if not re.search(r"/[A-Z]+\b", name)] == []


def test_a_file_that_has_moved_is_noticed() -> None:
    """Must fire: on what was there before; must not: on a folder that is."""
    text = "`edge_agent/stream.py`, `edge_agent/stream/`, `edge_agent/{cli,gone}.py`, `tests/*.md`"
    assert missing_paths(text) == ["edge_agent/stream.py", "edge_agent/gone.py", "tests/*.md"]


def test_every_page_has_its_place_in_the_menu() -> None:
    """`make site` ends at a page that no menu leads to; its order is in scripts/site/conf.py."""
    order: dict[str, str] = script("site/conf").ORDER
    placed = {"index"}
    for name, pages in order.items():
        folder = Path(name).parent
        placed |= {(folder / page).as_posix() for page in pages.split()}
    docs = ROOT / "docs"
    found = {
        path.relative_to(docs).with_suffix("").as_posix()
        for path in docs.rglob("*.md")
        if "schemas" not in path.parts
    }
    assert placed == found
