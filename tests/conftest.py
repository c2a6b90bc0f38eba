"""What all tests share: no network, two CPU devices, and a protocol small enough to train in a blink."""

import os

import pytest


def pytest_configure() -> None:
    """Keep tests off the network and split the CPU in two, before jax computes anything."""
    os.environ["SOTTOVOCE_OFFLINE"] = "1"
    from sottovoce.training import devices

    devices.configure("cpu", 2)
