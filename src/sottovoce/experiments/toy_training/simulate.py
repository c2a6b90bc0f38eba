"""Members of the experiment `toy_training`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sottovoce.experiments.toy_training.config import Config

if TYPE_CHECKING:
    import xarray as xr


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train students of drawn and of trained teachers.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member, student and draw: `projector_distance` of the student's trunk from the closed form, over what the
        closed form moved. By member and student, over all draws: `recovered` energy of the class logits,
        ``1 - sum |student - teacher|^2 / sum |start - teacher|^2``, its expectation `recovered_law` where one is known,
        and `misfit`, what is left of the distilled logits' distance. By member and draw: `oblique_distance` of "adam,
        one logit" from its own closed form. By member and n_inputs: `relu_recovered`, with so many training inputs. By
        member, layers and rate (in units of one over the largest curvature): `step_error`, descent's distance from the
        flow over the flow's way. By member, moving (whose W2) and head_rate, pooled over draws: `moving_recovered`, and
        `lazy_recovered`, which first order in the teacher's change predicts; `signal` and `noise`, the student's change
        of class logits along and across the teacher's, in units of the teacher's; `teacher_drift` and `student_drift`,
        relative drift of the columns each is trained on; `head_mismatch`, relative distance between both W2;
        `moving_misfit` of the distilled logits.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments.toy_training import kept, moving
    from sottovoce.experiments.toy_training.draws import draw
    from sottovoce.experiments.toy_training.students import RECIPES

    draws = draw(config, members)
    students = {name: kept.compare(config, members, draws, recipe) for name, recipe in RECIPES.items()}

    def by_student(name: str) -> np.ndarray:
        return np.stack([student[name] for student in students.values()], axis=1)

    moved = moving.drift(config, draws)
    return xr.Dataset(
        {
            "projector_distance": (("member", "student", "draw"), by_student("projector_distance")),
            **{name: (("member", "student"), by_student(name)) for name in ("recovered", "recovered_law", "misfit")},
            "oblique_distance": (("member", "draw"), students["adam, one logit"]["oblique_distance"]),
            "relu_recovered": (("member", "n_inputs"), kept.relu_recovered(config, members, draws)),
            "step_error": (("member", "layers", "rate"), moving.step_errors(config, draws)),
            **{name: (("member", "moving", "head_rate"), values) for name, values in moved.items()},
        },
        coords={
            "member": list(members),
            "student": list(RECIPES),
            "n_inputs": list(kept.RELU_INPUTS),
            "layers": list(moving.LAYERS),
            "rate": moving.ORDER_TIME / np.array(moving.ORDER_STEPS),
            "moving": list(moving.MOVING),
            "head_rate": list(config.head_rates),
        },
    )
