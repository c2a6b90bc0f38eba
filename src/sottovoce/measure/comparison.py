"""Checkpoints and features of the user compared: what `sottovoce measure subspaces` and `measure cka` print."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Num

from sottovoce.errors import UsageError
from sottovoce.measure import similarity, subspaces

DRAWS = 1_000
Matrices = Mapping[str, Num[np.ndarray, "_ _"]]


def compare_subspaces(checkpoints: Sequence[Matrices], rank: int, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Compare the strongest directions of two checkpoints, layer by layer.

    Args:
        checkpoints: matrices `(input, output)` by layer, of reference, teacher and student, whose updates W - W0 are
            compared; or of two networks, whose weights are.
        rank: how many directions; of a matrix with a smaller side, as many as that has.
        seed: of the random subspaces.

    Returns:
        By layer: `compared` ("updates" or "weights"), `rank`, and by side ("output", "input") `principal_angles` in
        degrees, smallest first, and the fields of `measure.subspaces.Overlap`. Plain values, as JSON takes them.

    Raises:
        UsageError: there are neither two nor three checkpoints, they do not hold the same matrices, one is not
            finite, nothing differs from the reference, or the rank is below 1.
    """
    if len(checkpoints) not in (2, 3):
        raise UsageError(f"files are {len(checkpoints)}; allowed: two, or three (reference, teacher, student)")
    if rank < 1:
        raise UsageError(f"rank is {rank}; allowed: 1 or more")
    rng = np.random.default_rng(seed)
    compared = {2: "weights", 3: "updates"}[len(checkpoints)]
    found: dict[str, dict[str, Any]] = {}
    for layer, matrices in _aligned(checkpoints).items():
        pair = matrices if len(matrices) == 2 else [matrix - matrices[0] for matrix in matrices[1:]]
        if not all(matrix.any() for matrix in pair):
            raise UsageError(f"layer {layer!r} has {compared} that are all zero; allowed: layers that moved")
        kept = min(rank, *pair[0].shape)
        found[layer] = {"compared": compared, "rank": kept}
        for side in subspaces.SIDES:
            bases = [subspaces.update_basis(matrix, kept, side) for matrix in pair]
            angles = np.degrees(subspaces.principal_angles(*bases)).tolist()
            overlap = subspaces.overlap_with_nulls(rng, *bases, draws=DRAWS)
            found[layer][side] = {"principal_angles": angles, **overlap._asdict()}
    return found


def compare_features(first: Matrices, second: Matrices) -> dict[str, dict[str, float]]:
    """Compare features of the same samples by linear CKA.

    Args:
        first: feature matrices `(sample, feature)` by name.
        second: the same of another network; matrices are paired by name, a single one on each side whatever its name.

    Returns:
        By name: `debiased`, whose mean over shuffled samples is 0; `plain`, and `plain_shuffled`, its exact mean over
        all pairings of the samples.

    Raises:
        UsageError: the names or the numbers of samples differ, a matrix is not finite, its features do not vary, or
            there are fewer than 4 samples.
    """
    if len(first) == len(second) == 1:
        second = dict(zip(first, second.values(), strict=True))
    aligned = _aligned((first, second), sides=1)
    for name, matrices in aligned.items():
        if not all(np.ptp(matrix, axis=0).any() for matrix in matrices):
            raise UsageError(f"{name!r} has features that do not vary; allowed: samples that differ")
    return {
        name: {
            "debiased": similarity.linear_cka(x, y, debiased=True),
            "plain": similarity.linear_cka(x, y),
            "plain_shuffled": similarity.shuffled_cka_mean(x, y),
        }
        for name, (x, y) in aligned.items()
    }


def _aligned(files: Sequence[Matrices], sides: int = 2) -> dict[str, list[np.ndarray]]:
    """Return the matrices of all files by name, in float64, having checked that their first `sides` sides agree.

    Raises:
        UsageError: they do not, or a matrix is not finite.
    """
    names = list(files[0])
    for other in files[1:]:
        if set(other) != set(names):
            raise UsageError(f"the files hold different matrices: {', '.join(names)} and {', '.join(other)}; name one")
    aligned = {name: [np.asarray(file[name], dtype=np.float64) for file in files] for name in names}
    for name, matrices in aligned.items():
        if len({matrix.shape[:sides] for matrix in matrices}) > 1:
            shapes = " and ".join(str(matrix.shape) for matrix in matrices)
            what = "shape" if sides == 2 else "number of samples (rows)"
            raise UsageError(f"{name!r} has shapes {shapes}; allowed: the same {what} in every file")
        if not all(np.isfinite(matrix).all() for matrix in matrices):
            raise UsageError(f"{name!r} contains NaN or infinity; allowed: finite numbers")
    return aligned
