"""Prediction: how good a student will be, from what exists before it is trained.

Question: do the initial heads, the linearized network or the first gradient step tell the class logits and the test
    accuracy of a student, for each member, number of auxiliary logits and objective?
Setting: the transfer protocol. Each predictor sees reference, teacher and distillation inputs and knows optimizer and
    schedule, but takes no step of a student. `head_gram` reads the heads and the teacher's logits. `first_update`,
    `kernel_regression`, `finite_time` and `linearized` follow the network linearized at the reference: for one gradient
    step, to the fit of all targets, for as long a flow as the optimizer's steps amount to at the first slope, and
    through the student's own batches and optimizer. `reference_kernel` and `teacher_kernel`
    read the network itself at the parameters where a linearized one ends, expanded at the reference or at the teacher;
    `self_consistent` lies between the two as far as the share of the teacher's accuracy that it predicts. Two rows are
    no predictions: `relinearized`, expanded anew in each epoch, shows what linearization costs, and `retrained`,
    another student on other inputs, what is chance.
Expected: by the linear toy, the heads tell it all. A first look at three logits on MNIST, outside of this package: the
    linearized network gives the direction of the change but half its size or less, and far too low an accuracy.
Runtime: five trainings for each student of `transfer`, three of them linearized at twice the price.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.distillation_config import check_distilled
from sottovoce.experiments.protocol_config import ProtocolConfig

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from sottovoce.data import LabeledImages
    from sottovoce.experiments._prediction import Predicted
    from sottovoce.training.program import Member

VERSION = 2
# Those with a metric on logits (theory.metric).
OBJECTIVES = ("kl", "mse")
PREDICTORS = (
    "head_gram",
    "first_update",
    "kernel_regression",
    "finite_time",
    "linearized",
    "reference_kernel",
    "teacher_kernel",
    "self_consistent",
    "relinearized",
    "retrained",
)


@dataclass(frozen=True)
class Config(ProtocolConfig):
    """Fields of the predictions.

    Attributes:
        n_aux: numbers of auxiliary logits, one student each.
        objectives: objectives, one set of students each.
        directions: dimension of the Krylov space in which kernel regression is solved.
    """

    n_aux: tuple[int, ...] = (3, 8)
    objectives: tuple[str, ...] = ("kl", "mse")
    directions: int = 8

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take."""
        for name in ("n_aux", "objectives"):
            values = getattr(self, name)
            if not isinstance(values, tuple | list) or not values or len(set(values)) < len(values):
                raise UsageError(f"{name} is {values!r}; allowed: a tuple of one or more different values")
        return {**super().preset(), "members": 6, "n_aux_built": max(self.n_aux)}

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return len(self.n_aux) * len(self.objectives)

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        for objective in self.objectives:
            if objective not in OBJECTIVES:
                raise not_among("objectives", objective, OBJECTIVES)
            for n_aux in self.n_aux:
                check_distilled("n_aux", n_aux, objective)
        self.check_built(max(self.n_aux))
        self.refuse_other_trunks("predictions start at the reference")
        if self.perturbation != 0:
            raise UsageError(f"perturbation is {self.perturbation}; allowed: 0, for predictions start at the reference")
        if self.fresh_inputs:
            raise UsageError("fresh_inputs is True; allowed: False, for predictors need the inputs that students see")
        if self.directions < 1:
            raise UsageError(f"directions is {self.directions}; allowed: 1 or more")

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(
            dataset="digits",
            members=2,
            width=16,
            teacher_epochs=2,
            student_epochs=1,
            n_inputs=256,
            n_aux=(3,),
            directions=3,
        )


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train the given members and predict their students.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member: `reference_accuracy`, `teacher_accuracy`, `diverged`; by member, objective and n_aux:
        `student_accuracy`; by member, predictor, objective and n_aux: the predicted `accuracy`, and `correlation` and
        `size` (ratio of lengths) of the predicted change of class logits on the test images against the true one.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments._prediction import Setting, predict_members
    from sottovoce.experiments._protocol import images_of, program
    from sottovoce.training.ensemble import run_members
    from sottovoce.training.students import Student

    pairs = [(objective, k) for objective in config.objectives for k in config.n_aux]
    students = tuple(Student(f"{objective} {k}", objective, k) for objective, k in pairs)
    assert config.n_aux_built is not None
    protocol, knobs, images = program(config, students, n_aux=config.n_aux_built)
    trained = run_members(protocol, knobs, images, members)
    setting = Setting(protocol, tuple(objective for objective, _ in pairs), config.directions)
    predicted = predict_members(setting, knobs, images, members, trained.reference, trained.teacher)
    labeled = images_of(config)
    scores = np.stack([_scores(pairs, labeled, trained, predicted, i) for i in range(len(members))])
    shape = (len(config.objectives), len(config.n_aux))
    by_student = ("member", "objective", "n_aux")
    variables = {
        name: (("member", "predictor", *by_student[1:]), scores[..., i].reshape(*scores.shape[:2], *shape))
        for i, name in enumerate(("accuracy", "correlation", "size"))
    }
    return xr.Dataset(
        {
            **variables,
            "student_accuracy": (by_student, trained.accuracy[:, 2:].reshape(-1, *shape)),
            "reference_accuracy": ("member", trained.accuracy[:, 0]),
            "teacher_accuracy": ("member", trained.accuracy[:, 1]),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={
            "member": list(members),
            "predictor": list(PREDICTORS),
            "objective": list(config.objectives),
            "n_aux": list(config.n_aux),
        },
    )


def _scores(
    pairs: list[tuple[str, int]], images: "LabeledImages", trained: "Member", predicted: "Predicted", i: int
) -> "np.ndarray":
    """Return accuracy, correlation and size by predictor and student of the i-th member."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from sottovoce.measure import changes, heads
    from sottovoce.theory import predictors

    reference, teacher, *students = (
        jax.tree.map(lambda v: v[i], network) for network in (trained.reference, trained.teacher, *trained.students)
    )
    read = jax.jit(lambda network: network.class_logits(jnp.asarray(images.test_images)))
    start, taught, *true = (np.asarray(read(network)) for network in (reference, teacher, *students))
    C, Z = np.asarray(reference.class_head.weight), np.asarray(reference.aux_head.weight)
    gram = np.stack([predictors.head_gram(start, taught, C, Z[:, :k], objective) for objective, k in pairs])
    logits = {"head_gram": gram} | {name: values[i] for name, values in predicted._asdict().items()}
    accuracy = {
        name: np.array([heads.accuracy(z, images.test_labels) for z in values]) for name, values in logits.items()
    }
    kernels = ("reference_kernel", "teacher_kernel")
    share = predictors.self_consistent_share(
        accuracy["reference_kernel"],
        accuracy["teacher_kernel"],
        heads.accuracy(start, images.test_labels),
        heads.accuracy(taught, images.test_labels),
    )
    for values, weight in ((accuracy, share), (logits, share[:, None, None])):
        at_reference, at_teacher = (values[name] for name in kernels)
        values["self_consistent"] = at_reference + weight * (at_teacher - at_reference)
    return np.array(
        [
            [(accuracy[name][j], *changes.agreement(logits[name][j], z, start)) for j, z in enumerate(true)]
            for name in PREDICTORS
        ]
    )
