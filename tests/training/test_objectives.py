"""Objectives against independent NumPy in float64, and what each of them cannot see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, rel_entr, softmax

from sottovoce.parts import OBJECTIVES
from sottovoce.training.loop import weighted_mean
from sottovoce.training.objectives import cross_entropy

ONE = jnp.asarray(1.0)
N_LOGITS = 7


@jax.jit
def values_and_gradients(student, teacher, mask, temperature):
    """Value per sample and gradient of their sum, by objective: compiled once for all tests."""

    def of(distance):
        total, back = jax.vjp(lambda s: distance(s, teacher, mask, temperature), student)
        return total, back(jnp.ones_like(total))[0]

    return {name: of(distance) for name, distance in OBJECTIVES.items()}


def draw(seed, scale=2.0):
    rng = np.random.default_rng(seed)
    return (scale * rng.standard_normal((2, 5, N_LOGITS))).astype(np.float32)


def mask_of(*logits):
    return jnp.isin(jnp.arange(N_LOGITS), jnp.asarray(logits))


# Blind to a shift common to all masked logits, and so to a single one.
BLIND = ("kl", "centered_mse", "hard")

masks = st.sets(st.integers(0, N_LOGITS - 1), min_size=2).map(sorted)
cases = given(st.integers(0, 2**32 - 1), masks, st.floats(0.25, 8))


@settings(deadline=None, max_examples=30)
@cases
def test_all_equal_numpy_over_the_masked_logits(seed, logits, temperature):
    student, teacher = draw(seed)
    s, t = (values[:, logits].astype(np.float64) for values in (student, teacher))
    result = values_and_gradients(student, teacher, mask_of(*logits), jnp.float32(temperature))
    p, q = softmax(t / temperature, axis=1), softmax(s / temperature, axis=1)
    largest = np.eye(len(logits))[t.argmax(axis=1)]
    expected = {
        "kl": rel_entr(p, q).sum(axis=1),
        "mse": ((s - t) ** 2).mean(axis=1),
        "centered_mse": (s - t).var(axis=1),
        "hard": -(largest * log_softmax(s, axis=1)).sum(axis=1),
    }
    slopes = {
        "kl": (q - p) / temperature,
        "mse": 2 * (s - t) / len(logits),
        "centered_mse": 2 * (s - t - (s - t).mean(axis=1, keepdims=True)) / len(logits),
        "hard": softmax(s, axis=1) - largest,
    }
    for name, (value, gradient) in result.items():
        # Log-probabilities reach about 10 / 0.25 = 40, squares 100: float32 rounds them by 6e-8 of that, a few times.
        np.testing.assert_allclose(value, expected[name], atol=5e-5)
        np.testing.assert_allclose(gradient[:, logits], slopes[name], atol=5e-5)


@settings(deadline=None, max_examples=30)
@cases
def test_masked_out_logits_have_no_effect_and_no_gradient(seed, logits, temperature):
    student, teacher = draw(seed)
    mask = mask_of(*logits)
    changed = [np.where(mask, values, 1e6 * values) for values in (student, teacher)]
    before = values_and_gradients(student, teacher, mask, jnp.float32(temperature))
    after = values_and_gradients(*changed, mask, jnp.float32(temperature))
    for name in OBJECTIVES:
        np.testing.assert_array_equal(before[name][0], after[name][0])
        np.testing.assert_array_equal(before[name][1], after[name][1])
        np.testing.assert_array_equal(before[name][1][:, ~np.asarray(mask)], 0)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), masks, st.floats(-20, 20))
def test_all_but_mse_are_blind_to_a_common_shift(seed, logits, shift):
    student, teacher = draw(seed)
    before = values_and_gradients(student, teacher, mask_of(*logits), ONE)
    after = values_and_gradients(student + np.float32(shift), teacher, mask_of(*logits), ONE)
    for name in BLIND:
        # A shift of 20 leaves rounding of 20 * 6e-8 in each logit, which squares of differences of ten multiply by 20.
        np.testing.assert_allclose(before[name][0], after[name][0], atol=1e-4)
        np.testing.assert_allclose(before[name][1], after[name][1], atol=5e-5)
        # Their gradients sum to zero for the same reason.
        np.testing.assert_allclose(before[name][1].sum(axis=1), 0, atol=5e-6)
    slopes = after["mse"][1] - before["mse"][1]
    np.testing.assert_allclose(slopes[:, logits], 2 * shift / len(logits), atol=5e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), masks)
def test_centered_mse_is_mse_less_the_squared_mean_difference(seed, logits):
    student, teacher = draw(seed)
    result = values_and_gradients(student, teacher, mask_of(*logits), ONE)
    mean = (student - teacher)[:, logits].astype(np.float64).mean(axis=1)
    # Squares reach 100: float32 rounds them by 6e-8 of that, a few times.
    np.testing.assert_allclose(result["centered_mse"][0], result["mse"][0] - mean**2, atol=5e-5)


def test_kl_tends_to_half_the_centered_mse_at_high_temperature():
    student, teacher = draw(5)
    # Errors fall with the inverse temperature: a factor of ten between the two.
    errors = []
    for temperature in (30.0, 300.0):
        result = values_and_gradients(student, teacher, mask_of(0, 2, 3, 6), jnp.float32(temperature))
        exact = result["centered_mse"][1] / 2
        errors.append(np.abs(temperature**2 * result["kl"][1] - exact).max() / np.abs(exact).max())
    assert 6 < errors[0] / errors[1] < 15
    assert errors[1] < 0.02


def test_hard_sees_nothing_of_the_teacher_but_its_largest_masked_logit():
    student, teacher = draw(6)
    mask = mask_of(1, 2, 5)
    changed = np.where(np.arange(N_LOGITS) == 0, 50.0, 3 * teacher).astype(np.float32)
    before, after = (values_and_gradients(student, t, mask, ONE)["hard"] for t in (teacher, changed))
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    # With the student's second largest as the label it is another loss.
    other = np.where(np.arange(N_LOGITS) == 1, 50.0, teacher).astype(np.float32)
    assert (values_and_gradients(student, other, mask, ONE)["hard"][0] != before[0]).any()


def test_equal_logits_are_at_distance_zero_and_no_distance_is_negative():
    student, teacher = draw(0)
    equal = values_and_gradients(teacher, teacher, mask_of(2, 3, 4), ONE)
    for name in ("kl", "mse", "centered_mse"):
        np.testing.assert_array_equal(equal[name][0], 0)
    # A hard label leaves the entropy of not being certain.
    assert (equal["hard"][0] > 0).all()
    for value, _ in values_and_gradients(student, teacher, mask_of(2, 3, 4), ONE).values():
        assert (value > 0).all()


def test_one_logit_has_a_gradient_under_mse_alone():
    student, teacher = draw(1)
    result = values_and_gradients(student, teacher, mask_of(3), ONE)
    for name in BLIND:
        np.testing.assert_array_equal(result[name][0], 0)
        np.testing.assert_array_equal(result[name][1], 0)
    assert (np.abs(result["mse"][1][:, 3]) > 0).all()


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_large_logits_stay_finite_and_masked_ones_stay_out(size):
    student, teacher = draw(2)
    # All masked logits far below zero, where a mask by a merely large number would let others in.
    s, t = (np.float32(size) * (values - 20) for values in (student, teacher))
    result = values_and_gradients(s, t, mask_of(0, 5, 6), ONE)
    log_q, log_p = (log_softmax(values[:, [0, 5, 6]].astype(np.float64), axis=1) for values in (s, t))
    # Logits of 20 times their differences keep 6e-8 of themselves.
    np.testing.assert_allclose(result["kl"][0], (np.exp(log_p) * (log_p - log_q)).sum(axis=1), rtol=1e-4)
    hard = -np.take_along_axis(log_q, log_p.argmax(axis=1)[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(result["hard"][0], hard, rtol=1e-4, atol=1e-6)
    for value, gradient in result.values():
        assert np.isfinite(value).all()
        assert np.isfinite(gradient).all()


def test_cross_entropy_equals_numpy():
    logits, labels = draw(3)[0], np.array([0, 6, 3, 3, 1], dtype=np.int32)
    expected = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(5), labels]
    np.testing.assert_allclose(cross_entropy(jnp.asarray(logits), jnp.asarray(labels)), expected, atol=5e-6)


def test_the_mean_is_over_the_samples_that_count():
    values, weights = jnp.asarray([1.0, 2.0, 6.0, 1e30]), jnp.asarray([1.0, 1.0, 1.0, 0.0])
    assert weighted_mean(values, weights) == 3


def test_a_value_belongs_to_its_sample_alone():
    student, teacher = draw(4)
    student[:2], teacher[3:] = 7.0, -teacher[3:]
    changed, kept = (values_and_gradients(*pair, mask_of(1, 2), ONE) for pair in ((student, teacher), draw(4)))
    for name in OBJECTIVES:
        assert (np.asarray(changed[name][0] == kept[name][0]) == [False, False, True, False, False]).all()
