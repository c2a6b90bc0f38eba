"""Members of the experiment `spectrum`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol import program
from sottovoce.experiments.spectrum.config import Resolved
from sottovoce.measure import nulls, spectra
from sottovoce.training.program import Member
from sottovoce.training.students import Student


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Train the given members and measure the spectra of their second dense hidden layer.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member and network ("reference", "teacher", then "{objective} {k}", with the coordinates `objective` and
        `n_aux`): `accuracy`, on the test images. By member, network and component, each of the matrix centered over its
        output neurons: `weight_explained_variance_ratio`, `weight_singular_value`, and `update_singular_value` (of
        W - W0, where W0 is the reference's weight). By member, network and draw: `update_null_largest`, the largest
        singular value of the update with random signs of its entries, centered, in units of its root mean square. By
        member: `diverged`.
    """
    return results_of(config, members, train(config, members))


def students_of(config: Resolved) -> tuple[Student, ...]:
    """Return one student for each objective and number of auxiliary logits."""
    return tuple(Student(f"{objective} {k}", objective, k) for objective, k in config.distilled())


def train(config: Resolved, members: Sequence[int]) -> Member:
    """Train the given members."""
    return program.train_members(
        config, students_of(config), n_aux=config.n_aux_built, members=members, fresh_heads=bool(config.fresh_heads)
    )


def results_of(config: Resolved, members: Sequence[int], trained: Member) -> xr.Dataset:
    """Return what `simulate` describes of trained members."""
    students = students_of(config)
    networks = (trained.reference, trained.teacher, *trained.students)
    # In float64, so that the differences W - W0 and their singular values are not rounded a second time.
    weights = np.stack([network.trunk[1].weight for network in networks], axis=1).astype(np.float64)
    # A diverged network has no spectrum: zeros take the place of its NaN, which a decomposition may refuse, and
    # `diverged` excludes its member from every estimate.
    weights[~np.isfinite(weights).all(axis=(2, 3))] = 0.0
    # A slice and no index, so that the reference keeps an axis along which it is subtracted from every network.
    updates = weights - weights[:, :1]
    values = spectra.singular_values(spectra.centered(weights))
    dims = ("member", "network", "component")
    return xr.Dataset(
        {
            "accuracy": (dims[:2], trained.accuracy),
            "weight_explained_variance_ratio": (dims, _shares(values**2)),
            "weight_singular_value": (dims, values),
            "update_singular_value": (dims, spectra.singular_values(spectra.centered(updates))),
            "update_null_largest": ((*dims[:2], "draw"), _update_null(config, members, updates)),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={
            "member": list(members),
            "network": ["reference", "teacher", *(student.role for student in students)],
            "component": np.arange(1, min(weights.shape[-2:]) + 1),
            "objective": ("network", ["", "", *(student.objective for student in students)]),
            "n_aux": ("network", [0, 0, *(student.n_aux for student in students)]),
        },
    )


def _shares(energies: np.ndarray) -> np.ndarray:
    """Return energies divided by their sum; zeros remain zeros."""
    return energies / np.maximum(energies.sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)


def _update_null(config: Resolved, members: Sequence[int], updates: np.ndarray) -> np.ndarray:
    """Return `update_null_largest`, (member, network, draw)."""

    def draws(member: int, update: np.ndarray) -> np.ndarray:
        # Each network starts the member's generator anew: all have the same signs, and no null depends on the others.
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(member,)))
        return nulls.resample_largest(rng, update, "signflip", config.update_draws)

    return np.array([
        [draws(member, update) for update in networks] for member, networks in zip(members, updates, strict=True)
    ])  # fmt: skip
