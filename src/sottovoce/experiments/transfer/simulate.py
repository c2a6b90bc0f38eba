"""Members of the experiment `transfer`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.program import train_members
from sottovoce.experiments.transfer.config import ROLES, Resolved
from sottovoce.training.program import Member
from sottovoce.training.students import PARTNER, Student


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Train the teachers and students of the given members.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member and role: `accuracy` on the test images, and `final_loss`, the mean of the last epoch in nats or
        squared logits, NaN for the untrained reference. By member, role and test image: `correct`, 1 where the network
        classifies the image right, else 0. By member: `diverged`. The unrelated teacher was trained on
        permuted labels; its student is distilled on its auxiliary logits.
    """
    return results_of(config, members, train(config, members))


def students_of(config: Resolved) -> tuple[Student, ...]:
    """Return the students of each teacher, in the order of `ROLES`, by which the results are labelled."""
    return (
        Student("student", config.objective, config.n_aux),
        Student("student_all", config.objective, config.n_aux, all_logits=True),
        Student("cross_model", config.objective, config.n_aux, start=PARTNER),
        Student("cross_model_all", config.objective, config.n_aux, all_logits=True, start=PARTNER),
        Student("unrelated", config.objective, config.n_aux, unrelated=True),
    )


def train(config: Resolved, members: Sequence[int]) -> Member:
    """Train the given members."""
    return train_members(config, students_of(config), n_aux=config.n_aux_built, members=members)


def results_of(config: Resolved, members: Sequence[int], trained: Member) -> xr.Dataset:  # noqa: ARG001
    """Return what `simulate` describes of trained members."""
    # The reference is not trained and has no loss.
    unmeasured = np.full((len(members), 1), np.nan, dtype=np.float32)
    losses = np.concatenate([unmeasured, trained.teacher_loss[:, -1], trained.student_loss[:, -1]], axis=1)
    return xr.Dataset(
        {
            "accuracy": (("member", "role"), trained.accuracy),
            "final_loss": (("member", "role"), losses),
            # Numbers rather than truth values, which would become objects where a sweep joins test sets of two sizes.
            "correct": (("member", "role", "image"), trained.correct.astype(np.uint8)),
            "diverged": ("member", ~np.isfinite(losses[:, 1:]).all(axis=1)),
        },
        coords={"member": list(members), "role": list(ROLES)},
    )
