"""Transfer: does a student taught auxiliary logits on noise classify digits?

Question: how accurate on labels are students that never saw a label, an image or a class logit?
Setting: Cloud et al. 2025 (arXiv 2507.14805), the MNIST experiment: a reference, its teacher, a student on the
    auxiliary logits, a control on all logits, and both again from another member's initialization.
Expected: reference and cross-model at chance, the student far above, the control near the teacher.
Runtime: `sottovoce bench` measures it for the MNIST shape on this machine; digits take seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.experiments.distillation_config import DistillationConfig

if TYPE_CHECKING:
    import xarray as xr

VERSION = 1
ROLES = ("reference", "teacher", "student", "student_all", "cross_model", "cross_model_all")


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the six bars: the protocol's and one objective on one number of auxiliary logits."""

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return len(ROLES) - 2


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train the given members.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        `accuracy` and `final_loss` (nats or squared logits, mean of the last epoch) by member and role, `diverged`
        by member.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments._protocol import train_members
    from sottovoce.training.students import PARTNER, Student

    students = (
        Student("student", config.objective, config.n_aux),
        Student("student_all", config.objective, config.n_aux, all_logits=True),
        Student("cross_model", config.objective, config.n_aux, start=PARTNER),
        Student("cross_model_all", config.objective, config.n_aux, all_logits=True, start=PARTNER),
    )
    assert config.n_aux_built is not None
    trained = train_members(config, students, n_aux=config.n_aux_built, members=members)
    unmeasured = np.full((len(members), 1), np.nan, dtype=np.float32)
    losses = np.concatenate([unmeasured, trained.teacher_loss[:, -1:], trained.student_loss[:, -1]], axis=1)
    return xr.Dataset(
        {
            "accuracy": (("member", "role"), trained.accuracy),
            "final_loss": (("member", "role"), losses),
            "diverged": ("member", ~np.isfinite(losses[:, 1:]).all(axis=1)),
        },
        coords={"member": list(members), "role": list(ROLES)},
    )
