"""`edgeward predict` and `evaluate`, behind their options; imports wait until they run."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.common.exit_codes import ExitCode

Bundle = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="A bundle: NAME.edgeward, or its folder.")
]


def predict_command(
    bundle: Bundle,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATHS...", help="Images, videos, and folders of them."),
    ],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write a table with a row for each picture.")
    ] = None,
    every: Annotated[
        int, typer.Option("--every", min=1, help="Of a video, look at one frame in so many.")
    ] = 1,
    json: Annotated[
        bool, typer.Option("--json", help="Show every answer as a line of JSON.")
    ] = False,
) -> None:
    """Show what a bundle answers for pictures."""
    # AV_LOG_QUIET: FFmpeg's lines about a damaged video; ours says what is wrong with it.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    from pipeline.predict.predict import predict

    def warn(line: str) -> None:
        typer.echo(f"edgeward: {line}", err=True)

    summary = predict(bundle, paths, typer.echo, warn, csv=csv, every=every, json=json)
    typer.echo(summary.line(), err=json)
    if summary.unreadable:
        warn(f"files that could not be read: {len(summary.unreadable)}")
        raise typer.Exit(ExitCode.DATA)


def evaluate_command(
    bundle: Bundle,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="LABELLED_FOLDER",
            help="One sub-folder of images per class, or a folder of texts with its table.",
        ),
    ],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write a table with a row for each picture.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(
            "--min-accuracy", min=0, max=1, help="End with status 23 if fewer answers are right."
        ),
    ] = None,
) -> None:
    """Measure a bundle on labelled pictures, beside what was proven."""
    from pipeline.common.progress import open_progress
    from pipeline.predict.evaluate import evaluate

    found = evaluate(
        bundle,
        folder,
        typer.echo,
        csv=csv,
        json=json,
        min_accuracy=min_accuracy,
        progress=open_progress(sys.stderr),
    )
    if found.unreadable:
        raise typer.Exit(ExitCode.DATA)
