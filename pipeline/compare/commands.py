"""`edgeward compare`, behind its options; imports wait until it runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def compare_command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, finished or not, and folders of them."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The HTML page to write; default compare.html here."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write a table with a row for each run.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Show everything as JSON; no page unless --out.")
    ] = False,
) -> None:
    """Show runs side by side: what each is worth, and what it costs."""
    from pipeline.compare.comparison import compare, run_folders
    from pipeline.compare.publish import publish

    comparison = compare(run_folders(runs))
    page = out or (None if json else Path("compare.html"))
    for path in publish(comparison, sys.stdout, page=page, csv=csv, json=json):
        typer.echo(f"written {path}", err=json)
