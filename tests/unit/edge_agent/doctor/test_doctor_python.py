"""Python, wheels, numpy and the runtime: what must be found wrong, and what must not."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.doctor import python
from edge_agent.doctor.python import PythonBuild, interpreter, numpy_for, packages, wrong_wheel

PI = PythonBuild((3, 11, 2), 64, "aarch64")
# Raspberry Pi OS 32-bit starts a 64-bit kernel on boards that can.
PI_32 = PythonBuild((3, 11, 2), 32, "aarch64")


@pytest.mark.parametrize("found", [PI, PI_32, PythonBuild((3, 14, 0), 64, "x86_64")])
def test_a_python_that_serves(found: PythonBuild) -> None:
    """Must not fire."""
    assert [finding.level for finding in interpreter(found)] == ["ok"]


@pytest.mark.parametrize(
    ("found", "text", "remedy"),
    [
        (
            PythonBuild((3, 9, 2), 64, "aarch64"),
            "CPython 3.9.2, 64-bit on aarch64",
            "install CPython 3.11 or newer",
        ),
        (
            PythonBuild((3, 11, 0), 64, "x86_64", "PyPy"),
            "PyPy 3.11.0, 64-bit on x86_64",
            "install CPython 3.11 or newer",
        ),
        (
            PythonBuild((3, 13, 5), 32, "armv7l"),
            "CPython 3.13.5, 32-bit on armv7l: no TFLite runtime is made for 32 bits beyond",
            "install a 64-bit system",
        ),
    ],
)
def test_a_python_that_does_not(found: PythonBuild, text: str, remedy: str) -> None:
    """Must fire: too old, another one, or one that no runtime exists for."""
    (finding,) = interpreter(found)
    assert finding.level == "fail"
    assert finding.found.startswith(text)
    assert finding.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64"], PI),
        (["cp37-abi3-manylinux_2_17_aarch64"], PI),
        (["py3-none-any"], PI_32),
        (["py2.py3-none-any"], PI),
        (["cp310-cp310-linux_aarch64", "cp311-cp311-linux_aarch64"], PI),
        (["cp311-cp311-linux_armv7l"], PI_32),
        ([], PI),
    ],
)
def test_a_wheel_for_this_python(tags: list[str], found: PythonBuild) -> None:
    """Must not fire: the very version, the stable ABI, no machine code, or no wheel at all."""
    assert wrong_wheel(tags, found) == ""


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["cp311-cp311-manylinux_2_17_x86_64"], PI),
        (["cp313-cp313-manylinux_2_17_aarch64"], PI),
        (["cp312-abi3-manylinux_2_17_aarch64"], PI),
        (["cp311-cp311-manylinux_2_17_aarch64"], PI_32),
        (["nonsense"], PI),
    ],
)
def test_a_wheel_for_another_python(tags: list[str], found: PythonBuild) -> None:
    """Must fire: an environment copied from another machine, or left by an upgrade."""
    assert wrong_wheel(tags, found) == (
        f"expected a wheel for cp311, {found.bits}-bit, found {tags[0]}"
    )


def test_what_is_installed_here_is_for_this_python() -> None:
    """Must not fire on the environment that runs the tests; must fire for another machine."""
    here = python.this_interpreter()
    assert {finding.level for finding in packages(here)} == {"ok"}
    other = PythonBuild(here.version, here.bits, "other")
    wrong = [finding for finding in packages(other) if finding.level == "fail"]
    # Whatever came from the system has no wheel to judge by; the runtime always has.
    assert {"ai-edge-litert", "tflite-runtime"} & {finding.check for finding in wrong}
    assert all("--force-reinstall" in finding.remedy for finding in wrong)


@pytest.mark.parametrize(
    ("runtimes", "numpy", "levels"),
    [
        (["tflite-runtime"], "1.26.4", ["ok"]),
        (["tflite-runtime"], "2.4.6", ["fail"]),
        (["ai-edge-litert"], "2.4.6", []),
        (["ai-edge-litert", "tflite-runtime"], "2.4.6", ["warn"]),
        (["ai-edge-litert", "tflite-runtime"], "1.26.4", ["ok"]),
        (["tflite-runtime"], None, []),
    ],
)
def test_tflite_runtime_wants_numpy_1(
    runtimes: list[str], numpy: str | None, levels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It imports with numpy 2 and fails at the first model; LiteRT takes either."""
    monkeypatch.delenv("EDGEWARD_RUNTIME", raising=False)
    found = numpy_for(runtimes, numpy)
    assert [finding.level for finding in found] == levels
    if levels == ["fail"]:
        assert found[0].found.endswith("imports, and fails at the first model")
        assert found[0].remedy.endswith("pip install 'numpy<2'")


def test_a_chosen_tflite_runtime_with_numpy_2_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Must fire: LiteRT beside it does not help who has chosen the other."""
    monkeypatch.setenv("EDGEWARD_RUNTIME", "tflite-runtime")
    assert numpy_for(["ai-edge-litert", "tflite-runtime"], "2.0.0")[0].level == "fail"


@pytest.mark.parametrize("module", ["numpy", "cv2", "msgspec", "paho.mqtt.client"])
def test_a_package_that_does_not_load_is_a_finding(module: str, tmp_path: Path) -> None:
    """Must fire: the doctor names it, and does not break with it."""
    code = f"""
import sys
sys.modules[{module!r}] = None
from edge_agent.cli import main
sys.exit(main(["doctor"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    assert "does not load" in lines[0]
    assert module.split(".")[0].replace("cv2", "opencv")[:5] in lines[0]
    # Wherever the line is broken.
    assert "pip install --force-reinstall" in " ".join(done.stdout.split())
    assert "mend that first, and ask again" in done.stdout


def test_no_runtime_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Must fire where neither is; must not fire here."""
    (finding,) = python.runtime()
    assert finding.level == "ok"
    monkeypatch.setenv("EDGEWARD_RUNTIME", "tflite-runtime")
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    (finding,) = python.runtime()
    assert finding.level == "fail"
    assert "found neither usable" in finding.found


@pytest.mark.parametrize(
    ("versions", "level"),
    [
        ({}, None),
        ({"opencv-python": "5.0.0.93"}, None),
        ({"opencv-python-headless": "4.14.0.94", "opencv-python": "4.14.0.94"}, None),
        ({"opencv-python-headless": "5.0.0.93", "opencv-python": "4.11.0.86"}, "warn"),
    ],
)
def test_two_opencvs_over_each_other_are_seen(versions: dict[str, str], level: str | None) -> None:
    """One `cv2` of two versions is neither; one package, whichever, or the same twice is well."""
    findings = python.one_opencv(versions)
    assert [finding.level for finding in findings] == ([level] if level else [])
    for finding in findings:
        assert "opencv-python 4.11.0.86 lie over each other" in finding.found
        assert "pip uninstall opencv-python, and then" in finding.remedy
