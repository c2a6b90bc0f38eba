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
def toy_training() -> Callable[..., xr.Dataset]:
    """Distances of students, orders, and what drift costs; members differ a little."""

    def make(
        distance: float = 1e-6, order: float = 1.0, lost: float = 0.1, adam: float = 0.01, relu: float = 0.1
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
                "head_mismatch": (by_rate, for_all(np.array(head_rate) + 0 * spread)),
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
