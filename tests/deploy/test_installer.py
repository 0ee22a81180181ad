"""deploy/install.sh: what it chooses, that it may be repeated, and what it removes.

Most of it is tried with a Python that only says what it was asked to do; once with a real one.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLER = ROOT / "deploy" / "install.sh"
# Answers what the installer asks of a Python, makes an "environment", and writes down the rest.
FAKE = """#!{python}
import os, pathlib, shutil, sys
here, log = pathlib.Path(sys.argv[0]), os.environ["FAKE_LOG"]
arguments = sys.argv[1:]
if arguments[:1] == ["-c"]:
    ask = arguments[1]
    if "calcsize" in ask: print(os.environ.get("FAKE_BITS", "64"))
    elif "(3, 12)" in ask: print(os.environ.get("FAKE_OLD", "yes"))
    elif "(3, 11)" in ask: sys.exit(os.environ.get("FAKE_TOO_OLD") == "yes")
    elif "picamera2" in ask: sys.exit(os.environ.get("FAKE_PICAMERA") != "yes")
    elif "numpy.__version__" in ask: print(os.environ.get("FAKE_NUMPY", "2"))
    elif "sys.executable" in ask: print("fake python", os.environ.get("FAKE_VERSION", "3.11"))
    sys.exit(0)
open(log, "a").write(" ".join(arguments) + "\\n")
if arguments[:2] == ["-m", "venv"]:
    folder = pathlib.Path(arguments[-1])
    if "--clear" in arguments: shutil.rmtree(folder)
    (folder / "bin").mkdir(parents=True)
    if os.environ.get("FAKE_FAILING") == "venv": sys.exit("no space left")
    shutil.copy(here, folder / "bin/python")
if "install" in arguments and os.environ.get("FAKE_FAILING") == "pip": sys.exit("no network")
if arguments == ["--version"]: print("Python 3.fake")
"""


class Machine:
    """A folder in the place of a system, with a Python that pretends."""

    def __init__(self, folder: Path) -> None:
        self.root, self.log = folder / "root", folder / "log"
        self.python = folder / "fake-python"
        self.python.write_text(FAKE.replace("{python}", sys.executable))
        self.python.chmod(0o755)
        self.wheel = folder / "edgeward-0.1.0-py3-none-any.whl"
        self.wheel.write_text("")

    def install(self, *arguments: str, **fake: str) -> subprocess.CompletedProcess[str]:
        """Run the installer; `fake` says what the pretended Python is."""
        self.log.write_text("")
        environment = {f"FAKE_{name.upper()}": value for name, value in fake.items()}
        return subprocess.run(
            [
                *(str(INSTALLER), "--root", str(self.root), "--wheel", str(self.wheel)),
                *("--python", str(self.python), *arguments),
            ],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "FAKE_LOG": str(self.log), **environment},
        )

    @property
    def asked(self) -> str:
        """What Python was told to do, a line each."""
        return self.log.read_text()


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_scripts_are_clean() -> None:
    """Clean by shellcheck are the installer, and what the package runs."""
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("needs shellcheck: install the system's package `shellcheck`")
    scripts = [INSTALLER, *sorted((ROOT / "deploy" / "debian").iterdir())]
    done = subprocess.run([tool, *map(str, scripts)], capture_output=True, text=True)
    assert done.stdout == ""


def test_files_go_where_they_belong(machine: Machine) -> None:
    """The unit, the command and the example; and what to do next."""
    done = machine.install()
    assert (done.returncode, done.stderr) == (0, "")
    unit = (machine.root / "etc/systemd/system/edgeward-agent.service").read_text()
    assert "ExecStart=/opt/edgeward/bin/edgeward-agent run " in unit
    command = machine.root / "usr/local/bin/edgeward-agent"
    assert str(command.readlink()) == "/opt/edgeward/bin/edgeward-agent"
    assert (machine.root / "etc/edgeward/agent.example.toml").is_file()
    assert "sudo edgeward-agent doctor" in done.stdout


def test_it_may_be_repeated(machine: Machine) -> None:
    """The environment is kept, the agent renewed, a configuration never touched."""
    assert machine.install().returncode == 0
    assert "-m venv" in machine.asked
    config = machine.root / "etc/edgeward/agent.toml"
    config.write_text("mine")
    done = machine.install()
    assert done.returncode == 0
    assert "-m venv" not in machine.asked
    assert "--force-reinstall" in machine.asked
    assert config.read_text() == "mine"
    assert "sudo cp" not in done.stdout


def test_an_upgraded_python_gets_a_new_environment(machine: Machine) -> None:
    """Packages of the old one would not load in it."""
    machine.install(version="3.11")
    old = machine.root / "opt/edgeward/lib/python3.11"
    old.mkdir(parents=True)
    assert machine.install(version="3.13").returncode == 0
    assert "-m venv" in machine.asked
    assert not old.exists()


@pytest.mark.parametrize("failing", ["venv", "pip"])
@pytest.mark.parametrize("installed", [False, True])
def test_an_interrupted_install_is_mended(installed: bool, failing: str, machine: Machine) -> None:
    """Whatever failed, the folder is known for the installer's own: made anew, and removed."""
    if installed:
        assert machine.install(version="3.11").returncode == 0
    assert machine.install(version="3.13", failing=failing).returncode == 1
    done = machine.install(version="3.13")
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.install(version="3.12", failing=failing).returncode == 1
    done = machine.install("--uninstall")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (machine.root / "opt/edgeward").exists()


@pytest.mark.parametrize("lists", [False, True])
def test_package_lists_are_fetched_where_there_are_none(lists: bool, tmp_path: Path) -> None:
    """An image fresh from its maker knows no package; one that does is not kept waiting."""
    log, known = tmp_path / "log", tmp_path / "lists"
    if lists:
        known.touch()
    tool = tmp_path / "apt-get"
    tool.write_text(
        f'#!/bin/sh\necho "$1" >>{log}\n'
        f"if [ $1 = update ]; then : >{known}; else [ -e {known} ]; fi\n"
    )
    tool.chmod(0o755)
    text = INSTALLER.read_text()
    functions = text[text.index("apt_get_install()") : text.index("# --- Python and the runtime")]
    done = subprocess.run(
        ["sh", "-euc", f'ROOT=""; say() {{ :; }}\n{functions}\napt_install gcc'],
        capture_output=True,
        text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    asked = log.read_text().split()
    assert asked == (["install"] if lists else ["install", "update", "install"])


@pytest.mark.parametrize(
    ("fake", "wanted", "unwanted"),
    [
        ({}, "edgeward-0.1.0-py3-none-any.whl numpy", "tflite"),
        ({}, "/deploy/constraints.txt ", "numpy1"),
        ({"picamera": "yes", "numpy": "1"}, "/deploy/constraints-numpy1.txt ", "constraints.txt"),
        ({"bits": "32", "numpy": "1"}, "/deploy/constraints-numpy1.txt ", "constraints.txt"),
        ({"picamera": "yes"}, "venv --system-site-packages", "numpy<2"),
        ({"picamera": "yes", "numpy": "1"}, "any.whl numpy<2", "tflite"),
        ({"bits": "32", "numpy": "1"}, "--no-deps tflite-runtime>=2.14", "ai-edge-litert"),
        ({"bits": "32", "numpy": "1"}, "venv --system-site-packages", " numpy"),
    ],
    ids=[
        *("64-bit", "64-bit-versions", "picamera-numpy-1-versions", "32-bit-versions"),
        *("picamera", "picamera-numpy-1", "32-bit", "32-bit-numpy"),
    ],
)
def test_the_runtime_goes_by_python(
    fake: dict[str, str], wanted: str, unwanted: str, machine: Machine
) -> None:
    """LiteRT on 64 bits, tflite-runtime on 32; the system's packages where pip has none."""
    done = machine.install(**fake)
    assert done.returncode == 0, done.stderr
    assert wanted in machine.asked
    assert unwanted not in machine.asked


def test_a_chosen_runtime_is_the_only_one(machine: Machine) -> None:
    """tflite-runtime by choice, with the numpy it needs: LiteRT is taken out again."""
    assert machine.install("--runtime", "tflite-runtime").returncode == 0
    assert "any.whl[tflite]" in machine.asked
    assert "uninstall -q -y ai-edge-litert" in machine.asked


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--runtime", "tflite-runtime"], str(ROOT / "deploy/constraints-numpy1.txt")),
        (["--constraints", str(ROOT / "constraints.txt")], str(ROOT / "constraints.txt")),
        (["--constraints", "none"], None),
    ],
)
def test_the_versions_may_be_chosen(
    arguments: list[str], named: str | None, machine: Machine
) -> None:
    """By the runtime, by a file, or not at all; every call of pip keeps to them."""
    assert machine.install(*arguments).returncode == 0
    installs = [line for line in machine.asked.splitlines() if " install " in line]
    assert len(installs) == 2
    for line in installs:
        assert (f" -c {named} " in line) if named else (" -c " not in line)


@pytest.mark.parametrize(
    ("arguments", "fake", "said"),
    [
        ([], {"too_old": "yes"}, "expected Python 3.11 or newer, found Python 3.fake"),
        ([], {"bits": "32", "old": "no"}, "tflite-runtime is made up to Python 3.11"),
        (["--runtime", "ai-edge-litert"], {"bits": "32"}, "made for 64-bit systems only"),
        (["--runtime", "onnx"], {}, "expected ai-edge-litert or tflite-runtime, found onnx"),
        (["--wheel", "none.whl"], {}, "none.whl: expected edgeward-*.whl, found nothing"),
        (["--purge"], {}, "--purge: expected with --uninstall"),
        (["--constraints", "none.txt"], {}, "none.txt: expected the versions to install, found"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_done(
    arguments: list[str], fake: dict[str, str], said: str, machine: Machine
) -> None:
    """One line; no environment, no files."""
    done = machine.install(*arguments, **fake)
    assert done.returncode == 1
    assert said in done.stderr
    assert not machine.root.exists()


def test_a_folder_of_somebody_elses_is_left_alone(machine: Machine) -> None:
    """Neither installed into nor removed."""
    theirs = machine.root / "opt/edgeward/precious"
    theirs.mkdir(parents=True)
    for arguments in ([], ["--uninstall"]):
        done = machine.install(*arguments)
        assert done.returncode == 1
        assert "found something else" in done.stderr
    assert theirs.exists()


@pytest.mark.parametrize("purge", [False, True])
def test_uninstalling_leaves_what_is_the_users(purge: bool, machine: Machine) -> None:
    """Configuration, secrets and state stay, unless they shall go too; twice does no harm."""
    machine.install()
    for path in ("etc/edgeward/agent.toml", "etc/credstore/edgeward.broker", "var/lib/edgeward/x"):
        (machine.root / path).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / path).write_text("mine")
    for _ in range(2):
        done = machine.install("--uninstall", *(["--purge"] if purge else []))
        assert (done.returncode, done.stderr) == (0, "")
    left = sorted(
        str(p.relative_to(machine.root)) for p in machine.root.rglob("*") if not p.is_dir()
    )
    kept = [
        "etc/credstore/edgeward.broker",
        "etc/edgeward/agent.example.toml",
        "etc/edgeward/agent.toml",
        "var/lib/edgeward/x",
    ]
    assert left == ([] if purge else kept)


def test_a_real_install_runs(tmp_path: Path) -> None:
    """From the wheel to `edgeward-agent doctor`, with the packages of the index.

    They are the tested ones, and again when it is run again over newer ones.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    if subprocess.run([*pip, "--version"], capture_output=True).returncode:
        pytest.skip("needs pip")
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("edgeward-*.whl")
    root = tmp_path / "root"
    python = str(Path(sys.executable).resolve())
    install = [str(INSTALLER), "--root", str(root), "--wheel", str(wheel), "--python", python]
    done = subprocess.run(install, capture_output=True, text=True)
    if "No matching distribution" in done.stderr or "onnection" in done.stderr:
        pytest.skip("needs a package index that answers")
    assert done.returncode == 0, done.stderr
    theirs = root / "opt/edgeward/bin/python"
    assert versions(theirs).items() >= shipped().items()
    newer = [*pip, "--python", str(theirs), "install", "--upgrade", "--no-deps", "msgspec"]
    subprocess.run(newer, check=True)
    assert subprocess.run(install, capture_output=True).returncode == 0
    assert versions(theirs)["msgspec"] == shipped()["msgspec"]
    command = root / "opt/edgeward/bin/edgeward-agent"
    doctor = subprocess.run(
        [str(command), "doctor"], capture_output=True, text=True, cwd=tmp_path, env={}
    )
    assert "ok    runtime" in doctor.stdout, doctor.stderr
    assert "ok    inference" in doctor.stdout
    assert "ok    camera software" in doctor.stdout
    assert "ok    video software" in doctor.stdout
    assert doctor.returncode == 0


def shipped() -> dict[str, str]:
    """The versions of deploy/constraints.txt that are for this machine."""
    lines = (ROOT / "deploy/constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def versions(python: Path) -> dict[str, str]:
    """What the environment of `python` has."""
    code = (
        "import importlib.metadata as found, json\n"
        "print(json.dumps({one.name: one.version for one in found.distributions()}))"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
