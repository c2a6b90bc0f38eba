"""The capture law over all numbers of auxiliary logits."""

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.capture import experiment as capture
from sottovoce.experiments.capture.simulate import simulate


def test_draws_follow_the_law_for_every_n_aux_and_objective():
    config = capture.Config(hidden=5, draws=1500, members=2).resolve()
    dataset = simulate(config, range(2))
    assert list(dataset["rank"].sel(objective="mse")) == [1, 2, 3, 4, 5]
    assert list(dataset["rank"].sel(objective="kl")) == [0, 1, 2, 3, 4]
    # 20 p-values, uniform when the law holds: the smallest is below 1e-4 in one seed of 500.
    assert dataset["pvalue"].min() > 1e-4
    # A Beta energy has standard deviation at most 1/2; five standard errors of the mean.
    deviation = np.abs(dataset["captured_mean"] - dataset["law_mean"])
    assert deviation.max() < 5 * 0.5 / np.sqrt(config.draws)
    np.testing.assert_allclose(dataset["captured_quantile"].mean("member"), dataset["law_quantile"], atol=0.05)


def test_a_member_does_not_depend_on_its_company():
    config = capture.Config.smoke().resolve()
    together, alone = simulate(config, (0, 3)), simulate(config, (3,))
    assert together.sel(member=[3]).equals(alone)
    first, second = together["captured_mean"].sel(objective="mse", n_aux=1).values
    assert first != second


def test_refuses_no_hidden_units():
    with pytest.raises(UsageError, match="hidden is 0; allowed: 1 or more"):
        capture.Config(hidden=0).resolve()
