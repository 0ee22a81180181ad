"""How `edgeward --help` looks: commands in groups, and an example below each command's options.

Plain text of typer's own formatter. typer groups commands by itself only in its rich layout, which
would load rich for every `--help`.
"""

import re
from enum import StrEnum
from typing import Any

from typer.core import TyperCommand, TyperGroup

_BRACES = re.compile(r"\{([^}|]+?)(?:\.\.\.)?\}(\.\.\.)?")


class Panel(StrEnum):
    """The groups, in the order in which they are shown."""

    BUILD = "From data to a bundle"
    MODEL = "Any network, any bundle"
    DEVICE = "Devices over MQTT"


class ExampleCommand(TyperCommand):
    """A command whose epilog is one line that can be typed as it stands."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Its arguments without the braces that typer puts around each."""
        pieces = super().collect_usage_pieces(ctx)
        return [_BRACES.sub(r"\1\2", piece) for piece in pieces]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The example, whole: typer would wrap it like prose."""
        if self.epilog:
            with formatter.section("Example"):
                formatter.write(f"{'':>{formatter.current_indent}}{self.epilog}\n")


class GroupedCommands(TyperGroup):
    """All commands, each below its group (its `rich_help_panel`), each summary in full."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A section for each group."""
        for group in Panel:
            rows = [
                (name, command.get_short_help_str(limit=1000))
                for name, command in self.commands.items()
                if getattr(command, "rich_help_panel", None) == group
            ]
            with formatter.section(str(group)):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """What to do next."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(
                "`edgeward COMMAND --help` shows a command's options and an example. "
                "`edgeward --install-completion` teaches them to your shell."
            )
