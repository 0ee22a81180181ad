"""No bound that nobody runs: what pyproject.toml lets in is what some environment has.

`make test` runs the host's lowest versions (constraints.txt), its newest over them, and a device's
lowest, newest and shipped ones; `tests/device` does the same for what the device's code asks for.
"""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from support.attributes import missing

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
HOST = [
    requirement
    for extra, requirements in EXTRAS.items()
    if extra not in ("dev", "tflite")
    for requirement in map(Requirement, requirements)
]


def constraints(name: str) -> dict[str, str]:
    """The versions of a constraints file, its own and those of the files that it names."""
    found: dict[str, str] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-c "):
            found |= constraints(line[3:])
        elif line and not line.startswith("#"):
            package, _, version = line.partition("==")
            found[canonicalize_name(package)] = version
    return found


def script(name: str) -> ModuleType:
    """A module of scripts/."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_hosts_lowest_versions_are_those_it_is_tested_with() -> None:
    """Each lower bound is the version of constraints.txt, with which the whole suite runs."""
    tested = constraints("constraints.txt")
    for requirement in HOST:
        (lowest,) = [part.version for part in requirement.specifier if part.operator == ">="]
        pinned = tested[canonicalize_name(requirement.name)]
        assert Version(lowest) == Version(pinned), requirement


def test_every_dependency_of_a_device_is_constrained() -> None:
    """Those of the base install and all that these bring: an install is the one that was tested."""
    for file in ("deploy/constraints.txt", "deploy/constraints-numpy1.txt"):
        known, waiting = set[str](), [Requirement(text) for text in PROJECT["dependencies"]]
        while waiting:
            requirement = waiting.pop()
            name = canonicalize_name(requirement.name)
            marker = requirement.marker
            if name in known or (marker is not None and not marker.evaluate({"extra": ""})):
                continue
            known.add(name)
            needs = importlib.metadata.requires(requirement.name) or []
            waiting += map(Requirement, needs)
        assert known >= {"numpy", "protobuf"}
        assert known <= set(constraints(file)), file


def test_the_two_sets_of_a_device_differ_where_numpy_does() -> None:
    """What is not numpy, nor compiled against it, nor the other runtime, has one version."""
    one, two = (constraints(f"deploy/constraints{name}.txt") for name in ("", "-numpy1"))
    assert {name for name in one.keys() & two.keys() if one[name] != two[name]} == {
        "numpy",
        "ml-dtypes",
    }
    assert one.keys() ^ two.keys() == {"tflite-runtime"}


def test_the_shipped_versions_are_within_the_bounds() -> None:
    """Otherwise the installer could install nothing."""
    shipped = constraints("deploy/constraints.txt")
    for requirement in map(Requirement, PROJECT["dependencies"]):
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(shipped[canonicalize_name(requirement.name)])


def test_the_lowest_versions_are_read_from_the_bounds() -> None:
    """One for each requirement that applies here; one without a bound is refused."""
    lowest = script("lowest_versions").lowest
    wanted = ["numpy>=1.26; python_version > '3'", "numpy>=1; python_version < '3'", "cv>=4.1,<6"]
    assert lowest(wanted) == ["numpy==1.26", "cv==4.1"]
    with pytest.raises(ValueError, match="numpy<2: expected one lower bound, found 0"):
        lowest(["numpy<2"])
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/lowest_versions.py")], capture_output=True, text=True
    )
    assert re.search(r"(?m)^numpy==1\.", done.stdout)


def test_what_is_newer_is_read_from_pips_report(tmp_path: Path) -> None:
    """All but our own wheel, which pip would install anew."""
    report = tmp_path / "report.json"
    entries = [("rich", "99"), ("edgeward", "0.1.0"), ("amqtt", "98")]
    install = [{"metadata": {"name": name, "version": version}} for name, version in entries]
    report.write_text(json.dumps({"install": install}))
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/newer_versions.py"), str(report)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "amqtt==98\nrich==99\n"


def test_the_host_asks_for_nothing_that_its_dependencies_lack() -> None:
    """Every name of another package in every module is there, in this environment's versions."""
    folders = ("edge_agent", "quantization", "pipeline")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    absent = frozenset({"tflite_runtime", "picamera2", "libcamera"})
    assert [f"{path}: {name}" for path in files for name in missing(path, absent)] == []


def test_every_module_of_a_host_loads() -> None:
    """In a process of its own, with the versions of this environment."""
    code = (
        "import importlib, pkgutil\n"
        "for package in ('quantization', 'pipeline'):\n"
        "    path = importlib.import_module(package).__path__\n"
        "    for found in pkgutil.walk_packages(path, package + '.'):\n"
        "        importlib.import_module(found.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
