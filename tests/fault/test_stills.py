"""A camera that gives stills, through the whole agent: how often it is asked, and what is said."""

import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto
from support.http_cameras import Stills, answers, http_camera
from support.live_cameras import PATIENCE_S, Reports, available, live, toml
from support.mjpeg import red_jpeg
from support.patterns import Timeouts

from edge_agent.client import Subscriber
from edge_agent.contract.messages import ResultMessage

PACE = "interval_s = 0.5\n"


@pytest.mark.parametrize("kind", ["snapshot", "camera"])
def test_a_still_is_asked_for_at_the_streams_interval(
    kind: str, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """By its kind, and where a camera's address turns out to be one; it is online throughout."""
    stills = Stills()
    with http_camera(stills) as camera:
        source = toml(camera.url).replace('"camera"', f'"{kind}"')
        config = write_config(tmp_path, mosquitto.url, bright_path, source, stream=PACE)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            assert available(subscriber).state == "online"
            first = hear(subscriber, ResultMessage, PATIENCE_S)
            asked, start = camera.asked, time.monotonic()
            following = [hear(subscriber, ResultMessage, PATIENCE_S) for _ in range(4)]
            passed_s = time.monotonic() - start
            assert camera.asked - asked <= passed_s / 0.5 + 2
            moments = [message.captured_at for message in (first, *following)]
            assert moments == sorted(set(moments))
            stills.stands.set()
            while (now := hear(subscriber, ResultMessage, PATIENCE_S).captured_at) != moments[-1]:
                moments.append(now)
            assert stills.unchanged
            assert agent.terminate() == 0
            said = available(subscriber)
            assert (said.state, said.reason) == ("offline", "stopped")


def test_a_still_that_is_refused_says_why_and_is_not_hammered(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """By its status, without the user; and each attempt comes later than the one before."""
    with http_camera(answers(403)) as camera:
        url = camera.url.replace("://", "://me:hunter2@")
        source = toml(url).replace('"camera"', '"snapshot"')
        config = write_config(tmp_path, mosquitto.url, bright_path, source)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            said = available(subscriber)
            assert said.reason == (
                f"snapshot {camera.url}: expected a picture, found status 403: "
                "this user may not see it"
            )
            time.sleep(2)
            assert camera.asked <= 6
            assert agent.terminate() == 0
        assert "hunter2" not in agent.log.read_text()


def test_a_stream_that_ends_after_each_picture_is_online_throughout() -> None:
    """It gives frames at its pace, and nobody hears of a loss that is none."""
    part = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
    number = 0

    def one_part(request: BaseHTTPRequestHandler) -> None:
        nonlocal number
        number += 1
        kind = "multipart/x-mixed-replace; boundary=frame"
        answers(body=part + red_jpeg(number=number) + b"\r\n--frame\r\n", kind=kind)(request)

    reports = Reports()
    with http_camera(one_part) as camera, live(camera.url, reports) as source:
        frames = iter(source)
        for _ in range(5):
            next(frames)
        assert reports.said == [(True, "")]
        assert camera.asked <= 7
        assert source.counters.reopened == 0
        camera.behaviour = answers(403)
        threading.Thread(target=list, args=(frames,), daemon=True).start()  # looks on
        assert "this user may not see it" in reports.wait_for(False)


@pytest.mark.parametrize("after_s", [0.5, None])
def test_a_still_of_a_stream_is_frozen_where_somebody_has_said_when(after_s: float | None) -> None:
    """And never where nobody did; its age does not count as the time that we take."""
    stills = Stills()
    stills.stands.set()
    reports = Reports()
    timeouts: Timeouts = {} if after_s is None else {"frozen_after_s": after_s}
    with http_camera(stills) as camera, live(camera.url, reports, **timeouts) as source:
        frames = iter(source)
        first = next(frames)
        if after_s is not None:
            threading.Thread(target=list, args=(frames,), daemon=True).start()  # looks on
            assert "frozen: expected a change within 0.5 s" in reports.wait_for(False)
            return
        time.sleep(1)
        second = next(frames)
        assert second.monotonic_s == first.monotonic_s
        assert second.answered_s is not None
        assert second.answered_s > second.monotonic_s + 0.5
        assert reports.said == [(True, "")]
