"""What is logged is heard, whatever level a command of another test has set."""

import logging

import pytest


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "edge_agent")
