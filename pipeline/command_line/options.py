"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root", help="Where data sets are; else EDGEWARD_DATA, else the user's cache."
    ),
]
