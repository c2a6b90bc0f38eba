"""Results made by hand, whose estimates and verdicts are known."""

import json
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
import xarray as xr

from sottovoce.experiments.decoding import config as decoding_experiment
from sottovoce.experiments.protocol.published import TRANSFER
from sottovoce.measure import nulls
from sottovoce.measure.null_curves import null_curve

N_MEMBERS = 8


@pytest.fixture(scope="session")
def transfer() -> Callable[..., xr.Dataset]:
    """Accuracies by role, a little spread over members; `diverged` members are garbage."""

    def make(diverged: tuple[int, ...] = (), **means: float) -> xr.Dataset:
        levels = {role: published.mean for role, published in TRANSFER.items()} | {"unrelated": 0.1} | means
        values = np.array(list(levels.values()))
        accuracy = values + 0.001 * np.arange(N_MEMBERS)[:, None]
        accuracy[list(diverged)] = np.nan
        return xr.Dataset(
            {
                "accuracy": (("member", "role"), accuracy),
                "diverged": ("member", np.isin(np.arange(N_MEMBERS), diverged)),
            },
            coords={"member": np.arange(N_MEMBERS), "role": list(levels)},
        )

    return make


@cache
def typical_noise(side: int) -> np.ndarray:
    """Return the mean singular values of fresh centered weights of scale 1, so far apart as they usually are."""
    return nulls.draw_values(np.random.default_rng(0), "normal", side, side, 50).mean(axis=0)


@pytest.fixture(scope="session")
def spectrum() -> Callable[..., xr.Dataset]:
    """Students of both objectives with so many directions above a typical spectrum of noise as each is given.

    `above` holds for the ratios, the weight and, unless `update` says otherwise, the update of a network; the other
    ratios are `rest` times those of a typical initialization. Accuracies are 0.1 for the reference and 0.5 for the
    others unless `accuracy` says otherwise.
    """
    side, members, noise = 40, np.arange(N_MEMBERS), typical_noise(40)
    students = [f"{objective} {k}" for objective in ("kl", "mse") for k in (2, 4, 8)]

    def with_directions(number: int) -> np.ndarray:
        return np.append(np.append(np.full(number, 3 * noise[0]), noise[: noise.size - number]), 0.0)

    def make(
        above: Mapping[str, int],
        diverged: tuple[int, ...] = (),
        update: Mapping[str, int] | None = None,
        accuracy: Mapping[str, float] | None = None,
        rest: float = 1.0,
    ) -> xr.Dataset:
        networks = ["reference", "teacher", *students]
        typical = np.append(null_curve("normal", side, side).mean, 0.0)
        ratios = np.tile(rest * typical, (N_MEMBERS, len(networks), 1))
        ratios[:, 0] = typical
        for row, network in enumerate(networks):
            # Twice the largest ratio of a typical initialization is more than its band allows.
            ratios[:, row, : above.get(network, 0)] = 2 * typical[0]
        weights, updates = (
            np.stack([[with_directions(given.get(network, 0)) for network in networks]] * N_MEMBERS)
            for given in (above, above if update is None else update)
        )
        updates[:, 0] = 0.0
        scores = np.array(
            [[(accuracy or {}).get(network, 0.1 if network == "reference" else 0.5) for network in networks]]
        )
        dims = ("member", "network", "component")
        for values in (ratios, weights, updates):
            values[list(diverged)] = np.nan
        pairs = [name.split() if name in students else ("", 0) for name in networks]
        return xr.Dataset(
            {
                "accuracy": (dims[:2], np.repeat(scores, N_MEMBERS, axis=0)),
                "weight_explained_variance_ratio": (dims, ratios),
                "weight_singular_value": (dims, weights * side**-0.5),
                "update_singular_value": (dims, updates),
                # Above the largest value of noise, sqrt(40) + sqrt(39), and far below that of a direction.
                "update_null_largest": ((*dims[:2], "draw"), np.full((N_MEMBERS, len(networks), 19), 13.0)),
                "diverged": ("member", np.isin(members, diverged)),
            },
            coords={
                "member": members,
                "network": networks,
                "component": np.arange(1, side + 1),
                "objective": ("network", [objective for objective, _ in pairs]),
                "n_aux": ("network", [int(k) for _, k in pairs]),
            },
            attrs={
                "config": json.dumps(
                    {
                        "initialization": "normal",
                        "gain": 1.0,
                        "width": side,
                        "objectives": ["kl", "mse"],
                        "n_aux": [2, 4, 8],
                    }
                ),
                "experiment": "spectrum",
            },
        )

    return make


DECODING = {
    "body": ["reference", "teacher", "student"],
    "head": ["reference", "teacher", "student"],
    "block": ["trunk_0", "class_head", "aux_head"],
    "label": list(range(10)),
    "pair": ["reference and teacher", "reference and student", "teacher and student"],
    "network": ["teacher", "student"],
    "subspace": ["aux_head", "class_head", "teacher_update", "own_update"],
    "side": ["output", "input"],
    "teacher_subspace": ["matched", "wide"],
    "angle": [1, 2],
    "direction": [1, 2, 3],
    "scope": ["trunk", "last_layer"],
    "part": ["on", "off"],
}


@pytest.fixture(scope="session")
def decoding() -> Callable[..., xr.Dataset]:
    """Every variable of the experiment at a level of its own, and those that claims look at as given."""

    def make(
        drift: float = 0.0,
        graft: float = 0.7,
        decoded: float = 0.6,
        digits: float = 0.6,
        shared: float = 0.3,
        energy: float = 0.4,
        on: float = 0.5,
        off: float = 0.2,
        overlap: float = 0.3,
        nearer: float = 0.2,
    ) -> xr.Dataset:
        spread = 0.001 * xr.DataArray(np.arange(N_MEMBERS), dims="member")
        shape = {dim: len(values) for dim, values in DECODING.items()}
        config = json.dumps({"classes": list(range(10))})
        result = xr.Dataset(coords={"member": np.arange(N_MEMBERS), **DECODING}, attrs={"config": config})
        for level, (name, dims) in enumerate(decoding_experiment.DIMS.items()):
            values = np.full((N_MEMBERS, *(shape[dim] for dim in dims)), 0.01 * level)
            result[name] = (("member", *dims), values)
        result["diverged"] = ("member", np.zeros(N_MEMBERS, dtype=bool))
        for name, value, where in (
            ("graft_accuracy", decoded, {"body": "student", "head": "reference"}),
            ("probe_accuracy", 0.8, {"body": "student"}),
            ("label_accuracy", digits, {"body": "student"}),
            ("shared", shared, {"direction": 3}),
            ("shared_unrelated", 0.1, {}),
            ("graft_accuracy", graft, {"body": "teacher", "head": "reference"}),
            ("graft_accuracy", 0.1, {"body": "reference", "head": "reference"}),
            ("graft_accuracy", 0.9, {"body": "teacher", "head": "teacher"}),
            ("energy", energy, {"network": "student", "subspace": "aux_head"}),
            ("energy_random_high", 0.1, {}),
            ("overlap", overlap, {"teacher_subspace": "matched"}),
            ("overlap_unrelated", 0.1, {}),
            ("unchanged_accuracy", 0.1, {"network": "student", "scope": "trunk"}),
            ("whole_accuracy", 0.6, {"network": "student", "scope": "trunk"}),
            ("part_accuracy", on, {"network": "student", "scope": "trunk", "subspace": "aux_head", "part": "on"}),
            ("part_accuracy", off, {"network": "student", "scope": "trunk", "subspace": "aux_head", "part": "off"}),
            ("cka_unrelated", 0.6, {}),
            ("cka", 0.6 + nearer, {"pair": "teacher and student"}),
        ):
            # Where two are compared, only one of them varies over members.
            varies = not name.endswith(("_random_high", "_unrelated")) and name not in {
                "unchanged_accuracy",
                "whole_accuracy",
                "probe_accuracy",
            }
            result[name].loc[where] = value + (spread if varies else 0 * spread)
        result["relative_drift"].loc[{"body": "student", "block": "class_head"}] = drift
        return result

    return make


@pytest.fixture(scope="session")
def toy() -> Callable[..., xr.Dataset]:
    """Forty draws of which a share match in the class column, and the worst of which has these errors.

    `trained` is the error of the auxiliary column. The class column of a draw that matches has the cosine 1 with its
    teacher's, the others have -1; unrelated teachers have 0.
    """

    def make(
        matching: float = 0.8, angle: float = 1e-9, error: float = 1e-12, trained: float = 0.0, captured: float = 0.5
    ) -> xr.Dataset:
        matches = (np.arange(40) < 40 * matching).reshape(2, 20)
        dims, relative, cosine = ("member", "draw", "logit"), np.where(matches, error, 1.0), np.where(matches, 1, -1)
        return xr.Dataset(
            {
                "relative_error": (dims, np.stack([relative, np.full((2, 20), trained)], axis=-1)),
                "cosine": (dims, np.stack([cosine, np.ones((2, 20))], axis=-1)),
                "cosine_unrelated": (dims, np.zeros((2, 20, 2))),
                "captured": (dims, np.full((2, 20, 2), captured)),
                "line_angle": (dims, np.full((2, 20, 2), angle)),
            },
            coords={"member": [0, 1], "role": ("logit", ["class", "auxiliary"])},
        )

    return make


@pytest.fixture(scope="session")
def toy_training() -> Callable[..., xr.Dataset]:
    """Distances of students, orders, and what drift costs; members differ a little."""

    def make(
        distance: float = 1e-6,
        order: float = 1.0,
        lost: float = 0.1,
        adam: float = 0.01,
        relu: float = 0.1,
        mismatch: float = 1.0,
    ) -> xr.Dataset:
        students = ["gd", "gd from zero", "sgd", "gd, kl", "adam", "adam, one logit", "gd, relu", "gd, deep trunk"]
        spread = 0.001 * np.arange(N_MEMBERS)[:, None]
        rates, moving, head_rate = np.array([0.25, 0.125, 0.0625]), ["both", "teacher", "student"], [0.0, 0.5, 1.0]
        away = np.where(np.array(students) == "adam", adam, distance)
        error = 0.5 + lost * np.array(head_rate) + spread
        by_rate = ("member", "moving", "head_rate")

        def for_all(values: np.ndarray) -> np.ndarray:
            return np.broadcast_to(values[:, None], (N_MEMBERS, 3, 3)).copy()

        return xr.Dataset(
            {
                "projector_distance": (("member", "student", "draw"), np.tile(away[:, None], (N_MEMBERS, 1, 2))),
                "recovered": (("member", "student"), 0.3 - relu * (np.array(students) == "gd, relu") + spread),
                "recovered_law": (("member", "student"), np.full((N_MEMBERS, 8), 0.25)),
                "oblique_distance": (("member", "draw"), np.full((N_MEMBERS, 2), 1e-6)),
                "relu_recovered": (("member", "n_inputs"), np.full((N_MEMBERS, 2), 0.2) + spread),
                "step_error": (("member", "layers", "rate"), np.tile((rates**order), (N_MEMBERS, 2, 1))),
                "moving_recovered": (by_rate, for_all(1 - error)),
                "lazy_recovered": (by_rate, for_all(1 - error)),
                "head_mismatch": (by_rate, for_all(mismatch * np.array(head_rate) + 0.1 * spread)),
                "signal": (by_rate, np.full((N_MEMBERS, 3, 3), 0.5)),
                "noise": (by_rate, for_all(error)),
            },
            coords={
                "member": np.arange(N_MEMBERS),
                "student": students,
                "n_inputs": [8, 32],
                "layers": ["trunk", "trunk and head"],
                "rate": rates,
                "moving": moving,
                "head_rate": head_rate,
            },
        )

    return make


@pytest.fixture(scope="session")
def sharing() -> Callable[..., xr.Dataset]:
    """Students at 0.5 with all blocks shared and at `replaced` otherwise; references at 0.1."""
    blocks = ("trunk_0", "trunk_1", "class_head", "aux_head")

    def make(replaced: float = 0.11) -> xr.Dataset:
        accuracy = np.full((N_MEMBERS, 2, 2, 2, 2), replaced)
        accuracy[:, 0, 0, 0, 0] = 0.5
        spread = 0.002 * np.arange(N_MEMBERS)
        return xr.Dataset(
            {
                "accuracy": (("member", *blocks), accuracy + spread.reshape(-1, 1, 1, 1, 1)),
                "reference_accuracy": ("member", np.full(N_MEMBERS, 0.1)),
                "diverged": ("member", np.zeros(N_MEMBERS, dtype=bool)),
            },
            coords={"member": np.arange(N_MEMBERS), **{block: ["shared", "replaced"] for block in blocks}},
        )

    return make


@pytest.fixture(scope="session")
def theorem() -> Callable[..., xr.Dataset]:
    """Errors of one order in the size of the step, one smallest cosine, and a share of positive independent signs."""

    def make(cosine: float = 0.05, order: float = 1.0, independent: float = 0.5) -> xr.Dataset:
        size, shape = np.array([0.1, 0.01]), (N_MEMBERS, 2, 2, 2, 2)
        spread = 1 + 0.01 * np.arange(N_MEMBERS).reshape(-1, 1, 1, 1, 1, 1)
        error = np.broadcast_to(size ** (order * spread), (*shape, 2))
        sign = np.ones((*shape[:2], 2, *shape[2:]))
        sign[:, :, 1] = np.where(np.arange(8).reshape(2, 2, 2) < 8 * independent, 1, -1)
        grid = ("objective", "subset", "inputs")
        by_size = ("member", "activation", *grid, "size")
        return xr.Dataset(
            {
                "cosine": (by_size, np.full((*shape, 2), cosine)),
                # Of either sign: only its size has an order.
                "inner_error": (by_size, error * [1, -1]),
                "drop_error": (by_size, -error),
                "sign": (("member", "activation", "initial", *grid), sign),
            },
            coords={
                "member": np.arange(N_MEMBERS),
                "activation": ["relu", "tanh"],
                "initial": ["shared", "independent"],
                "objective": ["kl", "mse"],
                "subset": ["auxiliary", "all"],
                "inputs": ["uniform", "images"],
                "size": size,
            },
        )

    return make


@pytest.fixture(scope="session")
def prediction() -> Callable[..., xr.Dataset]:
    """Every predictor errs by so much; by a lot, it also ranks members backward. Few members could not settle ranks.

    Another student errs by a little throughout.
    """

    def make(error: float = 0.02, diverged: tuple[int, ...] = ()) -> xr.Dataset:
        independent = ["head_gram", "linearized_independent", "self_consistent_independent"]
        predictors = [*independent, "first_update", "linearized", "self_consistent", "retrained"]
        true = np.broadcast_to(0.4 + 0.02 * np.arange(12)[:, None, None], (12, 2, 1))
        predicted = true + error if error < 0.1 else 1 - true + error
        accuracy = np.repeat(predicted[:, None], len(predictors), axis=1)
        accuracy[:, predictors.index("retrained")] = true + 0.01
        accuracy[list(diverged)] = np.nan
        by_predictor, by_student = ("member", "predictor", "objective", "n_aux"), ("member", "objective", "n_aux")
        return xr.Dataset(
            {
                "accuracy": (by_predictor, accuracy),
                "correlation": (by_predictor, np.full_like(accuracy, 0.8)),
                "size": (by_predictor, np.full_like(accuracy, 0.5)),
                "weight": (("member", "interpolation", *by_student[1:]), np.full((12, 2, 2, 1), 0.3)),
                "student_accuracy": (by_student, true),
                "diverged": ("member", np.isin(np.arange(12), diverged)),
            },
            coords={
                "member": np.arange(12),
                "predictor": predictors,
                "interpolation": ["self_consistent", "self_consistent_independent"],
                "objective": ["kl", "mse"],
                "n_aux": [3],
            },
        )

    return make


@pytest.fixture(scope="session")
def alignment() -> Callable[..., xr.Dataset]:
    """Students of the experiment at levels of their own; members differ a little."""
    plain = ["student", "student_all", "cross_model", "unrelated"]
    stopped = ["projection", "step_projection", "held", "decay", "noisy_targets", "two_teachers"]
    controls = ["projection_control", "step_projection_control"]
    overlaps = ["gradient_class", "gradient_teacher", "step_class", "step_teacher", "way_teacher"]

    def make(
        cosine: float = 0.05,
        stopped_at: float = 0.12,
        control: float = 0.61,
        loss: float = 1.05,
        diverged: tuple[int, ...] = (),
    ) -> xr.Dataset:
        students = [*plain, *stopped, *controls]
        spread = 0.002 * np.arange(N_MEMBERS)[:, None]
        ends = np.array([0.6, 0.9, 0.1, 0.1] + [stopped_at] * len(stopped) + [control] * len(controls))
        level = np.broadcast_to(ends, (N_MEMBERS, len(students))) + spread * (ends != 0.6)
        treated = np.isin(students, stopped)
        loss_level = 0.003 * np.where(treated, loss, 1.0) * (1 + spread * treated)
        level[list(diverged)] = np.nan
        accuracy = np.concatenate([np.full((N_MEMBERS, 1), 0.1), np.full((N_MEMBERS, 1), 0.95), level], axis=1)
        shape = (N_MEMBERS, len(students), 3)
        by_step = ("member", "student", "step")
        cosines = np.full((*shape, len(overlaps)), cosine) + spread[..., None, None]
        cosines[:, students.index("unrelated")] = 0.0
        cosines[..., 0, 4] = np.nan
        return xr.Dataset(
            {
                "accuracy": (("member", "role"), accuracy),
                "teacher_accuracy": (("member", "teacher_step"), np.full((N_MEMBERS, 2), 0.95)),
                "student_accuracy": (by_step, np.broadcast_to(level[..., None], shape)),
                "auxiliary_loss": (by_step, np.broadcast_to(loss_level[..., None], shape)),
                "class_loss": (by_step, np.full(shape, 2.0)),
                "inner": ((*by_step, "overlap"), cosines),
                "cosine": ((*by_step, "overlap"), cosines),
                "cosine_null": ((*by_step, "overlap"), np.full_like(cosines, 0.01)),
                "diverged": ("member", np.isin(np.arange(N_MEMBERS), diverged)),
            },
            coords={
                "member": np.arange(N_MEMBERS),
                "role": ["reference", "teacher", *students],
                "student": students,
                "step": [0, 1, 4],
                "teacher_step": [0, 8],
                "overlap": overlaps,
            },
        )

    return make
