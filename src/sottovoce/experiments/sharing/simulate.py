"""Simulation of `sharing`: one student for every combination of shared and replaced blocks."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.program import train_members
from sottovoce.experiments.sharing.config import STATES, Resolved
from sottovoce.training.program import Member
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
    return results_of(config, members, train(config, members))


def students_of(config: Resolved) -> tuple[Student, ...]:
    """Return one student for every combination of shared and replaced blocks."""
    weights = {
        "independent": FRESH,
        "perturbed": SourceWeights(reference=1.0, fresh=config.sigma),
        "teacher": TEACHER,
        "teacher_perturbed": SourceWeights(teacher=1.0, fresh=config.sigma),
    }
    # The last factor varies fastest, as in the C order of the axes that the results are reshaped to below.
    return tuple(
        Student(
            role=_role(config.blocks, combination),
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


def train(config: Resolved, members: Sequence[int]) -> Member:
    """Train the given members."""
    # One run for the whole factorial, so that a member's teacher and inputs are made once for all its students.
    return train_members(config, students_of(config), n_aux=config.n_aux_built, members=members)


def results_of(config: Resolved, members: Sequence[int], trained: Member) -> xr.Dataset:
    """Return what `simulate` describes of trained members."""
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


def _role(blocks: Sequence[str], replaced: Sequence[bool]) -> str:
    names = [block for block, is_replaced in zip(blocks, replaced, strict=True) if is_replaced]
    return " ".join(["student", *(["without", *names] if names else [])])
