"""Choosing devices: what is taken, and what is refused in one line."""

import jax
import pytest

from sottovoce.errors import UsageError
from sottovoce.training import devices


def test_once_jax_has_started_its_own_devices_are_taken():
    # As in a notebook that computed something first.
    assert [devices.configure(), devices.configure("cpu"), devices.configure("auto", 2)] == [2, 2, 2]
    assert devices.mesh().axis_names == ("member",)
    assert devices.mesh().size == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tpu",), "--device is 'tpu'; allowed: auto, cpu, gpu"),
        (("gpu",), "--device is 'gpu', but jax has started on cpu"),
        (("cpu", 3), "--devices is 3, but jax has started with 2"),
        (("cpu", 0), "--devices is 0; allowed: 1 or more"),
    ],
)
def test_refuses(arguments, words):
    platforms = jax.config.jax_platforms
    with pytest.raises(UsageError) as caught:
        devices.configure(*arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert jax.config.jax_platforms == platforms
