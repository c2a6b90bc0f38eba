"""Simulation of `sharing`: one student for every combination of shared and replaced blocks."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.program import train_members
from sottovoce.experiments.sharing.config import STATES, Resolved
from sottovoce.training.students import FRESH, TEACHER, SourceWeights, Student


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Train one student per combination of shared and replaced blocks.

    Args:
        config: a resolved configuration.
        members: the members' indices.

    Returns:
        By member and one dimension per factor (`shared`, `replaced`): `accuracy` on the test images and `final_loss`,
        both of the student. By member: `reference_accuracy`, `teacher_accuracy` and `diverged`.
    """
    weights = {
        "independent": FRESH,
        "perturbed": SourceWeights(reference=1.0, fresh=config.sigma),
        "teacher": TEACHER,
        "teacher_perturbed": SourceWeights(teacher=1.0, fresh=config.sigma),
    }
    # The last factor varies fastest, as in the C order of the axes that the results are reshaped to below.
    students = tuple(
        Student(
            role="student",
            objective=config.objective,
            n_aux=config.n_aux,
            other_starts=tuple(
                (block, weights[config.replacement])
                for block, replaced in zip(config.blocks, combination, strict=True)
                if replaced
            ),
            frozen=config.frozen,
        )
        for combination in product((False, True), repeat=len(config.blocks))
    )
    # One run for the whole factorial, so that a member's teacher and inputs are made once for all its students.
    trained = train_members(config, students, n_aux=config.n_aux_built, members=members)
    shape = (len(members), *(len(STATES),) * len(config.blocks))
    dims = ("member", *config.blocks)
    return xr.Dataset(
        {
            # Roles are reference, teacher, then the students.
            "accuracy": (dims, trained.accuracy[:, 2:].reshape(shape)),
            "final_loss": (dims, trained.student_loss[:, -1].reshape(shape)),
            "reference_accuracy": ("member", trained.accuracy[:, 0]),
            "teacher_accuracy": ("member", trained.accuracy[:, 1]),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={"member": list(members), **{block: list(STATES) for block in config.blocks}},
    )
