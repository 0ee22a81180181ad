"""`edgeward`'s entry: the command line, or one sentence where a host's packages are not installed.

A device has this package too, by the same wheel, and nothing that it needs.
"""

import sys

from edge_agent.common.exit_codes import ExitCode

OURS = frozenset({"edge_agent", "pipeline", "quantization"})


def main() -> None:
    """Run the command line; exits with a status of `ExitCode`."""
    try:
        # Already this needs a package of the host's; a command, when it runs, needs more.
        from pipeline.cli import main as run

        run()
    except ModuleNotFoundError as error:
        if not is_dependency(error.name):
            raise
        sys.stderr.write(
            f"edgeward: needs the packages of a host, of which {error.name} is not installed: "
            "pip install 'edgeward[host]'\n"
        )
        sys.exit(ExitCode.HOST_EXTRA)


def is_dependency(module: str | None) -> bool:
    """Whether the module of this name is neither ours nor Python's."""
    top = (module or "").partition(".")[0]
    return bool(top) and top not in OURS | sys.stdlib_module_names


if __name__ == "__main__":
    main()
