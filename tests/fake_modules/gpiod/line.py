"""Stands for `gpiod.line`."""

from enum import Enum


class Direction(Enum):
    """Which way a line is used."""

    INPUT = 2
    OUTPUT = 3


class Value(Enum):
    """What a line is set to."""

    INACTIVE = 0
    ACTIVE = 1
