"""Members of the experiment `toy_training`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sottovoce.experiments.toy_training import frozen_heads, trained_heads
from sottovoce.experiments.toy_training.config import Config
from sottovoce.experiments.toy_training.draws import draw
from sottovoce.experiments.toy_training.students import RECIPES


def simulate(config: Config, members: Sequence[int]) -> xr.Dataset:
    """Train students of teachers with drawn weights and of trained teachers.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member, student and draw: `projector_distance`, the distance of the student's trunk from the closed form, in
        units of the closed form's displacement from the start. By member and student, pooled over draws: `recovered`,
        the recovered energy of the class logits ``1 - sum |student - teacher|^2 / sum |start - teacher|^2``;
        `recovered_law`, its expectation, NaN where none is known; and `misfit`, the squared distance of the distilled
        logits from the teacher's, as a share of the start's. By member and draw: `oblique_distance` of "adam, one
        logit" from its own closed form. By member and n_inputs: `relu_recovered`, with so many training inputs. By
        member, layers and rate (in units of one over the largest curvature): `step_error`, the distance of descent from
        the flow in units of the flow's displacement. By member, moving (whose W2 is trained) and head_rate, pooled over
        draws: `moving_recovered`, and `lazy_recovered`, its prediction to first order in the teacher's displacement;
        `signal` and `noise`, the parts of the student's change of class logits along and orthogonal to the teacher's,
        in units of the teacher's change; `teacher_drift` and `student_drift`, the relative displacement of the columns
        that each is trained on; `head_mismatch`, the relative distance between the two W2; and `moving_misfit`, the
        `misfit` of these students.
    """
    draws = draw(config, members)
    students = {name: frozen_heads.compare(config, members, draws, recipe) for name, recipe in RECIPES.items()}

    def by_student(name: str) -> np.ndarray:
        return np.stack([student[name] for student in students.values()], axis=1)

    drifted = trained_heads.drift(config, draws)
    return xr.Dataset(
        {
            "projector_distance": (("member", "student", "draw"), by_student("projector_distance")),
            **{name: (("member", "student"), by_student(name)) for name in ("recovered", "recovered_law", "misfit")},
            "oblique_distance": (("member", "draw"), students["adam, one logit"]["oblique_distance"]),
            "relu_recovered": (("member", "n_inputs"), frozen_heads.relu_recovered(config, members, draws)),
            "step_error": (("member", "layers", "rate"), trained_heads.step_errors(config, draws)),
            **{name: (("member", "moving", "head_rate"), values) for name, values in drifted.items()},
        },
        coords={
            "member": list(members),
            "student": list(RECIPES),
            "n_inputs": list(frozen_heads.RELU_INPUTS),
            "layers": list(trained_heads.LAYERS),
            # The size of each of so many equal steps, in the draws' own units of time.
            "rate": trained_heads.ORDER_TIME / np.array(trained_heads.ORDER_STEPS),
            "moving": list(trained_heads.MOVING),
            "head_rate": list(config.head_rates),
        },
    )
