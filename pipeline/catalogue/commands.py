"""`edgeward recipes`, behind its options; imports wait until it runs."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.catalogue.folder import recipe_folder
from pipeline.command_line.options import DataRoot


def recipes_command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="A folder of recipes; else those that ship."),
    ] = None,
    data_root: DataRoot = None,
) -> None:
    """List what can be built here, with which data, and how good it is."""
    from pipeline.catalogue.recipes import closing, entries, lines
    from pipeline.common.errors import DataError
    from pipeline.data.root import data_root as root_of

    place = folder or recipe_folder()
    found = entries(place, root_of(data_root))
    if not found:
        raise DataError(f"{place}: expected recipes (*.toml), found none")
    for entry in found:
        for line in lines(entry):
            typer.echo(line)
        typer.echo()
    typer.echo(closing(found))
