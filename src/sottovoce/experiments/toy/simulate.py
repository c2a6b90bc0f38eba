"""Members of the experiment `toy`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sottovoce.experiments.toy.config import LAW_POINTS, N_EXAMPLES, Resolved
from sottovoce.theory import capture, generators, linear


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Draw teachers, solve for their students and compare the columns of their maps.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member, draw and logit: `cosine` and `relative_error` between teacher's and student's columns;
        `cosine_unrelated`, the cosine between the teacher's columns and an independent teacher's, which is the control;
        `captured` energy, `line_angle` (degrees between the line of a student column and the line of its last
        auxiliary column). By member and draw: `rank` of A'. By member and example, for the first draws: the maps
        `teacher` and `student`. By member: `capture_statistic` and `capture_pvalue`, of the test of the class columns'
        energies against the Beta law. By abs_cosine: `cosine_law`, the exact density of the class column's absolute
        cosine, where that has a density.
    """
    parts = [_member(config, member) for member in members]
    by_column = ("member", "draw", "logit")
    maps = ("member", "example", "input", "logit")
    dims = {
        **dict.fromkeys(("cosine", "cosine_unrelated", "relative_error", "captured", "line_angle"), by_column),
        **dict.fromkeys(("teacher", "student"), maps),
        "rank": by_column[:2],
        **dict.fromkeys(("capture_statistic", "capture_pvalue"), by_column[:1]),
    }
    dataset = xr.Dataset(
        {name: (axes, np.stack([part[name] for part in parts])) for name, axes in dims.items()},
        coords={
            "member": list(members),
            "role": ("logit", ["class"] * config.n_class + ["auxiliary"] * config.n_aux),
        },
    )
    law = _cosine_law(config)
    if law is None:
        return dataset
    return dataset.assign(cosine_law=("abs_cosine", law[1])).assign_coords(abs_cosine=law[0])


def _member(config: Resolved, member: int) -> dict[str, np.ndarray | float | np.integer]:
    """Return one member's variables, without the member axis."""
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(member,)))
    W1, W2 = _teachers(config, rng)
    teacher = linear.teacher_map(W1, W2)
    student = linear.end_to_end(linear.student(W1, W2, config.n_aux, config.objective), W2)
    captured = capture.captured_energy(W2, config.n_aux, config.objective)
    rank = capture.distilled_rank(config.hidden, config.n_aux, config.objective)
    test = capture.capture_test(captured[:, : config.n_class], config.hidden, rank)
    # Drawn last, so that the teachers are those of runs without a control.
    unrelated = linear.teacher_map(*_teachers(config, rng))
    return {
        "cosine": capture.column_cosine(teacher, student),
        "cosine_unrelated": capture.column_cosine(teacher, unrelated),
        "relative_error": np.linalg.norm(student - teacher, axis=-2) / np.linalg.norm(teacher, axis=-2),
        "captured": captured,
        "line_angle": capture.line_angle(student, student[..., -1:]),
        "rank": np.linalg.matrix_rank(np.ascontiguousarray(student)),
        "teacher": teacher[:N_EXAMPLES],
        "student": student[:N_EXAMPLES],
        "capture_statistic": test.statistic,
        "capture_pvalue": test.pvalue,
    }


def _teachers(config: Resolved, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the trunks and heads of one member's teachers."""
    if config.generator == "post":
        return generators.post_toy(rng, config.draws, config.n_aux)
    return generators.gaussian_toy(rng, config.draws, config.d_in, config.hidden, config.n_class, config.n_aux)


def _cosine_law(config: Resolved) -> tuple[np.ndarray, np.ndarray] | None:
    """Return absolute cosines and their exact density, or None where the law is a single point."""
    rank = capture.distilled_rank(config.hidden, config.n_aux, config.objective)
    # At full rank the match is exact, and between vectors of one entry the absolute cosine is always 1.
    if rank == config.hidden or config.d_in < 2:
        return None
    # Points at equal steps of the angle lie closer toward 1, where the density may grow without bound.
    x = np.sin((np.arange(LAW_POINTS) + 0.5) / LAW_POINTS * np.pi / 2)
    if config.generator == "post":
        # Equation 4.5 of docs/theory.md.
        return x, capture.post_cosine_density(x)
    # The density of an absolute cosine is the sum of the densities at both signs.
    signed = [capture.gaussian_cosine_density(s * x, config.d_in, config.hidden, rank) for s in (1, -1)]
    return x, np.sum(signed, axis=0)
