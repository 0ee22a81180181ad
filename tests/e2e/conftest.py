"""A finished run of the tiny recipe, built once by the real command."""

from pathlib import Path

import pytest
from support.commands import TINY, edgeward


@pytest.fixture(name="tiny_recipe")
def _tiny_recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(name="finished", scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder; tests copy it and never change it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.toml").write_text(TINY)
    done = edgeward("build", folder / "tiny.toml", "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    run = folder / "run"
    expected = f"bundle {run}/verify/tiny.edgeward\nreport {run}/report/report.html\n"
    assert done.stdout == expected
    return run
