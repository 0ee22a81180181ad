"""`publish`: a comparison to the terminal and into the files that are asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console

from edge_agent.common.atomic import write_whole
from pipeline.compare.comparison import Comparison
from pipeline.compare.page import render
from pipeline.compare.sheet import comparison_csv, comparison_json
from pipeline.compare.terminal import show


def publish(
    comparison: Comparison,
    stream: TextIO,
    *,
    page: Path | None = None,
    csv: Path | None = None,
    json: bool = False,
    title: str | None = None,
) -> Iterator[Path]:
    """Print a comparison, and write its files.

    Args:
        comparison: what is shown.
        stream: what to print to.
        page: the HTML file; None writes none.
        csv: the table; None writes none.
        json: whether to print JSON in place of tables.
        title: the page's; None says how many runs of which data there are.

    Yields:
        The files, once each is written, whole or not at all.
    """
    if json:
        stream.write(comparison_json(comparison).decode())
    else:
        show(comparison, Console(file=stream, highlight=False))
    if page is not None:
        created = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        write_whole(page, render(comparison, title or _title(comparison), created).encode())
        yield page
    if csv is not None:
        write_whole(csv, comparison_csv(comparison).encode())
        yield csv


def _title(comparison: Comparison) -> str:
    """`digits, 3 runs`."""
    data = ", ".join(dict.fromkeys(group.identity.data for group in comparison.groups))
    count = len(comparison.runs)
    return f"{data}, {count} run{'s' if count > 1 else ''}"
