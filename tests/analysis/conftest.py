"""Results made by hand, whose estimates and verdicts are known."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import xarray as xr

from sottovoce.analysis.published import SPECTRUM, TRANSFER
from sottovoce.experiments import decoding as decoding_experiment

N_MEMBERS = 5


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
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
    "scope": ["trunk", "last_layer"],
    "part": ["on", "off"],
}


@pytest.fixture(scope="session")
def decoding() -> Callable[..., xr.Dataset]:
    """Every variable of the experiment at a level of its own, and those that claims look at as given."""

    def make(
        drift: float = 0.05,
        graft: float = 0.7,
        energy: float = 0.4,
        on: float = 0.5,
        off: float = 0.2,
        overlap: float = 0.3,
        nearer: float = 0.2,
    ) -> xr.Dataset:
        spread = 0.001 * xr.DataArray(np.arange(N_MEMBERS), dims="member")
        shape = {dim: len(values) for dim, values in DECODING.items()}
        result = xr.Dataset(coords={"member": np.arange(N_MEMBERS), **DECODING})
        for level, (name, dims) in enumerate(decoding_experiment.DIMS.items()):
            values = np.full((N_MEMBERS, *(shape[dim] for dim in dims)), 0.01 * level)
            result[name] = (("member", *dims), values)
        result["diverged"] = ("member", np.zeros(N_MEMBERS, dtype=bool))
        for name, value, where in (
            ("relative_drift", drift, {"body": "teacher", "block": "class_head"}),
            ("graft_accuracy", graft, {"body": "teacher", "head": "reference"}),
            ("graft_accuracy", 0.1, {"body": "reference", "head": "reference"}),
            ("graft_accuracy", 0.9, {"body": "teacher", "head": "teacher"}),
            ("energy", energy, {"network": "student", "subspace": "aux_head"}),
            ("energy_random_high", 0.1, {}),
            ("overlap", overlap, {"teacher_subspace": "matched"}),
            ("overlap_random_high", 0.1, {}),
            ("unchanged_accuracy", 0.1, {"network": "student", "scope": "trunk"}),
            ("whole_accuracy", 0.6, {"network": "student", "scope": "trunk"}),
            ("part_accuracy", on, {"network": "student", "scope": "trunk", "subspace": "aux_head", "part": "on"}),
            ("part_accuracy", off, {"network": "student", "scope": "trunk", "subspace": "aux_head", "part": "off"}),
            ("cka", 0.6, {"pair": "reference and teacher"}),
            ("cka", 0.6 + nearer, {"pair": "teacher and student"}),
        ):
            # Where two are compared, only one of them varies over members.
            varies = name not in {"energy_random_high", "overlap_random_high", "unchanged_accuracy", "whole_accuracy"}
            paired = where.get("pair") == "reference and teacher"
            result[name].loc[where] = value + (spread if varies and not paired else 0 * spread)
        return result

    return make


@pytest.fixture(scope="session")
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
