"""The device package stands alone: its base dependencies are all it needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOST_ONLY = ("torch", "onnx", "onnxruntime", "sklearn", "typer", "rich", "jinja2", "matplotlib")


def test_every_module_imports_without_a_host_library() -> None:
    """Each module of edge_agent loads in a fresh interpreter, and no host library with it."""
    names = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "edge_agent").rglob("*.py")
    )
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print([name for name in {HOST_ONLY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"
    assert len(names) > 20
