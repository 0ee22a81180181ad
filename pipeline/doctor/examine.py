"""`examine`: a case in, findings out; `report` shows and writes them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec
from rich.console import Console

from edge_agent.common.atomic import write_whole
from pipeline.doctor.case import Case
from pipeline.doctor.findings import Findings
from pipeline.doctor.page import render
from pipeline.doctor.terminal import show
from quantization.doctor import diagnose
from quantization.doctor.trials import Trial, candidates, try_remedies
from quantization.scales.plan import int8_values

FOLDER = "doctor"
PAGE_FILE = "doctor.html"


def examine(case: Case, *, remedies: bool = True) -> Findings:
    """Diagnose a network, and try what may help an ONNX file that does not bring its scales.

    Args:
        case: what to examine.
        remedies: whether to try them.

    Raises:
        QuantizationError: the samples cannot be used.
    """
    layers = len(int8_values(case.folded))
    with case.progress.task("doctor: each layer alone", layers) as task:
        diagnosis = diagnose(case.folded, case.qdq, case.measured, task.advance)
    tried: list[Trial] = []
    if remedies and case.calibration is not None and not case.brought:
        count = len(candidates(case.folded, diagnosis, case.recipe))
        with case.progress.task("doctor: what helps", count) as task:
            for trial in try_remedies(
                case.folded, case.calibration, case.measured, diagnosis, case.recipe
            ):
                tried.append(trial)
                task.advance()
    return Findings(
        name=case.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        diagnosis=diagnosis,
        recipe=case.recipe,
        is_run=case.calibration is None,
        brought=case.brought,
        trials=tuple(tried),
        ladder=case.ladder,
        metrics=case.metrics,
        before=case.before,
    )


def report(
    case: Case,
    target: Path,
    page: Path | None,
    json: Path | None,
    stream: TextIO,
    *,
    remedies: bool = True,
) -> Iterator[Path]:
    """Examine a case, print what was found, and write the files that are asked for.

    Args:
        case: what to examine.
        target: what it came from: a run's page goes into its folder if nobody says where.
        page: where the page goes; None writes none for a file.
        json: where the findings go; None writes none.
        stream: what to print to.
        remedies: whether to try what helps an ONNX file.

    Yields:
        The files, once each is written, whole or not at all.

    Raises:
        QuantizationError: the samples cannot be used.
    """
    findings = examine(case, remedies=remedies)
    show(findings, Console(file=stream, highlight=False))
    page = page or (target / FOLDER / PAGE_FILE if target.is_dir() else None)
    if page is not None:
        write_whole(page, render(findings).encode())
        yield page
    if json is not None:
        write_whole(json, msgspec.json.format(msgspec.json.encode(findings), indent=2))
        yield json
