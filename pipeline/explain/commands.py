"""`edgeward explain`, behind its options; imports wait until it runs."""

from pathlib import Path
from typing import Annotated

import typer


def explain_command(
    target: Annotated[
        Path, typer.Argument(metavar="BUNDLE_or_RUN", help="A bundle, or a run folder.")
    ],
    image: Annotated[
        Path | None,
        typer.Argument(metavar="IMAGE", help="A picture; else the bundle's first golden frame."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The HTML page to write.")] = Path(
        "explain.html"
    ),
) -> None:
    """Show one picture on its way through a network, layer by layer."""
    from datetime import UTC, datetime

    from edge_agent.common.atomic import write_whole
    from pipeline.explain.lesson import lesson, open_target, read_picture
    from pipeline.explain.page import render

    bundle = open_target(target)
    found = lesson(bundle, read_picture(image, bundle))
    write_whole(out, render(found, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC").encode())
    typer.echo(f"{found.name}: {found.answer.answer or 'no answer'}, in {len(found.steps)} steps")
    typer.echo(f"written {out}")
