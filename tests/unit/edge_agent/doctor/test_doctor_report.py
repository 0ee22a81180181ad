"""What the doctor prints: aligned lines for people, one document for programs."""

import json

import pytest

from edge_agent.cli import main
from edge_agent.common.exit_codes import ExitCode
from edge_agent.doctor import examine as module
from edge_agent.doctor.report import Finding, as_json, fail, failed, ok, render, skip, warn

FOUND = [
    ok("clock", "right"),
    warn("disk", "nearly full", "remove " + "files and " * 20 + "more"),
    skip("power", "cannot be told"),
    fail("broker port", "closed\nWATCH", "open it"),
]


def test_lines_are_aligned_and_the_remedy_is_below() -> None:
    """Level, check and finding start in the same column, whatever they are."""
    lines = "\n".join(render(finding) for finding in FOUND).splitlines()
    assert lines[0] == "ok    clock                   right"
    assert lines[-2] == r"fail  broker port             closed\nWATCH"
    assert lines[-1] == " " * 30 + "-> open it"
    assert max(map(len, lines)) <= 96
    remedy = [line for line in lines if line.startswith(" " * 30)]
    assert all(line[30:33] in ("-> ", "   ") for line in remedy)


def test_the_document_counts_and_lists() -> None:
    """A schema with its version, and every finding with its four parts."""
    document = json.loads(as_json(FOUND))
    assert document["schema"] == "edgeward.doctor/1"
    assert document["counts"] == {"ok": 1, "warn": 1, "fail": 1, "skip": 1}
    assert document["findings"][0] == {
        "check": "clock",
        "level": "ok",
        "found": "right",
        "remedy": "",
    }


def test_only_a_failure_fails() -> None:
    """A warning keeps nobody from his work."""
    assert failed(FOUND)
    assert not failed(FOUND[:3])


@pytest.mark.parametrize(("findings", "status"), [(FOUND, ExitCode.DOCTOR), (FOUND[:3], 0)])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_command_has_a_status_of_its_own(
    findings: list[Finding],
    status: int,
    form: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """3 if anything fails, for people and for programs."""
    monkeypatch.setattr(module, "examine", lambda path, host: iter(findings))
    assert main(["doctor", *form]) == status
    out = capsys.readouterr().out
    assert json.loads(out)["findings"] if form else out.splitlines()
