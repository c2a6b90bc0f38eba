"""The gallery measures what was drawn, and what was drawn is what students are distilled on."""

import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.data import load_dataset
from sottovoce.data.inputs import distillation_inputs
from sottovoce.errors import UsageError
from sottovoce.experiments.inputs import config as inputs_config
from sottovoce.experiments.inputs import experiment as inputs
from sottovoce.experiments.inputs.simulate import simulate
from sottovoce.streams import Stream, member_key


def test_measures_are_those_of_the_inputs_that_a_student_would_see(smoke):
    dataset, config = smoke("inputs"), inputs.Config.smoke().resolve()
    images = jnp.asarray(load_dataset("digits").train_images)
    key = member_key(config.seed, Stream.DISTILLATION_INPUTS, 1)
    for kind in config.kinds:
        x = np.asarray(distillation_inputs(kind, key, (50, 64), images), np.float64)
        found = dataset.sel(member=1, kind=kind)
        # Rows are drawn in float32: rounding of values of order one.
        np.testing.assert_allclose(found["example"].values.reshape(-1, 64), x[: inputs_config.EXAMPLES], atol=1e-5)
        expected = {"mean": x.mean(), "sd": x.std(), "lowest": x.min(), "highest": x.max()}
        variance = np.sort(np.linalg.eigvalsh(np.cov(x.T)))[::-1]
        expected["share"] = variance[:10].sum() / variance.sum()
        for name, value in expected.items():
            assert float(found[name]) == pytest.approx(value, abs=1e-5), (kind, name)


def test_ten_components_hold_all_of_a_low_rank_and_nothing_of_a_constant():
    config = inputs.Config(dataset="digits", kinds=("low_rank", "constant"), members=1, n_inputs=50, inputs_rank=10)
    dataset = simulate(config.resolve(), (0,))
    np.testing.assert_allclose(dataset["share"][0], [1, 0], atol=1e-6)
    assert float(dataset["sd"].sel(member=0, kind="constant")) == 0


def test_unset_it_shows_all_kinds_on_as_many_images_as_there_are():
    assert inputs.Config(dataset="digits").resolve().n_inputs == 1442
    assert inputs.Config(dataset="mnist").resolve().n_inputs == 2000
    assert inputs.Config().kinds == inputs_config.INPUTS.built_in


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dataset": "digit"}, ["dataset is 'digit'", "did you mean 'digits'"]),
        ({"kinds": ()}, ["kinds is ()", "one kind or more"]),
        ({"kinds": ("uniform", "uniform")}, ["none twice"]),
        ({"kinds": ("uniform", "mixtur")}, ["kinds is 'mixtur'", "did you mean 'mixture'"]),
        ({"n_inputs": 5}, ["n_inputs is 5; allowed: 6 or more"]),
        ({"n_inputs": 1443}, ["n_inputs is 1443; allowed with inputs=images: 1 to 1442"]),
        ({"members": 0}, ["members is 0; allowed: 1 or more"]),
        ({"seed": 2**31}, ["seed is 2147483648"]),
        ({"pixels": "bytes"}, ["pixels is 'bytes'", "symmetric, unit"]),
        ({"kinds": ("uniform",), "inputs_rank": 3}, ["inputs_rank is 3", "low_rank only"]),
        ({"inputs_rank": 65}, ["inputs_rank is 65; allowed: 1 to 64"]),
    ],
    ids=str,
)
def test_refuses(fields, words):
    with pytest.raises(UsageError) as caught:
        inputs.Config(**{"dataset": "digits"} | fields).resolve()
    assert all(word in str(caught.value) for word in words), str(caught.value)
