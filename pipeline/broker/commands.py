"""The commands of `edgeward` that speak with a broker: `watch` and `tell`, and how they reach it.

Each imports what it needs when it runs, as those in `pipeline.cli` do, which lists them.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.common.errors import BrokerError
from edge_agent.common.exit_codes import ExitCode
from edge_agent.mqtt import DEFAULT_URL
from pipeline.command_line.choices import LogLevel, Verb, argument, option

if TYPE_CHECKING:
    from edge_agent.mqtt.endpoint import Broker

BrokerUrl = Annotated[
    str, typer.Option("--broker", help="The broker, mqtt://HOST[:PORT], or mqtts:// for TLS.")
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option("--credentials-file", help="A file with one line, user:password."),
]
CaFile = Annotated[
    Path | None,
    typer.Option("--ca-file", help="Who signed the broker's certificate; else the system's."),
]
CertFile = Annotated[
    Path | None, typer.Option("--cert-file", help="Our own certificate, with --key-file.")
]
KeyFile = Annotated[Path | None, typer.Option("--key-file", help="The key of our own certificate.")]


def watch_command(
    broker: BrokerUrl = DEFAULT_URL,
    device: Annotated[str | None, typer.Option("--device", help="Only this device.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Every message as a line of JSON.")] = False,
    credentials_file: CredentialsFile = None,
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
) -> None:
    """Show results as they arrive, and count at the end what was lost."""
    from edge_agent.client import Subscriber
    from edge_agent.client.ledger import Ledger
    from pipeline.broker.watch import account_line, show, show_json

    found = reach(broker, credentials_file, ca_file, cert_file, key_file)
    ledger = Ledger()
    try:
        with Subscriber(found, device) as subscriber:
            for delivery in subscriber:
                (show_json if json else show)(delivery, ledger, typer.echo)
    except KeyboardInterrupt:
        sys.stderr.write(f"{account_line(ledger)}\n")


def tell_command(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its name in agent.toml.")],
    verb: Annotated[Verb, argument(Verb, "What it shall do; docs/reference/mqtt.md says more.")],
    stream: Annotated[
        str | None, typer.Option("--stream", help="Only this stream; else every one.")
    ] = None,
    interval_s: Annotated[
        float | None, typer.Option("--interval-s", help="set: the time between two answers.")
    ] = None,
    log_level: Annotated[
        LogLevel | None, option(LogLevel, "--log-level", "set: how much the device logs.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="set: whose meter, of --stream.")
    ] = None,
    value: Annotated[
        float | None, typer.Option("--value", help="set: what that meter shows, in its unit.")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="set: forget what that meter showed.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FOLDER", help="snapshot: write STREAM.jpg here, too."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The answer as a line of JSON.")] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout-s", min=0.1, help="How long to wait for the answer.")
    ] = 10.0,
    broker: BrokerUrl = DEFAULT_URL,
    credentials_file: CredentialsFile = None,
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
) -> None:
    """Send a command to a device, and show its answer."""
    from edge_agent.client.remote import Remote
    from edge_agent.contract.commands import encode_reply
    from pipeline.broker.tell import command_of, reply_lines, save_pictures

    command = command_of(
        verb,
        stream=stream,
        interval_s=interval_s,
        log_level=log_level,
        region=region,
        value=value,
        reset=reset or None,
    )
    with Remote(reach(broker, credentials_file, ca_file, cert_file, key_file), device) as remote:
        reply = remote.ask(command, timeout_s)
        if json:
            typer.echo(encode_reply(reply).decode())
        else:
            for line in reply_lines(reply):
                typer.echo(line, err=not reply.ok)
        if save is not None:
            for path in save_pictures(remote, reply, save, timeout_s):
                typer.echo(f"{path}: written", err=json)
    if not reply.ok:
        raise typer.Exit(ExitCode.MESSAGE)


def reach(
    url: str,
    credentials_file: Path | None,
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
) -> "Broker":
    """The broker at `url`, with what the files say; as in agent.toml.

    Raises:
        BrokerError: no broker's address, or files that do not fit it.
        ConfigError: a file is missing, or is not what it should be.
    """
    from edge_agent.config import BrokerConfig

    try:
        config = BrokerConfig(
            url=url,
            credentials_file=credentials_file,
            ca_file=ca_file,
            cert_file=cert_file,
            key_file=key_file,
        )
    except ValueError as error:
        raise BrokerError(f"broker {error}") from error
    return config.broker()
