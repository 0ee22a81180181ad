"""Fixtures of the doctor's tests: nets made to hurt as files, and what was found about one."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.hurt_nets import healthy, outlier_channel, samples, silu_concat

from pipeline.common.progress import SILENT
from pipeline.convert import Preprocessing
from pipeline.doctor.case import Case
from pipeline.doctor.cases import open_case
from pipeline.doctor.examine import examine
from pipeline.doctor.findings import Findings
from quantization.recipe import QuantRecipe


@pytest.fixture(name="nets", scope="session")
def _nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with healthy.onnx, outlier.onnx, silu.onnx and samples.npz."""
    folder = tmp_path_factory.mktemp("nets")
    for name, hurt in (("healthy", healthy()), ("outlier", outlier_channel()),
                       ("silu", silu_concat())):  # fmt: skip
        onnx.save(hurt.model, folder / f"{name}.onnx")
    np.savez(folder / "samples.npz", x=samples())
    return folder


def case_of(folder: Path, name: str) -> Case:
    """The case of one of the nets, without progress."""
    with (folder / "log").open("w") as log:
        opened = open_case(
            folder / f"{name}.onnx", folder / "samples.npz", Preprocessing(), QuantRecipe(), 32,
            None, log,
        )  # fmt: skip
    return Case(**{**vars(opened), "progress": SILENT})


@pytest.fixture(name="hurt", scope="session")
def _hurt(nets: Path) -> Findings:
    """What was found about silu.onnx, with trials."""
    return examine(case_of(nets, "silu"))


@pytest.fixture(name="sound", scope="session")
def _sound(nets: Path) -> Findings:
    """What was found about healthy.onnx, without trials."""
    return examine(case_of(nets, "healthy"), remedies=False)
