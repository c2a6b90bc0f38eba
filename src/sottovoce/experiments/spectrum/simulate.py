"""Members of the experiment `spectrum`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sottovoce.experiments.spectrum.config import Config

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train the given members and take the spectra of their second dense hidden layer.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member and network ("reference", "teacher", then "{objective} {k}", with `objective` and `n_aux` of each
        beside): `accuracy`; by component as well `weight_explained_variance_ratio`, `weight_singular_value`,
        `update_singular_value` (of W - W0, where W0 is the reference's), all of the matrix centered over its output
        neurons; by draw `update_null_largest`, the largest singular value of the update with random signs of its
        entries, centered, in units of its root mean square; `diverged` by member.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments.protocol.program import train_members
    from sottovoce.measure import spectra
    from sottovoce.training.students import Student

    students = tuple(Student(f"{objective} {k}", objective, k) for objective, k in config.pairs)
    assert config.n_aux_built is not None
    trained = train_members(
        config, students, n_aux=config.n_aux_built, members=members, fresh_heads=bool(config.fresh_heads)
    )
    networks = (trained.reference, trained.teacher, *trained.students)
    weights = np.stack([network.trunk[1].weight for network in networks], axis=1).astype(np.float64)
    # A diverged network has no spectrum; zeros stand for it, and `diverged` keeps it out of every estimate.
    weights[~np.isfinite(weights).all(axis=(2, 3))] = 0.0
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


def _shares(energies: "np.ndarray") -> "np.ndarray":
    """Return energies over their sum, zeros for zeros."""
    import numpy as np

    return energies / np.maximum(energies.sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)


def _update_null(config: Config, members: Sequence[int], updates: "np.ndarray") -> "np.ndarray":
    """Return `update_null_largest`; all networks of a member share its signs, so that none depends on the others."""
    import numpy as np

    from sottovoce.measure import nulls

    def draws(member: int, update: "np.ndarray") -> "np.ndarray":
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(member,)))
        return nulls.resample_largest(rng, update, "signflip", config.update_draws)

    return np.array([[draws(member, u) for u in rows] for member, rows in zip(members, updates, strict=True)])
