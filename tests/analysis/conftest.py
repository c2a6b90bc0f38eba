"""Results made by hand, whose estimates and verdicts are known."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import xarray as xr

from sottovoce.analysis.published import SPECTRUM, TRANSFER

N_MEMBERS = 5


@pytest.fixture
def transfer() -> Callable[..., xr.Dataset]:
    """Accuracies by role, a little spread over members; `diverged` members are garbage."""

    def make(diverged: tuple[int, ...] = (), **means: float) -> xr.Dataset:
        values = np.array([means.get(role, published.mean) for role, published in TRANSFER.items()])
        accuracy = values + 0.001 * np.arange(N_MEMBERS)[:, None]
        accuracy[list(diverged)] = np.nan
        return xr.Dataset(
            {
                "accuracy": (("member", "role"), accuracy),
                "diverged": ("member", np.isin(np.arange(N_MEMBERS), diverged)),
            },
            coords={"member": np.arange(N_MEMBERS), "role": list(TRANSFER)},
        )

    return make


@pytest.fixture
def spectrum() -> Callable[..., xr.Dataset]:
    """Ratios of 12 components: a flat floor below the edge, and so many above it as each network is given."""

    def make(above: Mapping[str, int], diverged: tuple[int, ...] = ()) -> xr.Dataset:
        ratios = np.full((N_MEMBERS, len(SPECTRUM), 12), 0.05)
        ratios[:, 0, 0] = 0.1
        for row, network in enumerate(SPECTRUM):
            ratios[:, row, : above.get(network, 0)] = 0.2
        ratios[list(diverged)] = np.nan
        dims = ("member", "network", "component")
        return xr.Dataset(
            {
                "accuracy": (dims[:2], ratios[:, :, 0]),
                **{
                    name: (dims, ratios)
                    for name in ("weight_explained_variance_ratio", "weight_singular_value", "update_singular_value")
                },
                "diverged": ("member", np.isin(np.arange(N_MEMBERS), diverged)),
            },
            coords={"member": np.arange(N_MEMBERS), "network": list(SPECTRUM), "component": np.arange(1, 13)},
        )

    return make


@pytest.fixture
def decoding() -> Callable[..., xr.Dataset]:
    """Drift of the teacher's class head, and the accuracy of its body under the reference's head."""

    def make(drift: float = 0.05, graft: float = 0.7) -> xr.Dataset:
        networks, blocks = ["reference", "teacher", "student"], ["trunk_0", "class_head", "aux_head"]
        result = xr.Dataset(
            {
                "graft_accuracy": (("member", "body", "head"), np.full((N_MEMBERS, 3, 3), 0.1)),
                "probe_accuracy": (("member", "body"), np.full((N_MEMBERS, 3), 0.9)),
                "relative_drift": (("member", "body", "block"), np.full((N_MEMBERS, 3, 3), 0.3)),
                "diverged": ("member", np.zeros(N_MEMBERS, dtype=bool)),
            },
            coords={"member": np.arange(N_MEMBERS), "body": networks, "head": networks, "block": blocks},
        )
        spread = 0.001 * xr.DataArray(np.arange(N_MEMBERS), dims="member")
        result["relative_drift"].loc[{"body": "teacher", "block": "class_head"}] = drift + spread
        result["graft_accuracy"].loc[{"body": "teacher", "head": "reference"}] = graft + spread
        return result

    return make


@pytest.fixture
def toy() -> Callable[..., xr.Dataset]:
    """Forty draws of which a share match in the class column, and the worst of which has these errors."""

    def make(matching: float = 0.8, angle: float = 1e-9, error: float = 1e-12) -> xr.Dataset:
        relative = np.where(np.arange(40) < 40 * matching, error, 1.0).reshape(2, 20)
        return xr.Dataset(
            {
                "relative_error": (("member", "draw", "logit"), np.stack([relative, 0 * relative], axis=-1)),
                "line_angle": (("member", "draw", "logit"), np.full((2, 20, 2), angle)),
            },
            coords={"member": [0, 1]},
        )

    return make


@pytest.fixture
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


@pytest.fixture
def prediction() -> Callable[..., xr.Dataset]:
    """Every predictor errs by so much; by a lot, it also ranks members backward. Few members could not settle ranks."""

    def make(error: float = 0.02, diverged: tuple[int, ...] = ()) -> xr.Dataset:
        predictors = ["head_gram", "first_update", "linearized", "self_consistent"]
        true = np.broadcast_to(0.4 + 0.02 * np.arange(12)[:, None, None], (12, 2, 1))
        predicted = true + error if error < 0.1 else 1 - true + error
        accuracy = np.repeat(predicted[:, None], len(predictors), axis=1)
        accuracy[list(diverged)] = np.nan
        by_predictor, by_student = ("member", "predictor", "objective", "n_aux"), ("member", "objective", "n_aux")
        return xr.Dataset(
            {
                "accuracy": (by_predictor, accuracy),
                "correlation": (by_predictor, np.full_like(accuracy, 0.8)),
                "size": (by_predictor, np.full_like(accuracy, 0.5)),
                "student_accuracy": (by_student, true),
                "diverged": ("member", np.isin(np.arange(12), diverged)),
            },
            coords={
                "member": np.arange(12),
                "predictor": predictors,
                "objective": ["kl", "mse"],
                "n_aux": [3],
            },
        )

    return make
