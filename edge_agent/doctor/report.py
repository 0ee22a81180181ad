"""`Finding`: one thing looked at, how it is, and what to do about it.

Nothing but the standard library: the doctor must be able to say that the rest is broken.
"""

import json
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from edge_agent import __version__
from edge_agent.common.errors import printable

# `skip`: it cannot be told here, and why.
Level: TypeAlias = Literal["ok", "warn", "fail", "skip"]
SCHEMA = "edgeward.doctor/1"
NAME_WIDTH = 23
TEXT_WIDTH = 96


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: what, in a word or two.
        level: `ok`; `warn`: it works, but not for long or not well; `fail`: the agent
            cannot do its work like this; `skip`: it cannot be told here.
        found: what was found.
        remedy: what to do; "" where nothing is to be done.
    """

    check: str
    level: Level
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def skip(check: str, why: str) -> Finding:
    """It cannot be told here."""
    return Finding(check, "skip", why)


def warn(check: str, found: str, remedy: str) -> Finding:
    """It works, but not for long or not well."""
    return Finding(check, "warn", found, remedy)


def fail(check: str, found: str, remedy: str) -> Finding:
    """The agent cannot do its work like this."""
    return Finding(check, "fail", found, remedy)


def failed(findings: Iterable[Finding]) -> bool:
    """Whether any of them is a failure."""
    return any(finding.level == "fail" for finding in findings)


def render(finding: Finding) -> str:
    """One line, and under it what to do: aligned with those of other findings."""
    lines = [f"{finding.level:<5} {finding.check:<{NAME_WIDTH}} {printable(finding.found)}"]
    if finding.remedy:
        indent = " " * (6 + NAME_WIDTH + 1)
        lines += textwrap.wrap(
            f"-> {printable(finding.remedy)}",
            max(TEXT_WIDTH, len(indent) + 40),
            initial_indent=indent,
            subsequent_indent=indent + "   ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def as_json(findings: Iterable[Finding]) -> str:
    """All of them as one JSON document of the schema `edgeward.doctor/1`."""
    found = [asdict(finding) for finding in findings]
    levels = [entry["level"] for entry in found]
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "counts": {level: levels.count(level) for level in ("ok", "warn", "fail", "skip")},
        "findings": found,
    }
    return json.dumps(document, indent=2)
