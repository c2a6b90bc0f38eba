"""The toy: the post's two statements, independence of members, and what the configuration refuses."""

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.toy import config as toy_config
from sottovoce.experiments.toy import experiment as toy
from sottovoce.experiments.toy.simulate import simulate


def run(members=(0, 1), **fields):
    config = toy.Config(draws=200, members=2, **fields).resolve()
    return simulate(config, members)


def test_smoke_has_the_promised_dimensions():
    config = toy.Config.smoke().resolve()
    dataset = simulate(config, range(config.members))
    assert dict(dataset["cosine"].sizes) == {"member": 2, "draw": 50, "logit": 2}
    assert dict(dataset["teacher"].sizes) == {"member": 2, "example": 3, "input": 2, "logit": 2}
    assert list(dataset["role"].values) == ["class", "auxiliary"]
    assert dataset["cosine_law"].sizes == {"abs_cosine": toy_config.LAW_POINTS}


def test_one_auxiliary_logit_puts_the_student_on_one_line():
    dataset = run()
    assert (dataset["rank"] == 1).all()
    # Rounding times the condition of the worst of 400 first layers.
    assert dataset["line_angle"].max() < 1e-9
    np.testing.assert_allclose(dataset["cosine"].sel(logit=1), 1, atol=1e-12)


def test_two_auxiliary_logits_make_the_match_exact():
    dataset = run(n_aux=2)
    assert dataset["relative_error"].max() < 1e-9
    assert "cosine_law" not in dataset
    np.testing.assert_allclose(dataset["captured"], 1, atol=1e-12)


def test_gaussian_columns_pass_the_capture_test_and_those_of_the_post_do_not():
    # A member's p-value is uniform when the law holds; two of them at 1e-3 each.
    assert (run(generator="gaussian", n_aux=3)["capture_pvalue"] > 1e-3).all()
    assert (run()["capture_pvalue"] < 1e-6).all()


def test_a_member_does_not_depend_on_its_company():
    together, alone = run(members=(0, 1, 5)), run(members=(5,))
    assert together.sel(member=[5]).equals(alone)
    first, second, _ = together["cosine"].values
    assert not np.isclose(first, second)[..., 0].any()


def test_unset_fields_take_the_preset_of_the_generator():
    config = toy.Config("gaussian", hidden=5).resolve()
    assert (config.d_in, config.hidden, config.n_class) == (10, 5, 3)
    assert config.resolve() == config


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"generator": "posts"}, "did you mean 'post'"),
        ({"hidden": 3}, "hidden is 3; generator post allows 2"),
        ({"n_aux": 3}, "n_aux is 3; generator post allows 1 or 2"),
        ({"n_aux": 0}, "n_aux is 0"),
        ({"objective": "kl"}, "gradient is exactly zero"),
        ({"draws": 2}, "draws is 2; allowed: 3 or more"),
        ({"generator": "gaussian", "d_in": 0}, "d_in is 0"),
    ],
)
def test_refuses(fields, words):
    with pytest.raises(UsageError, match=words):
        toy.Config(**fields).resolve()


@pytest.mark.parametrize("generator", ["post", "gaussian"])
def test_an_unrelated_teacher_shares_no_draw_with_the_teacher(generator):
    config = toy.Config(generator=generator, draws=2000, members=2).resolve()
    cosine = simulate(config, (0, 1))["cosine_unrelated"].isel(logit=0)
    assert not (abs(cosine) > 1 - 1e-9).all()
    # Maps of random sign: of 4000 independent draws the mean has a standard error of at most 1 / sqrt(4000).
    assert abs(float(cosine.mean())) < 5 / np.sqrt(cosine.size)
    first, second = cosine.values
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(2000)
