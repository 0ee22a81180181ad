"""Broker addresses and credentials files."""

from pathlib import Path

import pytest

from edge_agent.common.errors import ConfigError
from edge_agent.mqtt.endpoint import Credentials, Endpoint, parse_endpoint, read_credentials


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", Endpoint("broker", 1883, tls=False)),
        ("mqtt://broker:1884/", Endpoint("broker", 1884, tls=False)),
        ("mqtts://10.0.0.1", Endpoint("10.0.0.1", 8883, tls=True)),
        ("mqtt://[::1]:77", Endpoint("::1", 77, tls=False)),
    ],
)
def test_addresses_are_read(url: str, expected: Endpoint) -> None:
    """Scheme, host and port, with the protocol's own ports by default."""
    assert parse_endpoint(url) == expected
    assert parse_endpoint(str(expected)) == expected


@pytest.mark.parametrize(
    "url",
    ["", "broker", "http://broker", "mqtt://", "mqtt://b:0", "mqtt://b:x", "mqtt://b/t", "mqtt:b"],
)
def test_other_addresses_are_refused(url: str) -> None:
    """The error says what an address looks like, and what was found."""
    with pytest.raises(ValueError, match=r"expected mqtt://HOST\[:PORT\].* found ") as caught:
        parse_endpoint(url)
    assert repr(url) in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://me:hunter2@broker",
        "mqtt://me:x/hunter2@broker",
        "mqtt://me:x#hunter2@broker",
        "mqtt://me:x?hunter2@broker",
        "mqtt://me:hunter2 @broker",
        "me:hunter2@broker",
    ],
)
def test_a_password_in_a_url_is_refused_without_repeating_it(url: str) -> None:
    """URLs end in logs, so the password may not be there, whatever characters it has."""
    with pytest.raises(ValueError, match="use credentials_file") as caught:
        parse_endpoint(url)
    assert "hunter2" not in str(caught.value)


def test_credentials_are_one_line_and_may_contain_colons(tmp_path: Path) -> None:
    """The first colon ends the user name; the password does not show in a repr."""
    file = tmp_path / "secret"
    file.write_text("me:hun:ter2\n")
    credentials = read_credentials(file)
    assert credentials == Credentials("me", "hun:ter2")
    assert "hun" not in repr(credentials)


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfme:hunter2", b"me:hunter2\r\n\r\n", b"me:hunter2\n \n\t\n"]
)
def test_what_editors_add_to_a_credentials_file_does_not_count(
    tmp_path: Path, content: bytes
) -> None:
    """A byte-order mark, and blank lines behind."""
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert read_credentials(file) == Credentials("me", "hunter2")


@pytest.mark.parametrize("name", ["me:hunter2", "me:hun/ter2", "me:" + 300 * "x"])
def test_credentials_in_the_place_of_a_file_are_not_repeated(tmp_path: Path, name: str) -> None:
    """Who has written them there is told what belongs there."""
    with pytest.raises(ConfigError) as caught:
        read_credentials(tmp_path / name)
    assert str(caught.value) == (
        "credentials_file: expected a file with user:password, found no such file"
    )


@pytest.mark.parametrize("content", ["", "hunter2", ":hunter2", "me:hunter2\nand more\n"])
def test_other_credentials_files_are_refused_without_repeating_them(
    tmp_path: Path, content: str
) -> None:
    """The error names the file and the form, never the content."""
    file = tmp_path / "secret"
    file.write_text(content)
    with pytest.raises(ConfigError, match="expected one line user:password") as caught:
        read_credentials(file)
    assert str(file) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_credentials_file_is_named(tmp_path: Path) -> None:
    """Place, expected, found."""
    file = tmp_path / "absent"
    with pytest.raises(ConfigError) as caught:
        read_credentials(file)
    assert str(caught.value) == (
        f"{file}: expected a credentials file, found: No such file or directory"
    )


@pytest.mark.parametrize(("mode", "complaints"), [(0o600, 0), (0o640, 0), (0o644, 1)])
def test_a_credentials_file_that_everybody_may_read_is_complained_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, complaints: int
) -> None:
    """With what to do; its owner and a group may read it. It is still used."""
    file = tmp_path / "secret"
    file.write_text("me:hunter2\n")
    file.chmod(mode)
    with caplog.at_level("WARNING", "edge_agent"):
        assert read_credentials(file).password == "hunter2"
    assert caplog.text.count(f"chmod 600 {file}") == complaints
    assert "hunter2" not in caplog.text
