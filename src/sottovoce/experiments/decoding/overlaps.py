"""What the student's update of the last hidden layer has in common with the teacher's, beside nulls and the control."""

from collections.abc import Sequence

import numpy as np

from sottovoce.experiments.decoding.bodies import NETWORKS, Body, Measured, last_updates
from sottovoce.measure import similarity, subspaces
from sottovoce.networks.mlp import MLP

# "matched" has as many of the teacher's directions as the student has; "wide" as many as the class columns span.
TEACHER_SUBSPACES = ("matched", "wide")

# Random subspaces from which the nulls' 95 % quantiles and mean angles are estimated; the nulls' mean overlaps and
# energies are known exactly.
NULL_DRAWS = 200


def measure_overlaps(networks: Sequence[MLP], rank: int, wide: int, rng: np.random.Generator) -> Measured:
    """Compare the student's strongest update directions with the teacher's, on both sides of the last hidden layer.

    Args:
        networks: reference, teacher and student.
        rank: number of the student's directions, and of the teacher's in "matched".
        wide: number of the teacher's directions in "wide".
        rng: source of random numbers.

    Returns:
        By side and `TEACHER_SUBSPACES`: `overlap`; `overlap_random`, the exact mean over random subspaces, and
        `overlap_random_high`, their 95 % quantile; `overlap_shuffled`, the exact mean over permutations of units. By
        side and angle, between subspaces of equal rank: `principal_angle`, and `principal_angle_random`, its mean over
        random subspaces, both in degrees.
    """
    teacher, student = last_updates(networks)
    rows: dict[str, list] = {}
    for side in subspaces.SIDES:
        of_student = subspaces.update_basis(student, rank, side)
        of_teacher = [subspaces.update_basis(teacher, teacher_rank, side) for teacher_rank in (rank, wide)]
        overlaps = [subspaces.overlap_with_nulls(rng, of_student, basis, NULL_DRAWS) for basis in of_teacher]
        random_angles = subspaces.random_angles(rng, len(of_student), rank, rank, NULL_DRAWS)
        for name, values in {
            "overlap": [overlap.overlap for overlap in overlaps],
            "overlap_random": [overlap.random for overlap in overlaps],
            "overlap_random_high": [overlap.random_high for overlap in overlaps],
            "overlap_shuffled": [overlap.shuffled for overlap in overlaps],
            "principal_angle": np.degrees(subspaces.principal_angles(of_student, of_teacher[0])),
            "principal_angle_random": np.degrees(random_angles).mean(axis=0),
        }.items():
            rows.setdefault(name, []).append(values)
    return {name: np.array(values) for name, values in rows.items()}


def measure_unrelated(
    networks: Sequence[MLP],
    unrelated: MLP,
    test: Sequence[Body],
    unrelated_body: Body,
    rank: int,
    wide: int,
    n_aux: int,
) -> Measured:
    """Compare what the teacher shares with its student with what it shares with the unrelated teacher's student.

    Args:
        networks: reference, teacher and student.
        unrelated: the student of the unrelated teacher.
        test: inputs and outputs of each network's last hidden layer on test images.
        unrelated_body: the same of the unrelated teacher's student.
        rank: number of a student's directions, and of the teacher's in "matched".
        wide: number of the teacher's directions in "wide".
        n_aux: number of auxiliary logits.

    Returns:
        `cka_unrelated`, the debiased CKA of hidden features between the teacher and the unrelated teacher's student. By
        side and `TEACHER_SUBSPACES`: `overlap_unrelated`, as `measure_overlaps` has it for the student. By side and
        direction: `shared`, the squared cosines of the principal angles between the student's n_aux strongest
        directions and the teacher's `wide` ones, largest first, and `shared_unrelated` for the other student.
    """
    teacher, student = last_updates(networks)
    other = last_updates([networks[0], unrelated])[0]
    rows: dict[str, list] = {}
    for side in subspaces.SIDES:
        matched, wider = (subspaces.update_basis(teacher, teacher_rank, side) for teacher_rank in (rank, wide))
        of_other = subspaces.update_basis(other, rank, side)
        rows.setdefault("overlap_unrelated", []).append([subspaces.overlap(of_other, b) for b in (matched, wider)])
        for name, update in {"shared": student, "shared_unrelated": other}.items():
            strongest = subspaces.update_basis(update, min(n_aux, *update.shape), side)
            rows.setdefault(name, []).append(np.cos(subspaces.principal_angles(strongest, wider)) ** 2)
    teachers = test[NETWORKS.index("teacher")].hidden
    return {
        **{name: np.array(values) for name, values in rows.items()},
        "cka_unrelated": np.array(similarity.linear_cka(teachers, unrelated_body.hidden, debiased=True)),
    }
