"""Members of the experiment `sharing`."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from sottovoce.experiments.sharing.config import STATES, Config

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


def combinations(config: Config) -> "np.ndarray":
    """Return one row per student and one column per factor: True where the block is replaced."""
    import numpy as np

    return np.array(list(product((False, True), repeat=len(config.blocks))))


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train one student per combination of shared and replaced blocks.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        `accuracy` by member and one dimension per factor (`shared`, `replaced`); `reference_accuracy`,
        `teacher_accuracy`; `final_loss` of the students as `accuracy`; `diverged` by member.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments.protocol.program import train_members
    from sottovoce.training.students import FRESH, TEACHER, SourceWeights, Student

    weights = {
        "independent": FRESH,
        "perturbed": SourceWeights(reference=1.0, fresh=config.sigma),
        "teacher": TEACHER,
        "teacher_perturbed": SourceWeights(teacher=1.0, fresh=config.sigma),
    }
    students = tuple(
        Student(
            role="student",
            objective=config.objective,
            n_aux=config.n_aux,
            other_starts=tuple((b, weights[config.replacement]) for b, r in zip(config.blocks, row, strict=True) if r),
            frozen=config.frozen,
        )
        for row in combinations(config)
    )
    assert config.n_aux_built is not None
    trained = train_members(config, students, n_aux=config.n_aux_built, members=members)
    shape = (len(members), *(2,) * len(config.blocks))
    dims = ("member", *config.blocks)
    return xr.Dataset(
        {
            "accuracy": (dims, trained.accuracy[:, 2:].reshape(shape)),
            "final_loss": (dims, trained.student_loss[:, -1].reshape(shape)),
            "reference_accuracy": ("member", trained.accuracy[:, 0]),
            "teacher_accuracy": ("member", trained.accuracy[:, 1]),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={"member": list(members), **{block: list(STATES) for block in config.blocks}},
    )
