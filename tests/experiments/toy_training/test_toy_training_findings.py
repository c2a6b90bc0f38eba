"""Statistics of the toy's training on results whose statistics are known."""

import numpy as np
import pytest

from sottovoce.experiments.toy_training.findings import noise_to_signal, step_order


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_order_is_the_power_of_the_step(toy_training, order):
    slopes = step_order(toy_training(order=order))
    assert set(slopes.dims) == {"member", "layers"}
    np.testing.assert_allclose(slopes, order, atol=1e-12)


def test_noise_is_in_units_of_signal(toy_training):
    result = toy_training()
    np.testing.assert_allclose(noise_to_signal(result), 2 * result["noise"])
