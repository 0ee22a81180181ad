"""`edgeward-agent`: parse, build, one call, and an exit status for every kind of error.

Nothing heavy is imported before it is known to be needed: `--help` loads neither OpenCV
nor an interpreter nor an MQTT client.
"""

import argparse
import faulthandler
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from edge_agent import __version__
from edge_agent.common.errors import (
    AgentError,
    BrokerError,
    BundleError,
    ConfigError,
    CropError,
    DiskFullError,
    MessageError,
    OutboxError,
    RuntimeUnavailableError,
    SourceError,
    TaskError,
    one_line,
)
from edge_agent.common.exit_codes import ExitCode
from edge_agent.system.logs import log_to_stderr

CONFIG_EXAMPLE = "--config /etc/edgeward/agent.toml"

# The most specific first.
EXIT_CODES: tuple[tuple[type[AgentError], ExitCode], ...] = (
    (ConfigError, ExitCode.CONFIG),
    (TaskError, ExitCode.BUNDLE_TASK),
    (BundleError, ExitCode.BUNDLE),
    (RuntimeUnavailableError, ExitCode.RUNTIME),
    (SourceError, ExitCode.SOURCE),
    (BrokerError, ExitCode.BROKER),
    (MessageError, ExitCode.MESSAGE),
    (DiskFullError, ExitCode.MACHINE),
    (OutboxError, ExitCode.OUTBOX),
    (CropError, ExitCode.CROPS),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; the exit status."""
    options = _parser().parse_args(argv)
    log_to_stderr(options.log_level or options.default_log_level, options.log_format)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except AgentError as error:
        sys.stderr.write(f"edgeward-agent: {one_line(error)}\n")
        return exit_code(error)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.UNEXPECTED
    except (OSError, MemoryError) as error:
        sys.stderr.write(f"edgeward-agent: {one_line(error)}\n")
        return ExitCode.MACHINE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def exit_code(error: AgentError) -> ExitCode:
    """The exit status that stands for `error`."""
    for kind, code in EXIT_CODES:
        if isinstance(error, kind):
            return code
    return ExitCode.UNEXPECTED


def _run(options: argparse.Namespace) -> int:
    from edge_agent.config import load_config
    from edge_agent.system.hang_up import ignored_hang_up

    with ignored_hang_up():
        config = load_config(options.config)
        # The watchdog's SIGABRT shall leave behind where each thread stood.
        faulthandler.enable(2)
        from edge_agent.agent import run_agent

        if run_agent(config, load=partial(load_config, options.config)):
            # The same program with the same arguments, and the configuration of now.
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return ExitCode.OK


def _check(options: argparse.Namespace) -> int:
    from edge_agent.check import check

    error = check(options.config, _say)
    return ExitCode.OK if error is None else exit_code(error)


def _doctor(options: argparse.Namespace) -> int:
    from edge_agent.doctor.examine import examine
    from edge_agent.doctor.host import Host
    from edge_agent.doctor.report import as_json, failed, render

    findings = []
    for finding in examine(options.config, Host()):
        findings.append(finding)
        if not options.json:
            _say(render(finding))
    if options.json:
        _say(as_json(findings))
    return ExitCode.DOCTOR if failed(findings) else ExitCode.OK


def _bench(options: argparse.Namespace) -> int:
    from edge_agent.bench import bench, render
    from edge_agent.bundle.archive import open_bundle

    report = bench(open_bundle(options.bundle), seconds=options.seconds)
    if options.json:
        import msgspec

        _say(json.dumps(msgspec.to_builtins(report), indent=2))
    else:
        _say(render(report))
    return ExitCode.OK


def _schemas(options: argparse.Namespace) -> int:
    from edge_agent.contract.schemas import schemas

    options.out.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (options.out / name).write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
    return ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgeward-agent",
        description="Run proven networks on camera pictures, and publish the results over MQTT.",
        epilog="`edgeward-agent COMMAND --help` shows a command's options and an example.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        help="how much to log on stderr (default: info for run, error for the others)",
    )
    parser.add_argument(
        "--log-format",
        choices=("auto", "text", "journal", "json"),
        default="auto",
        help="how log lines look (default: journal under systemd, else text)",
    )
    parser.set_defaults(default_log_level="error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = _command(
        commands, "run", "run until stopped, or until every file is read", CONFIG_EXAMPLE
    )
    run.add_argument("--config", type=Path, required=True, help="agent.toml")
    run.set_defaults(command=_run, default_log_level="info")

    check = _command(
        commands, "check", "try all that `run` needs, and show what fails", CONFIG_EXAMPLE
    )
    check.add_argument("--config", type=Path, required=True, help="agent.toml")
    check.set_defaults(command=_check)

    doctor = _command(
        commands, "doctor", "look at this machine, and show what to mend", CONFIG_EXAMPLE
    )
    doctor.add_argument(
        "--config", type=Path, help="agent.toml (default: /etc/edgeward/agent.toml, if it is there)"
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(command=_doctor)

    bench = _command(commands, "bench", "measure a bundle on this machine", "digits.edgeward")
    bench.add_argument("bundle", type=Path, help="a bundle directory or .edgeward file")
    bench.add_argument("--json", action="store_true", help="print JSON")
    bench.add_argument(
        "--seconds", type=_seconds, default=2.0, help="per thread count (default: %(default)s)"
    )
    bench.set_defaults(command=_bench)

    schemas = _command(
        commands, "schemas", "write the JSON Schemas and AsyncAPI of all messages", "--out schemas"
    )
    schemas.add_argument("--out", type=Path, required=True, help="the folder to write to")
    schemas.set_defaults(command=_schemas)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    arguments: str,
) -> argparse.ArgumentParser:
    """A command with its summary, and with an example that has these arguments."""
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  edgeward-agent {name} {arguments}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, at most 3600, found {text}")
    return value


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
