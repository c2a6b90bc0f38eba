"""Toy training: does a student that is trained end where the closed form of the toy says?

Question: where do gradient descent, batches and Adam take the linear student, with W2 kept and with W2 moving too, and
    what do a ReLU or a deeper trunk change?
Setting: Gaussian teachers. `student`: W2 kept and shared, the teacher's trunk drawn afresh, the student from the shared
    reference or from zero. `layers`: descent at smaller and smaller steps against the exact flow. `head_rate`: teacher and
    student both trained from one reference, W2 moving at this multiple of W1's rate; the teacher learns a random class map.
Expected: with W2 kept, W1' = W1_0 + (W1 - W1_0) P under descent and batches, with P centered under kl; an error of order 1
    in the step size; under Adam another projector, known for one logit; with W2 moving, a smaller recovered energy.
    Docs: theory.md, sections 5 to 7.
Runtime: a few seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from sottovoce.errors import UsageError
from sottovoce.experiments.protocol_config import check_distilled

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from sottovoce.experiments._toy_students import Recipe

VERSION = 1
LAYERS = {"trunk": (1.0, 0.0), "trunk and head": (1.0, 1.0)}
ORDER_STEPS = (8, 16, 32, 64, 128)
ORDER_TIME = 2.0
N_EVALUATION = 256


@dataclass(frozen=True)
class Config:
    """Fields of the toy's training.

    Attributes:
        d_in: input features.
        hidden: hidden units.
        n_class: class logits, never trained on by the student.
        n_aux: auxiliary logits, distilled; at least 2, since one of the students is trained by kl.
        n_samples: inputs x ~ N(0, 1) that the draws of a member share.
        batch_size: samples per step of sgd and adam.
        head_rates: rates of W2 as multiples of W1's, at which teacher and student are trained.
        steps: steps of every training run.
        rate: step size of gd and sgd, in units of one over the largest curvature at the start.
        adam_rate: first step size of adam, which falls to zero in a straight line.
        draws: teachers per member.
        members: batches of draws, each with its own random numbers.
        seed: the one integer behind every random number.
    """

    d_in: int = 4
    hidden: int = 12
    n_class: int = 3
    n_aux: int = 3
    n_samples: int = 32
    batch_size: int = 8
    head_rates: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0, 3.0)
    steps: int = 2000
    rate: float = 0.5
    adam_rate: float = 0.01
    draws: int = 8
    members: int = 8
    seed: int = 0

    def resolve(self) -> Self:
        """Return the configuration, checked.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        check_distilled("n_aux", self.n_aux, "kl")
        least = {"d_in": 1, "hidden": 1, "n_class": 1, "batch_size": 1, "steps": 1, "draws": 1, "members": 1, "seed": 0}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise UsageError(f"{name} is {getattr(self, name)}; allowed: {lowest} or more")
        if self.n_samples < max(self.d_in, self.batch_size):
            most = f"d_in = {self.d_in} and batch_size = {self.batch_size}"
            raise UsageError(f"n_samples is {self.n_samples}; allowed: no fewer than {most}")
        for name in ("rate", "adam_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; allowed: above 0, at most 1")
        rates = self.head_rates
        if not rates or min(rates) < 0 or len(set(rates)) < len(rates):
            raise UsageError(f"head_rates is {rates}; allowed: one or more different numbers of 0 or more")
        return self

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of well under a second."""
        return cls(head_rates=(0.0, 1.0), steps=50, draws=3, members=2)


class _Draws(NamedTuple):
    """Random numbers of all members: weights (member, draw, ...), inputs (member, 1, sample, input)."""

    start: "np.ndarray"
    trunk: "np.ndarray"
    upper: "np.ndarray"
    head: "np.ndarray"
    task: "np.ndarray"
    x: "np.ndarray"
    evaluation: "np.ndarray"


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train students of drawn and of trained teachers.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member, student and draw: `projector_distance` of the student's trunk from the closed form, over what the
        closed form moved. By member and student, over all draws: `recovered` energy of the class logits,
        ``1 - sum |student - teacher|^2 / sum |start - teacher|^2``, its expectation `recovered_law` where one is known,
        and `misfit`, the same ratio of the distilled logits. By member and draw: `oblique_distance` of "adam, one
        logit" from its own closed form. By member, layers and rate (in units of one over the largest curvature):
        `step_error`, descent's distance from the flow over the flow's way. By member and head_rate: see `_drift`.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments._toy_students import RECIPES

    draws = _draw(config, members)
    students = [_student(config, members, draws, recipe) for recipe in RECIPES.values()]
    parts = {
        "projector_distance": (("member", "student", "draw"), np.stack([s["projector_distance"] for s in students], 1)),
        **{
            name: (("member", "student"), np.stack([s[name] for s in students], 1))
            for name in ("recovered", "recovered_law", "misfit")
        },
        "oblique_distance": (("member", "draw"), students[list(RECIPES).index("adam, one logit")]["oblique_distance"]),
        "step_error": (("member", "layers", "rate"), _step_errors(config, draws)),
        **{name: (("member", "head_rate"), values) for name, values in _drift(config, draws).items()},
    }
    coords = {
        "member": list(members),
        "student": list(RECIPES),
        "layers": list(LAYERS),
        "rate": ORDER_TIME / np.array(ORDER_STEPS),
        "head_rate": list(config.head_rates),
    }
    return xr.Dataset(parts, coords=coords)


def _draw(config: Config, members: Sequence[int]) -> _Draws:
    """Draw every member's weights and inputs, each layer of variance 1 / fan_in."""
    import numpy as np

    d_in, hidden, n_logits = config.d_in, config.hidden, config.n_class + config.n_aux
    shapes = _Draws(
        start=(config.draws, d_in, hidden),
        trunk=(config.draws, d_in, hidden),
        upper=(2, config.draws, hidden, hidden),
        head=(config.draws, hidden, n_logits),
        task=(config.draws, d_in, config.n_class),
        x=(1, config.n_samples, d_in),
        evaluation=(1, N_EVALUATION, d_in),
    )
    fan_in = _Draws(d_in, d_in, hidden, hidden, d_in, 1, 1)
    drawn = []
    for member in members:
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(member, 0)))
        drawn.append([rng.standard_normal(shape) / np.sqrt(fan) for shape, fan in zip(shapes, fan_in, strict=True)])
    return _Draws(*(np.stack(parts) for parts in zip(*drawn, strict=True)))


def _student(config: Config, members: Sequence[int], draws: _Draws, recipe: "Recipe") -> "dict[str, np.ndarray]":
    """Train one student of every drawn teacher with the heads kept, and compare it with teacher and closed form."""
    import numpy as np

    from sottovoce.experiments._toy_students import class_logits
    from sottovoce.theory import chains, dynamics, linear

    n_aux = 1 if recipe.one_logit else config.n_aux
    start, teacher = [draws.start], [draws.trunk]
    if recipe.depth == 2:
        start, teacher = [*start, draws.upper[:, 0]], [*teacher, draws.upper[:, 1]]
    if recipe.start == "zero":
        start = [np.zeros_like(draws.start)]
    Z, C = draws.head[..., -n_aux:], draws.head[..., : config.n_class]
    trained = _train(config, members, draws.x, recipe, start, teacher, Z)

    def outputs(head: np.ndarray) -> list[np.ndarray]:
        return [class_logits(trunk, head, draws.evaluation, recipe.activation) for trunk in (start, teacher, trained)]

    W1_0, W1, student = (chains.product(layers) for layers in (start, teacher, trained))
    closed = linear.student(W1, draws.head, n_aux, recipe.objective, W1_0)
    auxiliary = outputs(Z)
    if recipe.objective == "kl":
        auxiliary = [logits - logits.mean(axis=-1, keepdims=True) for logits in auxiliary]
    result = {
        "projector_distance": _norm(student - closed) / _norm(closed - W1_0),
        "recovered": 1 - _unexplained(*outputs(C)),
        "recovered_law": _recovered_law(recipe, draws.head, n_aux),
        "misfit": _unexplained(*auxiliary),
    }
    if recipe.one_logit:
        oblique = dynamics.adam_one_logit(W1, draws.head, W1_0)
        result["oblique_distance"] = _norm(student - oblique) / _norm(oblique - W1_0)
    return result


def _train(
    config: Config,
    members: Sequence[int],
    x: "np.ndarray",
    recipe: "Recipe",
    start: "list[np.ndarray]",
    teacher: "list[np.ndarray]",
    Z: "np.ndarray",
) -> "list[np.ndarray]":
    """Return the layers of the trunk after training by a recipe."""
    import numpy as np

    from sottovoce.experiments import _toy_students as students
    from sottovoce.theory import chains

    rates = (*[1.0] * recipe.depth, 0.0)
    target = chains.product([*teacher, Z])
    if recipe.activation == "relu":
        gradient = students.relu_gradient(x, students.class_logits(teacher, Z, x, "relu"))
    elif recipe.optimizer == "gd":
        gradient = students.chain_gradient(x, target, recipe.objective)
    else:
        seeds = [np.random.SeedSequence(config.seed, spawn_key=(member, 1)) for member in members]
        rngs = [np.random.default_rng(seed) for seed in seeds]
        gradient = students.batch_gradient(x, target, rngs, config.batch_size, config.steps)
    if recipe.optimizer == "adam":
        return [students.adam(start[0], Z, gradient, config.adam_rate, config.steps)]
    curvature = students.CURVATURE[recipe.objective] * chains.curvature_bound([*start, Z], rates, _moment(x))
    step = (config.rate / curvature)[..., None, None]
    return students.descend([*start, Z], gradient, [step * rate for rate in rates], config.steps)[:-1]


def _recovered_law(recipe: "Recipe", head: "np.ndarray", n_aux: int) -> "np.ndarray":
    """Return each member's expected recovered energy over isotropic trunks and class columns, NaN where unknown."""
    import numpy as np

    from sottovoce.theory import capture

    hidden = head.shape[-2]
    if recipe.activation == "relu" or recipe.depth > 1 or (recipe.optimizer == "adam" and not recipe.one_logit):
        return np.full(len(head), np.nan)
    if recipe.one_logit:
        z = head[..., -1]
        return (2 / hidden - np.square(z).sum(axis=-1) / np.abs(z).sum(axis=-1) ** 2).mean(axis=-1)
    return np.full(len(head), capture.distilled_rank(hidden, n_aux, recipe.objective) / hidden)


def _step_errors(config: Config, draws: _Draws) -> "np.ndarray":
    """Return the relative error of descent against the flow at one time, by member, layers and rate."""
    import numpy as np

    from sottovoce.experiments import _toy_students as students
    from sottovoce.theory import chains

    Z = draws.head[..., -config.n_aux :]
    start, target, moment = [draws.start, Z], draws.trunk @ Z, _moment(draws.x)
    gradient = students.chain_gradient(draws.x, target)
    errors = np.empty((len(Z), len(LAYERS), len(ORDER_STEPS)))
    for i, rates in enumerate(LAYERS.values()):
        # Each draw has its own unit of time, one over its largest curvature.
        unit = 1 / chains.curvature_bound(start, rates, moment)[..., None, None]
        flow = _flow(start, target, moment, rates, unit)
        way = _joint_norm(flow, start)
        for j, steps in enumerate(ORDER_STEPS):
            ends = students.descend(start, gradient, [r * unit * ORDER_TIME / steps for r in rates], steps)
            errors[:, i, j] = _joint_norm(ends, flow) / way
    return errors


def _flow(
    start: "list[np.ndarray]",
    target: "np.ndarray",
    moment: "np.ndarray",
    rates: tuple[float, ...],
    unit: "np.ndarray",
) -> "list[np.ndarray]":
    """Integrate the flow of each member alone, so that its steps do not depend on its company."""
    import numpy as np

    from sottovoce.theory import chains

    ends = [
        chains.flow([layer[i] for layer in start], target[i], ORDER_TIME, rates, moment[i] * unit[i])
        for i in range(len(target))
    ]
    return [np.stack(layers) for layers in zip(*ends, strict=True)]


def _drift(config: Config, draws: _Draws) -> "dict[str, np.ndarray]":
    """Train teacher and student from one reference with W2 moving at each of the rates.

    Returns:
        By member and head_rate, pooled over draws: `moving_recovered`, the recovered energy of the class logits, and
        `lazy_recovered`, what first order in the teacher's change predicts; `matched_recovered`, the same under the
        teacher's class head; `signal` and `noise`, the parts of the student's change of class logits along the
        teacher's and across it, in units of the teacher's change; `student_drift` and `teacher_drift`, relative drift
        of the trained columns; `head_mismatch`, the relative distance between the heads W2 of teacher and student;
        `moving_misfit` of the distilled logits.
    """
    import numpy as np

    columns = [_drift_at(config, draws, rate) for rate in config.head_rates]
    return {name: np.stack([column[name] for column in columns], axis=1) for name in columns[0]}


def _drift_at(config: Config, draws: _Draws, head_rate: float) -> "dict[str, np.ndarray]":
    from sottovoce.theory import chains

    W1_0, x, seen = draws.start, draws.x, draws.evaluation
    C_0, Z_0 = draws.head[..., : config.n_class], draws.head[..., -config.n_aux :]
    W1, C = _descend_both(config, x, W1_0, C_0, draws.task, head_rate)
    student, Z = _descend_both(config, x, W1_0, Z_0, W1 @ Z_0, head_rate)
    lazy = chains.lazy_end([W1_0, Z_0], W1 @ Z_0, (1.0, head_rate))[0]
    first, last = seen @ W1_0 @ C_0, seen @ W1 @ C
    learned, taught = seen @ student @ C_0 - first, last - first
    scale = _energy(taught)
    signal = (learned * taught).sum(axis=(1, 2, 3)) / scale
    return {
        "moving_recovered": 1 - _unexplained(first, last, seen @ student @ C_0),
        "lazy_recovered": 1 - _unexplained(first, last, seen @ lazy @ C_0),
        "matched_recovered": 1 - _unexplained(first, last, seen @ student @ C),
        "signal": signal,
        "noise": (_energy(learned - signal[:, None, None, None] * taught) / scale) ** 0.5,
        "student_drift": _joint_norm([Z], [Z_0]) / _joint_norm([Z_0], [0 * Z_0]),
        "teacher_drift": _joint_norm([C], [C_0]) / _joint_norm([C_0], [0 * C_0]),
        "head_mismatch": _joint_norm([C, Z], [C_0, Z_0]) / _joint_norm([C_0, Z_0], [0 * C_0, 0 * Z_0]),
        "moving_misfit": _unexplained(seen @ W1_0 @ Z_0, seen @ W1 @ Z_0, seen @ student @ Z),
    }


def _descend_both(
    config: Config, x: "np.ndarray", W1: "np.ndarray", head: "np.ndarray", target: "np.ndarray", head_rate: float
) -> "list[np.ndarray]":
    from sottovoce.experiments import _toy_students as students
    from sottovoce.theory import chains

    rates = (1.0, head_rate)
    step = (config.rate / chains.curvature_bound([W1, head], rates, _moment(x)))[..., None, None]
    return students.descend(
        [W1, head], students.chain_gradient(x, target), [step * rate for rate in rates], config.steps
    )


def _moment(x: "np.ndarray") -> "np.ndarray":
    return x.swapaxes(-2, -1) @ x / x.shape[-2]


def _norm(matrix: "np.ndarray") -> "np.ndarray":
    return (matrix**2).sum(axis=(-2, -1)) ** 0.5


def _joint_norm(layers: "list[np.ndarray]", others: "list[np.ndarray]") -> "np.ndarray":
    """Return each member's distance between two sets of layers over all draws."""
    return sum(_energy(layer - other) for layer, other in zip(layers, others, strict=True)) ** 0.5


def _energy(values: "np.ndarray") -> "np.ndarray":
    return (values**2).sum(axis=(1, 2, 3))


def _unexplained(start: "np.ndarray", teacher: "np.ndarray", student: "np.ndarray") -> "np.ndarray":
    """Return each member's squared distance from the teacher, over that of the start."""
    return _energy(student - teacher) / _energy(start - teacher)
