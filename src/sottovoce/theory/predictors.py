"""Predictions of a student from its reference and teacher alone: the head-Gram predictor (docs/theory.md, section 10).

Predictors that need the network's derivatives are in `theory.tangent`.
"""

import numpy as np
from jaxtyping import Float

from sottovoce.theory import linear

ClassLogits = Float[np.ndarray, "... sample n_class"]


def head_gram(
    reference_logits: ClassLogits,
    teacher_logits: ClassLogits,
    class_head: Float[np.ndarray, "hidden n_class"],
    aux_head: Float[np.ndarray, "hidden n_aux"],
    objective: str = "mse",
) -> ClassLogits:
    """Return the student's class logits if only the trunk is trained: ``z_0 + (z_T - z_0) (C^T C)^-1 C^T P C``.

    z_0 and z_T are the class logits of the reference and of its teacher on the same inputs, C (`class_head`) and
    `aux_head` the initial columns of the class and of the distilled logits; those of C are linearly independent. The
    prediction is exact for a linear network of which only the trunk is trained, distilled to convergence on inputs of
    full rank. For any other network it is a hypothesis. Without auxiliary logits, or with "kl" on one, the prediction
    is the reference; with as many auxiliary columns in general position as hidden units it is the teacher. The errors
    are those of `linear.aux_projector`.

    Example:
        >>> C, Z = np.eye(2), np.array([[1.0], [1.0]])  # one auxiliary column, halfway between the class columns
        >>> head_gram(np.zeros((1, 2)), np.array([[4.0, 0.0]]), C, Z).round(12)
        array([[2., 2.]])
    """
    C = np.asarray(class_head, dtype=np.float64)
    z_0, z_T = (np.asarray(logits, dtype=np.float64) for logits in (reference_logits, teacher_logits))
    P = linear.aux_projector(np.concatenate([C, aux_head], axis=1), aux_head.shape[1], objective)
    # Least squares give (C^T C)^-1 C^T P C without C^T C, whose condition number is the square of that of C.
    return z_0 + (z_T - z_0) @ np.linalg.lstsq(C, P @ C, rcond=None)[0]


def self_consistent_share(
    at_reference: Float[np.ndarray, "..."], at_teacher: Float[np.ndarray, "..."], reference: float, teacher: float
) -> Float[np.ndarray, "..."]:
    """Return the weight w of the teacher's kernel in a student's, if it equals the fraction of accuracy recovered.

    A student that learns little keeps the reference's kernel, and a student that learns everything ends with the
    teacher's. Let a_r and a_t be the accuracies that the kernels at the reference and at the teacher predict, a_0 and
    a_T those of the reference and the teacher, all on images whose labels the prediction may use. Between the kernels
    accuracy is taken to be ``a = a_r + w (a_t - a_r)``, with w the recovered fraction of this same accuracy, ``w = (a -
    a_0) / (a_T - a_0)``. Solving gives ``w = (a_r - a_0) / (a_T - a_0 - a_t + a_r)``, which is clipped to [0, 1]
    (docs/theory.md, section 10); w is 1 where the equation has no positive solution because the predictions of the
    kernels differ by more than the teacher learned. The student's logits are then interpolated with this weight. This
    is a hypothesis without free constants, not a theorem.
    """
    learned = np.asarray(at_reference) - reference
    remainder = teacher - reference - (at_teacher - np.asarray(at_reference))
    share = np.divide(learned, remainder, out=np.ones_like(learned, dtype=np.float64), where=remainder > 0)
    return np.clip(share, 0.0, 1.0)
