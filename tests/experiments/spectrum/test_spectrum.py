"""The spectrum experiment: its quantities against NumPy, and its two variants."""

from dataclasses import replace

import equinox as eqx
import jax
import numpy as np
import pytest

from sottovoce.experiments.spectrum import experiment as spectrum
from sottovoce.experiments.spectrum.simulate import simulate
from sottovoce.lab.checks import DEFAULT_SEED
from sottovoce.measure import nulls
from sottovoce.networks.initialization import Architecture, initialize
from sottovoce.runs.identity import canonical
from sottovoce.streams import Stream, member_key


def test_networks_are_reference_teacher_and_a_student_by_objective_and_number(smoke):
    dataset = smoke("spectrum")
    assert dataset["network"].values.tolist() == ["reference", "teacher", "kl 2", "kl 4", "mse 2", "mse 4"]
    assert dataset["objective"].values.tolist() == ["", "", "kl", "kl", "mse", "mse"]
    assert dataset["n_aux"].values.tolist() == [0, 0, 2, 4, 2, 4]
    assert dataset["component"].values.tolist() == list(range(1, 17))
    for name in ("weight_explained_variance_ratio", "weight_singular_value", "update_singular_value"):
        assert dataset[name].dims == ("member", "network", "component")
        assert (dataset[name].diff("component") <= 0).all()


def test_the_reference_has_the_spectrum_of_its_drawn_second_layer(smoke):
    architecture = Architecture(n_inputs=64, widths=(16, 16), n_class=10, n_aux=4)
    network = jax.jit(initialize, static_argnums=0)(architecture, member_key(DEFAULT_SEED, Stream.INITIALIZATION, 1))
    W = np.asarray(network.trunk[1].weight, np.float64)
    s = np.linalg.svd(W.T - W.T.mean(axis=0), compute_uv=False)
    shown = smoke("spectrum").sel(member=1, network="reference")
    # Weights are float32, but drawn inside two different programs: one rounding of 6e-8 each.
    np.testing.assert_allclose(shown["weight_singular_value"], s, atol=1e-5)
    np.testing.assert_allclose(shown["weight_explained_variance_ratio"], s**2 / (s**2).sum(), atol=1e-6)
    np.testing.assert_array_equal(shown["update_singular_value"], 0)


def test_more_logits_than_units_and_six_layers_of_different_widths_leave_the_spectrum_of_the_second():
    widths = (24, 20, 16, 12, 12, 16)
    config = replace(spectrum.Config.smoke(), width=widths, n_aux=(300,), objectives=("centered_mse", "hard"))
    dataset = simulate(config.resolve(), (0,)).sel(member=0)
    assert dataset["network"].values.tolist() == ["reference", "teacher", "centered_mse 300", "hard 300"]
    assert dataset["component"].values.tolist() == list(range(1, 21))
    architecture = Architecture(n_inputs=64, widths=widths, n_class=10, n_aux=300)
    network = jax.jit(initialize, static_argnums=0)(architecture, member_key(DEFAULT_SEED, Stream.INITIALIZATION, 0))
    W = np.asarray(network.trunk[1].weight, np.float64)
    assert W.shape == (24, 20)
    s = np.linalg.svd(W - W.mean(axis=1, keepdims=True), compute_uv=False)
    # Weights drawn inside two programs: one rounding of 6e-8 each.
    np.testing.assert_allclose(dataset["weight_singular_value"].sel(network="reference"), s, atol=1e-5)
    assert not dataset["diverged"]


@pytest.mark.parametrize(
    ("initialization", "width", "gain"), [("orthogonal", (16, 24), 2.0), ("uniform", (24, 16), 0.5)]
)
def test_layers_that_are_not_square_of_any_scheme_and_gain_reach_their_table(initialization, width, gain):
    config = replace(spectrum.Config.smoke(), initialization=initialization, width=width, gain=gain).resolve()
    result = simulate(config, (0, 1)).assign_attrs(config=canonical(config), experiment="spectrum", identity="0" * 64)
    rows = spectrum.table(result)
    counted = [row for label, row in rows.items() if label.startswith("reference, weight")]
    assert counted
    # A fresh layer shows no direction, whatever its shape, scheme and gain; two members are one false alarm in ten.
    assert all(row["mean"] <= 0.5 for row in counted)
    assert spectrum.notes(result)


def test_trap_ratios_are_normalized_so_raw_spectra_and_updates_stand_beside_them(smoke):
    dataset = smoke("spectrum")
    s = dataset["weight_singular_value"]
    ratio = s**2 / (s**2).sum("component")
    np.testing.assert_allclose(dataset["weight_explained_variance_ratio"], ratio, atol=1e-12)
    # A learned component takes its share from the others: the last ratios fall although no last value does.
    grown = s.copy()
    grown[:, :, 0] *= 3
    assert ((grown**2 / (grown**2).sum("component"))[:, :, 1:] < ratio[:, :, 1:]).all()
    # Weyl: a singular value moves by at most the largest one of the update.
    moved = np.abs(s - s.sel(network="reference")).max("component")
    assert (moved <= dataset["update_singular_value"].sel(component=1) + 1e-9).all()
    assert (dataset["update_singular_value"].sel(component=1).drop_sel(network="reference") > 0).all()


@pytest.fixture(scope="module")
def narrow():
    """Train the same members with one more logit distilled, under mse only."""
    config = replace(spectrum.Config.smoke(), n_aux=(1, 4), n_aux_built=4)
    return simulate(config.resolve(), (1,))


def test_one_logit_makes_a_student_under_mse_only(narrow):
    assert narrow["network"].values.tolist() == ["reference", "teacher", "kl 4", "mse 1", "mse 4"]
    assert narrow["update_singular_value"].sel(network="mse 1", component=1) > 0


def test_a_network_depends_neither_on_the_grid_nor_on_the_other_members(smoke, narrow):
    common = ["reference", "teacher", "kl 4", "mse 4"]
    wide = smoke("spectrum").sel(member=[1], network=common)
    # The same arithmetic in programs of different shape: float32 rounding grows over a few dozen steps of Adam.
    for name in ("weight_singular_value", "update_singular_value", "update_null_largest"):
        np.testing.assert_allclose(narrow.sel(network=common)[name], wide[name], rtol=1e-3, atol=1e-4)


def test_the_updates_null_keeps_its_entries_in_place_and_draws_their_signs(smoke):
    dataset = smoke("spectrum")
    null = dataset["update_null_largest"]
    assert null.sizes["draw"] == 19
    np.testing.assert_array_equal(null.sel(network="reference"), 0)
    drawn = null.drop_sel(network="reference")
    # In units of its root mean square a matrix of rank one has sqrt(16 * 15), and no matrix less than sqrt(16).
    assert ((drawn >= 4) & (drawn < np.sqrt(16 * 15))).all()
    assert len(np.unique(drawn.sel(network="teacher"))) == drawn.sizes["member"] * 19
    # A student's update is of few directions, which random signs scatter: its own largest value exceeds theirs.
    values = dataset["update_singular_value"].drop_sel(network="reference")
    own = values.sel(component=1) / np.sqrt((values**2).sum("component") / (16 * 15))
    assert (own > drawn.max("draw")).mean() >= 0.9


@pytest.fixture(scope="module")
def diverged():
    """Simulate two members whose first student diverges for member 0; return what was trained and the result."""
    from sottovoce.experiments.protocol import program

    config, seen, train = spectrum.Config.smoke().resolve(), [], program.train_members

    def diverging(*args, **kwargs):
        trained = train(*args, **kwargs)
        layer = trained.students[0].trunk[1]
        weight, loss = layer.weight.copy(), trained.student_loss.copy()
        weight[0, 0, 0], loss[0, -1, 0] = np.nan, np.nan
        broken = eqx.tree_at(lambda network: network.trunk[1].weight, trained.students[0], weight)
        seen.append(trained._replace(students=(broken, *trained.students[1:]), student_loss=loss))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "train_members", diverging)
        return seen, simulate(config, (0, 1))


def test_a_diverged_network_has_no_spectrum_and_is_left_out(diverged):
    _, result = diverged
    assert result["diverged"].values.tolist() == [True, False]
    assert (result["weight_singular_value"].sel(member=0, network="kl 2") == 0).all()
    assert result.drop_vars("accuracy").notnull().all().to_array().all()


def test_update_and_null_are_those_of_the_second_layer_by_member_and_seed(diverged):
    (trained,), result = diverged
    update = (trained.teacher.trunk[1].weight - trained.reference.trunk[1].weight)[1].astype(np.float64)
    shown = result.sel(member=1, network="teacher")
    rng = np.random.default_rng(np.random.SeedSequence(DEFAULT_SEED, spawn_key=(1,)))
    expected = nulls.resample_largest(rng, update, "signflip", 19)
    # The difference is taken in float32 here and in float64 there: entries differ by a rounding of 6e-8 of the weights.
    np.testing.assert_allclose(shown["update_null_largest"], expected, rtol=1e-4)
    values = np.linalg.svd(update - update.mean(axis=1, keepdims=True), compute_uv=False)
    np.testing.assert_allclose(shown["update_singular_value"], values, atol=1e-5)


@pytest.fixture(scope="module")
def published():
    config = spectrum.Config(
        dataset="digits",
        variant="published",
        width=64,
        inputs="uniform",
        n_inputs=4000,
        teacher_epochs=10,
        student_epochs=10,
        n_aux=(8,),
        objectives=("kl",),
        learning_rate=3e-3,
        student_learning_rate=3e-3,
    ).resolve()
    return config, simulate(config, (0, 1, 2, 3))


def test_students_of_the_published_variant_have_heads_that_never_saw_a_label(published):
    config, dataset = published
    assert (config.fresh_heads, config.n_aux_built, config.initialization) == (True, 27, "uniform")
    accuracy = dataset["accuracy"].mean("member")
    assert accuracy.sel(network="teacher") > 0.8
    # Chance is 0.1 and members spread by 0.05 around it: four standard errors of the mean of four. With the teacher's
    # initial heads the same students reach 0.39.
    assert accuracy.sel(network="kl 8") < 0.2
    # Which is not for want of learning.
    update = dataset["update_singular_value"].sel(component=1).mean("member")
    assert update.sel(network="kl 8") > 0.1 * update.sel(network="teacher")
