"""Students whose teachers have the same W2: each recipe's end, compared with the teacher and with the closed form."""

from collections.abc import Sequence

import numpy as np

from sottovoce.experiments.toy_training import students
from sottovoce.experiments.toy_training.config import Config
from sottovoce.experiments.toy_training.draws import MOST_SAMPLES, Draws, moment, norm, unexplained
from sottovoce.experiments.toy_training.students import RECIPES, Recipe, class_logits
from sottovoce.theory import capture, chains, dynamics, linear

# Numbers of training inputs of the ReLU students. In the preset each exceeds the inputs' dimension, so that a linear
# student would recover the same energy from any of them, and what they change is due to the ReLU.
RELU_INPUTS = (8, 32, MOST_SAMPLES)


def compare(config: Config, members: Sequence[int], draws: Draws, recipe: Recipe) -> dict[str, np.ndarray]:
    """Train one student of every drawn teacher, and compare it with the teacher and with the closed form.

    Returns:
        By member and draw: `projector_distance` and, for Adam on one logit, `oblique_distance`; by member: `recovered`,
        `recovered_law`, `misfit`.
    """
    n_aux = 1 if recipe.one_logit else config.n_aux
    start, teacher = [draws.start], [draws.trunk]
    if recipe.depth == 2:
        start, teacher = [*start, draws.upper[:, 0]], [*teacher, draws.upper[:, 1]]
    if recipe.start == "zero":
        start = [np.zeros_like(draws.start)]
    Z, C = draws.head[..., -n_aux:], draws.head[..., : config.n_class]
    *trained, Z_student = _train(config, members, draws.x, recipe, start, teacher, Z)

    def outputs(head: np.ndarray, student_head: np.ndarray) -> list[np.ndarray]:
        networks = ((start, head), (teacher, head), (trained, student_head))
        return [class_logits(trunk, W2, draws.evaluation, recipe.activation) for trunk, W2 in networks]

    W1_0, W1, student = (chains.product(layers) for layers in (start, teacher, trained))
    # Equation 2.3 of docs/theory.md, under kl 3.3; from zero it is 1.3.
    closed = linear.student(W1, draws.head, n_aux, recipe.objective, W1_0)
    auxiliary = outputs(Z, Z_student)
    if recipe.objective == "kl":
        # A shift common to all logits changes no softmax, so kl leaves it free.
        auxiliary = [logits - logits.mean(axis=-1, keepdims=True) for logits in auxiliary]
    result = {
        "projector_distance": norm(student - closed) / norm(closed - W1_0),
        "recovered": 1 - unexplained(*outputs(C, C)),
        "recovered_law": _recovered_law(recipe, draws.head, n_aux),
        "misfit": unexplained(*auxiliary),
    }
    if recipe.one_logit:
        # Equation 5.9 of docs/theory.md.
        oblique = dynamics.adam_one_logit(W1, draws.head, W1_0)
        result["oblique_distance"] = norm(student - oblique) / norm(oblique - W1_0)
    return result


def relu_recovered(config: Config, members: Sequence[int], draws: Draws) -> np.ndarray:
    """Return the recovered energy of the ReLU students' class logits, (member, n_inputs)."""
    inputs = [draws._replace(x=draws.many[:, :, :n]) for n in RELU_INPUTS]
    return np.stack([compare(config, members, d, RECIPES["gd, relu"])["recovered"] for d in inputs], axis=1)


def _train(
    config: Config,
    members: Sequence[int],
    x: np.ndarray,
    recipe: Recipe,
    start: list[np.ndarray],
    teacher: list[np.ndarray],
    Z: np.ndarray,
) -> list[np.ndarray]:
    """Return the trunk's layers and then the distilled columns of W2, after training by a recipe."""
    rates = (*[1.0] * recipe.depth, float(recipe.moves_head))
    target = chains.product([*teacher, Z])
    if recipe.activation == "relu":
        gradient = students.relu_gradient(x, class_logits(teacher, Z, x, "relu"))
    elif recipe.optimizer == "gd":
        gradient = students.linear_gradient(x, target, recipe.objective)
    else:
        # Another spawn key than the weights': batches are independent of the weights, and the same for every recipe.
        seeds = [np.random.SeedSequence(config.seed, spawn_key=(member, 1)) for member in members]
        rngs = [np.random.default_rng(seed) for seed in seeds]
        gradient = students.batch_gradient(x, target, rngs, config.batch_size, config.steps)
    if recipe.optimizer == "adam":
        return students.adam([*start, Z], gradient, [config.adam_rate * rate for rate in rates], config.steps)
    curvature = students.CURVATURE[recipe.objective] * chains.curvature_bound([*start, Z], rates, moment(x))
    share = students.SHARE_OF_RATE if sum(rates) > 1 else 1.0
    # Every draw has a step size of its own, which the two new axes spread over its matrices.
    step = (share * config.rate / curvature)[..., None, None]
    return students.descend([*start, Z], gradient, [step * rate for rate in rates], config.steps)


def _recovered_law(recipe: Recipe, head: np.ndarray, n_aux: int) -> np.ndarray:
    """Return each member's expected recovered energy, NaN where no law is known.

    The expectation is over isotropic trunks and class columns (docs/theory.md, equation 4.2).
    """
    hidden = head.shape[-2]
    nonlinear = recipe.activation == "relu" or recipe.depth > 1 or recipe.moves_head
    if nonlinear or (recipe.optimizer == "adam" and not recipe.one_logit):
        return np.full(len(head), np.nan)
    if recipe.one_logit:
        # Equation 5.10, given the heads that were drawn.
        z = head[..., -1]
        return (2 / hidden - np.square(z).sum(axis=-1) / np.abs(z).sum(axis=-1) ** 2).mean(axis=-1)
    return np.full(len(head), capture.distilled_rank(hidden, n_aux, recipe.objective) / hidden)
