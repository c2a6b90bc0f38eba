"""Tables: the rows of every experiment, as scripts read them."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from sottovoce.analysis.tables import table
from sottovoce.experiments import capture, registry, transfer
from sottovoce.experiments import toy as toy_experiment

KEYS = {"mean", "ci95", "half_width", "members", "published", "quantity"}


def described(result, name, config=None):
    config = {} if config is None else asdict(config)
    return result.assign_attrs(experiment=name, config=json.dumps(config))


def check(rows):
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    for row in rows.values():
        assert row.keys() == KEYS
        low, high = row["ci95"]
        # A mean of equal numbers is rounded.
        assert low - 1e-12 <= row["mean"] <= high + 1e-12


def test_transfer_has_a_row_by_role_with_the_published_number(transfer_result):
    rows = table(transfer_result)
    check(rows)
    assert list(rows) == ["reference", "teacher", "student", "student_all", "cross_model", "cross_model_all"]
    assert rows["student"]["published"] == 0.528
    assert rows["student"]["mean"] == pytest.approx(0.528 + 0.002)
    assert rows["student"]["members"] == 5


@pytest.fixture
def transfer_result(transfer):
    return described(transfer(), "transfer", transfer_config())


def transfer_config():
    return transfer.Config(dataset="mnist").resolve()


def test_what_is_not_a_number_is_null(transfer_result):
    rows = table(transfer_result.isel(member=[0]).assign_attrs(config="{}"))
    assert json.dumps(rows, allow_nan=False)
    assert rows["student"]["ci95"] == [None, None]
    assert rows["student"]["half_width"] is None
    assert rows["student"]["published"] is None


def test_spectrum_has_accuracies_and_counts_by_network(spectrum):
    rows = table(described(spectrum({"teacher": 9}), "spectrum"))
    check(rows)
    networks = ["reference", "teacher", "kl 2", "kl 4", "kl 8"]
    assert list(rows) == networks + [f"{name}, components above the edge" for name in networks]
    assert rows["teacher, components above the edge"]["mean"] == 9
    assert rows["teacher, components above the edge"]["quantity"] == "components"


def test_decoding_has_grafts_probes_and_drifts(decoding):
    rows = table(described(decoding(), "decoding"))
    check(rows)
    assert len(rows) == 9 + 3 + 3
    assert rows["teacher body, reference class head"]["mean"] == pytest.approx(0.702)
    assert rows["student body, linear probe"]["mean"] == pytest.approx(0.9)
    assert rows["teacher drift, class_head"]["mean"] == pytest.approx(0.052)


def test_prediction_has_scores_by_student_and_predictor(prediction):
    rows = table(described(prediction(), "prediction"))
    check(rows)
    # By objective: the student's accuracy; errors of four predictors and the mean of others; three scores of four.
    assert len(rows) == 2 * (1 + 5 + 3 * 4)
    assert rows["kl, k = 3, head_gram: absolute error of accuracy"]["mean"] == pytest.approx(0.02)
    assert rows["mse, k = 3, linearized: Spearman over members"]["mean"] == pytest.approx(1)
    assert rows["mse, k = 3, linearized: relative size of logits' change"]["mean"] == pytest.approx(0.5)


def test_theorem_has_orders_cosines_and_shares(theorem):
    rows = table(described(theorem(independent=0.25), "theorem"))
    check(rows)
    assert len(rows) == 2 * 2 + 2 + 2 * 2
    assert rows["tanh, order of the error, inner product"]["mean"] == pytest.approx(1.02)
    assert rows["shared, all logits: share positive"]["mean"] == 1
    assert rows["relu, smallest cosine of the steps"]["mean"] == pytest.approx(0.05)


@pytest.mark.parametrize(("module", "label"), [(toy_experiment, "cosine, class logit 0"), (capture, "mse, k = 1")])
def test_closed_forms_have_their_rows(module, label):
    config = module.Config.smoke().resolve()
    name = module.__name__.rpartition(".")[2]
    rows = table(described(module.simulate(config, range(config.members)), name, config))
    check(rows)
    assert label in rows
    assert all(np.isfinite(row["mean"]) for row in rows.values())


def test_every_experiment_has_a_table():
    from sottovoce.analysis.tables import _TABLES

    assert set(_TABLES) == set(registry.REGISTRY)
