"""What of a camera's URL is shown, and what is secret in it."""

import pytest

from edge_agent.common.errors import SourceError
from edge_agent.mqtt.endpoint import Credentials
from edge_agent.sources.config import CameraConfig, StillConfig
from edge_agent.sources.network.address import shown, with_credentials, without_credentials


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://c/video?channel=2&subtype=0", "http://c/video?channel=2&subtype=0"),
        ("rtsp://me:hunter2@c:554/live?CH=1&token=hunter2", "rtsp://c:554/live?CH=1"),
        ("http://c/v.cgi?user=me&pwd=hunter2", "http://c/v.cgi"),
        ("http://c/v.cgi?loginuse=me&loginpas=hunter2&res=vga", "http://c/v.cgi?res=vga"),
        ("http://c/still.jpg", "http://c/still.jpg"),
        ("/recordings/a.mp4", "/recordings/a.mp4"),
        ("rtsp://c/Streaming/Channels/101", "rtsp://c/Streaming/Channels/101"),
        ("rtsp://c/h264Preview_01_main", "rtsp://c/h264Preview_01_main"),
        ("rtsp://c/live/trackID=1", "rtsp://c/live/trackID=1"),
        ("http://c/snap?src=front_door", "http://c/snap?src=front_door"),
    ],
)
def test_what_names_a_picture_is_shown(url: str, expected: str) -> None:
    """Channels and sizes stay; users, passwords and tokens are left out with their names."""
    assert shown(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "rtsp://c:554/user=admin_password=hunter2_channel=1_stream=0.sdp?real_stream",
            "rtsp://c:554/..._channel=1",
        ),
        ("rtsp://c/user=admin&password=hunter2&channel=2", "rtsp://c/...channel=2"),
        ("rtsp://c/user%3Dadmin_password%3Dhunter2_channel%3D1", "rtsp://c/...channel=1"),
        ("rtsp://c/live;password=hunter2", "rtsp://c/live;..."),
        ("rtsp://c/live;pw=hun/ter2", "rtsp://c/live;..."),
        ("rtsp://c/admin:hunter2/ch1", "rtsp://c/...ch1"),
        ("http://c/login/admin/hunter2", "http://c/login/..."),
        ("http://c/token/hunter2/snap.jpg", "http://c/token/..."),
        ("me:hunter2@c/video", "c/video"),
        ("rtsp:/me:hunter2@c/video", "..."),
        ("http://c/v?channel=1;password=hunter2", "http://c/v?channel=1"),
        ("http://c/v?id=hunter2Zx9", "http://c/v?~"),
        ("rtsps://c:7441/aZ3bY5cX7dW9eV1f?enableSrtp", "rtsps://c:7441/~"),
    ],
)
def test_a_password_anywhere_in_an_address_is_hidden(url: str, expected: str) -> None:
    """In its path, in folders, behind semicolons, quoted, and where a number was expected."""
    said = shown(url)
    assert said.startswith(expected.replace("..._", "..."))
    for secret in ("hunter2", "ter2", "admin", "aZ3bY5c"):
        assert secret not in said


def test_cameras_whose_secrets_are_in_the_path_are_told_apart() -> None:
    """By channel, by a folder, or by a checksum of what is no password; not by the password."""
    for pattern in (
        "rtsp://c/user=a_password=b_channel={}_stream=0.sdp",
        "rtsp://c/admin:b/ch{}",
        "rtsp://c/mode=real&idc={}&ids=1",
        "rtsps://c/aZ3bY5cX7dW9eV1{}",
    ):
        assert len({shown(pattern.format(n)) for n in (1, 2, 3)}) == 3
    both = "rtsp://c/user=a_password={}_channel=1.sdp"
    assert shown(both.format("x")) == shown(both.format("y"))


def test_cameras_that_differ_behind_the_question_mark_are_told_apart() -> None:
    """By what is harmless, or by digits of a checksum; a password makes no difference."""
    urls = [f"http://c/img?{q}" for q in ("cam=1", "cam=2", "garden", "yard", "place=a")]
    urls += [f"http://c/img?name={name}" for name in ("front", "back")]
    assert len({shown(url) for url in urls}) == len(urls)
    assert "garden" not in shown(urls[2])
    assert shown("http://c/i?x=1&pwd=a") == shown("http://c/i?x=1&pwd=b")
    assert shown("http://c/i?x=1&pwd=a") == shown("http://me:b@c/i?x=1#b")
    places = {CameraConfig(url=urls[0]).place, StillConfig(url=urls[0]).place}
    assert places == {"camera http://c/img?cam=1", "snapshot http://c/img?cam=1"}


def test_user_and_password_are_taken_out_and_put_in() -> None:
    """With whatever is in them, percent-encoded as URLs have it."""
    who = Credentials("me", "a/b@c:d")
    url = with_credentials("rtsp://c:1/x?y=1", who)
    assert url == "rtsp://me:a%2Fb%40c%3Ad@c:1/x?y=1"
    assert without_credentials(url, "camera") == ("rtsp://c:1/x?y=1", who)
    assert without_credentials("http://c/x#y", "camera") == ("http://c/x", None)
    assert with_credentials("http://c/x", None) == "http://c/x"


@pytest.mark.parametrize(
    "url", ["http://me:hun/ter2@c/", "http://me:hunter2?@c/", "http://", "http://c /x"]
)
def test_an_address_that_is_none_is_refused_unseen(url: str) -> None:
    """A part of a password may stand where the host should."""
    with pytest.raises(SourceError) as caught:
        without_credentials(url, "camera 1")
    assert str(caught.value).startswith("camera 1: expected SCHEME://HOST[:PORT]/PATH, found")
    assert "ter2" not in str(caught.value)
