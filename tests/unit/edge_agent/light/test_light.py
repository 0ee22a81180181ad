"""A lamp for each frame: on before it, settled, off behind it, and never on for ever."""

import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from support.mjpeg import MjpegCamera
from support.network_camera import serving

from edge_agent.check import first_frame
from edge_agent.common.errors import SourceError
from edge_agent.common.stop import Stop
from edge_agent.light.config import GpioLight, HttpLight, LightConfig
from edge_agent.light.light import LitSource, open_lamp
from edge_agent.light.light import lit as lit_camera
from edge_agent.sources.base import NO_TROUBLE, Frame, bgr_frame
from edge_agent.sources.config import CameraConfig, ImagesConfig
from edge_agent.sources.open import open_source
from edge_agent.stream.config import StreamConfig

FAKE = Path(__file__).parents[3] / "fake_modules"


class House(ThreadingHTTPServer):
    """A lamp that is asked over HTTP, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.status, self.hangs = 200, threading.Event()
        self.burns = False
        super().__init__(("127.0.0.1", 0), Handler)

    def light(self, **fields: Any) -> HttpLight:
        at = f"http://127.0.0.1:{self.server_port}"
        usual = HttpLight(on=f"{at}/on?key=secret", off=f"{at}/off?key=secret", settle_s=0.05)
        return msgspec.structs.replace(usual, **fields)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        house = self.server
        assert isinstance(house, House)
        house.asked.append((self.command, self.path.partition("?")[0]))
        house.burns = self.path.startswith("/on")
        if house.hangs.is_set():
            time.sleep(30)
        self.send_response(house.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(name="house")
def _house() -> Iterator[House]:
    house = House()
    thread = threading.Thread(target=house.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield house
    house.shutdown()
    house.server_close()


class Camera:
    """Gives a frame every few milliseconds, which remembers whether the lamp burnt."""

    live = True
    counters = NO_TROUBLE

    def __init__(self, count: int, step_s: float = 0.01) -> None:
        self._count, self._step_s = count, step_s

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        for seq in range(self._count):
            time.sleep(self._step_s)
            yield bgr_frame(np.zeros((2, 2, 3), np.uint8), seq)


def lit(light: LightConfig, camera: Camera, stop: Stop | None = None, **more: float) -> LitSource:
    return LitSource(camera, open_lamp(light), light.settle_s, stop or Stop(), **more)


def test_a_frame_is_taken_in_settled_light(house: House) -> None:
    """On, the frames of the next moments passed over, one taken, off before it is looked at."""
    with lit(house.light(), Camera(1000)) as source:
        frames = iter(source)
        started_s = time.monotonic()
        frame = next(frames)
        assert frame.monotonic_s >= started_s + 0.05
        assert frame.doubt == ""
        assert house.asked == [("GET", "/on"), ("GET", "/off")]
        next(frames)
        assert house.asked == [("GET", "/on"), ("GET", "/off")] * 2
    assert len(house.asked) == 4  # it was off already


def test_a_lamp_may_want_another_method(house: House) -> None:
    """As many do."""
    with lit(house.light(method="POST"), Camera(100)) as source:
        next(iter(source))
    assert house.asked == [("POST", "/on"), ("POST", "/off")]


def test_a_lamp_that_refuses_leaves_its_frame_in_doubt(house: House) -> None:
    """Named without what may be secret; and the stream goes on."""
    house.status = 403
    with lit(house.light(), Camera(100)) as source:
        frames = iter(source)
        place = f"light http://127.0.0.1:{house.server_port}/on"
        expected = f"{place}: expected to switch it on, found status 403"
        assert next(frames).doubt == expected
        house.status = 200
        assert next(frames).doubt == ""


def test_a_lamp_that_does_not_answer_is_not_waited_for(house: House) -> None:
    """Must not hang: its time is up, and the frame comes with the reason."""
    house.hangs.set()
    started_s = time.monotonic()
    with lit(house.light(timeout_s=0.1), Camera(1000)) as source:
        frame = next(iter(source))
    assert "found no answer in 0.1 s" in frame.doubt
    assert "secret" not in frame.doubt
    assert time.monotonic() - started_s < 15


def test_nobody_who_listens_is_said(house: House) -> None:
    """A port without a lamp."""
    light = HttpLight(on="http://127.0.0.1:9/on", off="http://127.0.0.1:9/off", settle_s=0)
    with lit(light, Camera(100)) as source:
        assert "found " in next(iter(source)).doubt


class Guarded(House):
    """A lamp that wants a user and a password, by digest or basic, or speaks no HTTP at all."""

    challenge = 'Digest realm="lamp", nonce="n", qop="auth", algorithm=SHA-256'
    speaks = True

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.RequestHandlerClass = GuardedHandler


class GuardedHandler(Handler):
    def do_GET(self) -> None:
        house = self.server
        assert isinstance(house, Guarded)
        if not house.speaks:
            self.wfile.write(b"OK\n")
            return
        said = self.headers.get("Authorization")
        if said is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", house.challenge)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        house.said.append(said)
        super().do_GET()


@pytest.fixture(name="guarded")
def _guarded() -> Iterator[Guarded]:
    house = Guarded()
    thread = threading.Thread(target=house.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield house
    house.shutdown()
    house.server_close()


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [('Basic realm="lamp"', "Basic bWU6aHVudGVyMg=="), (Guarded.challenge, "Digest username=")],
)
def test_a_lamp_may_want_a_user_and_a_password(
    guarded: Guarded, tmp_path: Path, challenge: str, expected: str
) -> None:
    """From a file, by either scheme; and without one its refusal is named."""
    guarded.challenge = challenge
    secret = tmp_path / "lamp.credentials"
    secret.write_text("me:hunter2\n")
    secret.chmod(0o600)
    with lit(guarded.light(credentials_file=secret), Camera(100)) as source:
        assert next(iter(source)).doubt == ""
    assert guarded.asked == [("GET", "/on"), ("GET", "/off")]
    assert all(said.startswith(expected) for said in guarded.said)
    with lit(guarded.light(), Camera(100)) as source:
        assert "status 401: it wants a user and a password" in next(iter(source)).doubt
    with pytest.raises(SourceError, match="absent: expected a credentials file"):
        open_lamp(guarded.light(credentials_file=tmp_path / "absent"))


def test_a_lamp_that_speaks_no_http_is_named(
    guarded: Guarded, capfd: pytest.CaptureFixture[str]
) -> None:
    """By what it does, not by a time that was not up; and nothing ends in a traceback."""
    guarded.speaks = False
    with lit(guarded.light(), Camera(100)) as source:
        assert "speaks no HTTP" in next(iter(source)).doubt
    light = HttpLight(on="http://lamp..local/on", off="http://127.0.0.1:port/off", settle_s=0)
    with lit(light, Camera(100)) as source:
        assert "found no host of the name 'lamp..local'" in next(iter(source)).doubt
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("at", ["http://me:hunter2@lamp/on", "http://me:hun/ter2@lamp/on"])
def test_a_password_in_a_lamps_address_is_refused(at: str) -> None:
    """Unseen, with where it goes."""
    for on, off in ((at, "http://l/"), ("http://l/", at)):
        with pytest.raises(ValueError, match="found an @: they go into credentials_file") as caught:
            HttpLight(on=on, off=off)
        assert "ter2" not in str(caught.value)


def test_a_camera_that_hangs_does_not_keep_the_light_on(house: House) -> None:
    """Off after its time; and what comes then is taken once more, with light."""
    with lit(house.light(settle_s=0), Camera(3, step_s=0.4), most_s=0.1) as source:
        assert list(source) == []  # every frame came too late
    assert house.asked == [("GET", "/on"), ("GET", "/off")] * 4


def test_the_light_goes_off_at_the_end(house: House) -> None:
    """When the agent stops while it burns, also where nobody takes the frame."""
    stop = Stop()
    with lit(house.light(settle_s=5), Camera(1000), stop) as source:
        taken = threading.Thread(target=lambda: next(iter(source), None), daemon=True)
        taken.start()
        while not house.asked:
            time.sleep(0.01)
    assert house.asked == [("GET", "/on"), ("GET", "/off")]
    stop.set()
    taken.join(60)
    assert not taken.is_alive()


@pytest.fixture(name="gpiod")
def _gpiod(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FAKE))
    for name in ("gpiod", "gpiod.line"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import gpiod

    yield gpiod
    for name in ("gpiod", "gpiod.line"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("low", [False, True])
def test_a_line_is_switched(gpiod: ModuleType, low: bool) -> None:
    """Off when it is requested, on for the frame, off, and given back."""
    with lit(GpioLight(line=17, active_low=low, settle_s=0), Camera(9)) as source:
        next(iter(source))
        assert {17: low} == gpiod.HIGH
    assert [(17, low), (17, not low), (17, low)] == gpiod.HISTORY
    assert gpiod.HIGH == {}


def test_a_line_that_cannot_be_had_is_said(
    gpiod: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken, out of range, without a chip, by the other version, without a package."""
    first = open_lamp(GpioLight(line=4))
    with pytest.raises(SourceError, match=r"line 4: expected a line to switch, found: .*busy"):
        open_lamp(GpioLight(line=4))
    first.close()
    with pytest.raises(SourceError, match="line 99: expected a line to switch, found: offset"):
        open_lamp(GpioLight(line=99))
    with pytest.raises(SourceError, match=r"light /dev/gpiochip7 line 4: .* No such file"):
        open_lamp(GpioLight(line=4, chip=Path("/dev/gpiochip7")))
    monkeypatch.delattr(gpiod, "request_lines")
    with pytest.raises(SourceError, match="expected gpiod 2, found version 1: pip install"):
        open_lamp(GpioLight(line=4))
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(SourceError, match="expected gpiod 2, found none"):
        open_lamp(GpioLight(line=4))


class Cellar(MjpegCamera):
    """A real stream of a room that is dark but for the lamp."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house, self._number = house, 0

    def picture(self) -> bytes:
        self._number += 1
        level = 230 if self._house.burns else 5
        image = np.full((48, 64, 3), level, np.uint8)
        image[-8:, -8:] = self._number % 100  # no two are the same
        return cv2.imencode(".jpg", image)[1].tobytes()


def test_a_real_camera_is_seen_in_the_light_only(house: House) -> None:
    """By its own process and dates: no frame from before the lamp or behind it; check agrees."""
    with serving(Cellar(house)) as cellar:
        config = stream(house.light(settle_s=1.0), source=CameraConfig(url=cellar.url))
        stop = Stop()
        with (
            open_source(config.source, stop) as camera,
            lit_camera(config.light, camera, stop) as source,
        ):
            frames = iter(source)
            for _ in range(2):
                assert next(frames).image[0, 0, 0] > 200
                time.sleep(0.2)  # dark
        assert first_frame(config).image[0, 0, 0] > 200
    assert house.asked == [("GET", "/on"), ("GET", "/off")] * 3


def stream(light: LightConfig, **fields: Any) -> StreamConfig:
    known: dict[str, Any] = {
        "name": "s", "bundle": Path("b"), "source": CameraConfig(index=0), "interval_s": 60
    }  # fmt: skip
    return StreamConfig(light=light, **(known | fields))


def test_a_light_needs_a_camera_and_time() -> None:
    """A file has its light, and one that never goes off is no light for a frame."""
    assert stream(GpioLight(line=4))
    with pytest.raises(ValueError, match="light: expected a camera with it"):
        stream(GpioLight(line=4), source=ImagesConfig(path=Path("p")))
    with pytest.raises(
        ValueError, match=r"light: expected an interval_s above its settle_s, 1, found 1"
    ):
        stream(GpioLight(line=4), interval_s=1)
