"""Where a camera's address and its user and password come from: its URL, or a file."""

from edge_agent.common.errors import ConfigError, SourceError
from edge_agent.mqtt.endpoint import Credentials, read_credentials
from edge_agent.sources.config import CameraConfig, StillConfig
from edge_agent.sources.network.address import without_credentials


def address_and_login(config: CameraConfig | StillConfig) -> tuple[str, Credentials | None]:
    """The URL without user and password, and these, from it or from the file.

    Raises:
        SourceError: the URL is none, or the file is missing or no such file.
    """
    assert config.url is not None
    url, credentials = without_credentials(config.url, config.place)
    if config.credentials_file is None:
        return url, credentials
    try:
        return url, read_credentials(config.credentials_file)
    except ConfigError as error:
        raise SourceError(f"{config.place}: {error}") from error
