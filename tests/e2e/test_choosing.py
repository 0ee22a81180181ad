"""Choosing among networks, as a user does it: several built, compared, looked into."""

import json
from pathlib import Path

from support.commands import TINY, edgeward, the_error

from edge_agent.common.exit_codes import ExitCode


def test_several_architectures_are_built_and_compared(tmp_path: Path) -> None:
    """One whose code is nowhere stops no other; the runs can be compared, and looked into."""
    (tmp_path / "tiny.toml").write_text(TINY)
    done = edgeward(
        "build", "tiny.toml", "--arch", "vgg_tiny,module:nowhere.Net,ds_cnn", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    runs = tmp_path / "runs" / "tiny-architectures"
    assert "module:nowhere.Net: " in done.stderr
    assert not (runs / "module-nowhere.Net" / "verify").exists()
    for arch in ("vgg_tiny", "ds_cnn"):
        assert (runs / arch / "verify" / f"tiny-{arch}.edgeward").is_file()
        assert arch in done.stdout
    assert "written runs/tiny-architectures/compare.html" in done.stdout
    assert (runs / "compare.csv").read_text().count("\n") == 4

    again = edgeward("compare", runs, "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    (group,) = json.loads(again.stdout)["groups"]
    states = {run["name"]: run["state"] for run in group["runs"]}
    assert states == {
        **dict.fromkeys(("vgg_tiny", "ds_cnn"), "proven"),
        "module-nowhere.Net": "unfinished",
    }
    assert [key["key"] for key in group["differences"]] == ["model.arch"]
    assert not (tmp_path / "compare.html").exists()

    shown = edgeward("explain", runs / "ds_cnn", "--out", "one.html", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "Depthwise convolution" in (tmp_path / "one.html").read_text()


def test_none_that_passes_its_gates_is_an_error(tmp_path: Path) -> None:
    """With the status of a gate, after the table with what was measured."""
    (tmp_path / "tiny.toml").write_text(TINY + "max_size_kb = 1\n")
    done = edgeward("build", "tiny.toml", "--arch", "ds_cnn", "--out", "out", cwd=tmp_path)
    assert done.returncode == ExitCode.GATE
    assert "passes its gates, found none of 1; measured: ds_cnn" in the_error(done)
    assert "ds_cnn: refused: size" in done.stdout
    assert (tmp_path / "out" / "compare.html").is_file()


def test_what_cannot_be_compared_or_explained_is_one_error(tmp_path: Path) -> None:
    """A folder that is no run, and a recipe that is none."""
    done = edgeward("compare", tmp_path)
    assert done.returncode == ExitCode.RUN_FOLDER
    assert "expected a run folder or a folder of them, found none" in the_error(done)
    (tmp_path / "recipe.toml").write_text(TINY)
    done = edgeward("explain", tmp_path)
    assert done.returncode == ExitCode.RUN_FOLDER
    assert "expected a run with an int8 network" in the_error(done)
    done = edgeward("build", tmp_path / "gone.toml", "--arch", "all-small")
    assert done.returncode == ExitCode.RECIPE


def test_the_architectures_are_listed(tmp_path: Path) -> None:
    """As JSON for programs, with a place for each figure that nobody measured."""
    done = edgeward("models", "--json", "--data-root", tmp_path)
    assert done.returncode == 0, done.stderr
    models = {one["name"]: one for one in json.loads(done.stdout)["models"]}
    assert models["mobilenet_v2"]["parameters"] == 3_504_872
    assert models["vgg_tiny"]["int8_cost"] is None
    done = edgeward("models", "--again")
    assert done.returncode == ExitCode.USAGE
