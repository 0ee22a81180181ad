"""agent.toml: what is understood, and what is said about mistakes."""

from pathlib import Path

import pytest

from edge_agent.common.errors import ConfigError
from edge_agent.config import AgentConfig, BrokerConfig, OutboxConfig, load_config
from edge_agent.sources.config import CameraConfig, ImagesConfig, VideoConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.places import Region

EXAMPLE = Path(__file__).parents[3] / "deploy" / "agent.example.toml"

MINIMAL = """
[device]
name = "gate"
[outbox]
path = "outbox.db"
[[stream]]
name = "front"
bundle = "digits.edgeward"
source = { kind = "video", path = "/videos/a.mp4" }
"""


def load(folder: Path, text: str) -> AgentConfig:
    file = folder / "agent.toml"
    file.write_text(text)
    return load_config(file)


def problem(folder: Path, text: str) -> str:
    """What is said about `text`, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    prefix = f"{folder / 'agent.toml'}: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def test_a_minimal_file_is_enough(tmp_path: Path) -> None:
    """Defaults fill the rest; relative paths start at the file, absolute ones stay."""
    config = load(tmp_path, MINIMAL)
    assert config.device.name == "gate"
    assert config.broker == BrokerConfig(url="mqtt://localhost:1883")
    assert config.outbox == OutboxConfig(
        path=tmp_path / "outbox.db", max_mb=64, synchronous="normal"
    )
    assert config.streams == (
        StreamConfig(
            name="front",
            bundle=tmp_path / "digits.edgeward",
            source=VideoConfig(path=Path("/videos/a.mp4")),
        ),
    )


def test_every_key_is_understood(tmp_path: Path) -> None:
    """Each kind of source, a region, and every option."""
    config = load(
        tmp_path,
        """
[device]
name = "gate"
[broker]
url = "mqtts://broker:8884"
credentials_file = "secret"
ca_file = "ca.pem"
cert_file = "cert.pem"
key_file = "key.pem"
keepalive_s = 15
[outbox]
path = "outbox.db"
max_mb = 0.5
synchronous = "full"
[health]
interval_s = 5
[[stream]]
name = "a"
bundle = "b"
interval_s = 0.5
threads = 2
region = { x = 1, y = 2, w = 3, h = 4 }
source = { kind = "images", path = "frames", loop = true }
[[stream]]
name = "b"
bundle = "b"
source = { kind = "camera", index = 0 }
[[stream]]
name = "c"
bundle = "b"
source = { kind = "camera", url = "rtsp://cam", open_timeout_s = 3, read_timeout_s = 2.5 }
""",
    )
    first, second, third = config.streams
    assert first.options == ClassifyOptions(region=Region(x=1, y=2, w=3, h=4))
    assert first.source == ImagesConfig(path=tmp_path / "frames", loop=True)
    assert (first.interval_s, first.threads) == (0.5, 2)
    assert second.source == CameraConfig(index=0)
    assert third.source == CameraConfig(url="rtsp://cam", open_timeout_s=3, read_timeout_s=2.5)
    assert config.health.interval_s == 5


def test_the_example_file_is_valid() -> None:
    """What `deploy/` shows is what the agent understands."""
    assert load_config(EXAMPLE).streams


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Place, expected, found."""
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "none.toml")
    assert str(caught.value) == (
        f"{tmp_path / 'none.toml'}: expected an agent configuration file, "
        "found: No such file or directory"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'name = "gate"',
            'name = "gate"\nnmae = 1',
            "unknown key 'nmae' in device, expected one of name",
        ),
        ("[outbox]", "[outbox", "Expected ']' at the end of a table declaration (at line 4"),
        ('path = "outbox.db"', "", "Object missing required field `path` - at `$.outbox`"),
        ('name = "gate"', "name = 5", "Expected `str`, got `int` - at `$.device.name`"),
        ('name = "gate"', 'name = "a/b"', "Expected `str` matching regex"),
        ('"digits.edgeward"', "5", "expected a path, found 5 - at `$.stream[0].bundle`"),
        ('"digits.edgeward"', '""', "expected a path, found '' - at `$.stream[0].bundle`"),
        (
            '"video"',
            '"vdeo"',
            "expected one of images, video, camera, picamera, snapshot, "
            "found 'vdeo' - at `$.stream[0].source.kind`",
        ),
        (
            'kind = "video", path = "/videos/a.mp4"',
            'kind = "camera"',
            "camera: expected one of index, device and url, found none - at `$.stream[0].source`",
        ),
        (
            'kind = "video", path = "/videos/a.mp4"',
            'kind = "camera", index = 0, url = "rtsp://x"',
            "camera: expected one of index, device and url, found index and url - at "
            "`$.stream[0].source`",
        ),
        (
            "[[stream]]",
            '[[stream]]\nname="front"\nbundle="b"\nsource={kind="camera",index=0}\n[[stream]]',
            "stream: expected distinct names, found 'front' twice",
        ),
        (
            "[outbox]",
            '[broker]\nurl = "localhost"\n[outbox]',
            "url: expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT], found 'localhost' "
            "- at `$.broker`",
        ),
        (
            "[outbox]",
            '[broker]\nca_file = "ca.pem"\n[outbox]',
            "url: expected mqtts:// with ca_file, cert_file or key_file - at `$.broker`",
        ),
        (
            "[outbox]",
            '[broker]\nurl = "mqtts://b"\nkey_file = "k.pem"\n[outbox]',
            "cert_file and key_file: expected both or neither, found one - at `$.broker`",
        ),
        (
            'bundle = "digits.edgeward"',
            'bundle = "b"\nthreads = 0',
            "Expected `int` >= 1 - at `$.stream[0].threads`",
        ),
        (
            'bundle = "digits.edgeward"',
            'bundle = "b"\nregion = { x = 0, y = 0, w = 0, h = 4 }',
            "Expected `int` >= 1 - at `$.stream[0].region.w`",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """The message says where in the file, what was expected and what was found."""
    assert MINIMAL.count(old) == 1
    assert problem(tmp_path, MINIMAL.replace(old, new)).startswith(expected)


def test_an_agent_without_a_stream_is_refused(tmp_path: Path) -> None:
    """An agent that would do nothing is a mistake."""
    text = MINIMAL.split("[[stream]]")[0]
    assert problem(tmp_path, text) == "Object missing required field `stream`"


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    (tmp_path / "agent.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"agent\.toml: "):
        load_config(tmp_path / "agent.toml")


def test_missing_tls_files_are_found_before_connecting(tmp_path: Path) -> None:
    """A path that leads nowhere is a mistake in the configuration, not a lost broker."""
    config = BrokerConfig(url="mqtts://b", ca_file=tmp_path / "ca.pem")
    with pytest.raises(ConfigError) as caught:
        config.broker()
    assert str(caught.value) == f"{tmp_path / 'ca.pem'}: expected a PEM file, found nothing"


@pytest.mark.parametrize("given", ["edgeward.broker", "%d/edgeward.broker"])
def test_secrets_are_where_systemd_puts_them(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare name that LoadCredential= has delivered is that file; `%d/` says so outright."""
    secrets = tmp_path / "credentials"
    secrets.mkdir()
    (secrets / "edgeward.broker").write_text("me:x\n")
    text = MINIMAL.replace("[outbox]", f'[broker]\ncredentials_file = "{given}"\n[outbox]')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secrets))
    assert load(tmp_path, text).broker.credentials_file == secrets / "edgeward.broker"


def test_a_secret_that_systemd_has_not_is_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must not fire: an agent started by hand, and a name that was not delivered."""
    text = MINIMAL.replace("[outbox]", '[broker]\ncredentials_file = "secret"\n[outbox]')
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert load(tmp_path, text).broker.credentials_file == tmp_path / "secret"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))
    assert load(tmp_path, text).broker.credentials_file == tmp_path / "secret"


SECRETS = ("credentials_file", "ca_file", "cert_file", "key_file")


@pytest.mark.parametrize("prefix", ["", "%d/"])
def test_secrets_are_found_by_hand_where_systemd_takes_them_from(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sudo edgeward-agent doctor` has no CREDENTIALS_DIRECTORY, and reads the same agent.toml."""
    store = tmp_path / "credstore"
    store.mkdir()
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr("edge_agent.config.CREDENTIALS_STORE", store)
    for key in SECRETS:
        (store / f"edgeward.{key}").touch()
    keys = "\n".join(f'{key} = "{prefix}edgeward.{key}"' for key in SECRETS)
    broker = f'[broker]\nurl = "mqtts://b"\n{keys}\n[outbox]'
    config = load(tmp_path, MINIMAL.replace("[outbox]", broker)).broker
    assert [getattr(config, key) for key in SECRETS] == [store / f"edgeward.{k}" for k in SECRETS]


def test_what_is_beside_the_file_goes_before_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must not fire: a file of the same name beside agent.toml, and a service's own secrets."""
    store = tmp_path / "credstore"
    store.mkdir()
    (store / "secret").touch()
    monkeypatch.setattr("edge_agent.config.CREDENTIALS_STORE", store)
    text = MINIMAL.replace("[outbox]", '[broker]\ncredentials_file = "secret"\n[outbox]')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))
    assert load(tmp_path, text).broker.credentials_file == tmp_path / "secret"
    (tmp_path / "secret").touch()
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert load(tmp_path, text).broker.credentials_file == tmp_path / "secret"


def test_a_secret_that_is_nowhere_is_missed_where_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the file is good: it is the broker that fails, with the path."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr("edge_agent.config.CREDENTIALS_STORE", tmp_path / "none")
    text = MINIMAL.replace("[outbox]", '[broker]\ncredentials_file = "%d/x"\n[outbox]')
    config = load(tmp_path, text)
    with pytest.raises(ConfigError, match=r"/none/x: expected a credentials file, found: No such"):
        config.broker.broker()
