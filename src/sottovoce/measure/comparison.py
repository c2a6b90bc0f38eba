"""Comparisons of the user's checkpoints and features, as `sottovoce measure subspaces` and `measure cka` print them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Num

from sottovoce.errors import UsageError
from sottovoce.measure import similarity, subspaces

# Random subspaces behind the 95 % quantile of the overlap.
DRAWS = 1_000
Matrices = Mapping[str, Num[np.ndarray, "_ _"]]


def compare_subspaces(checkpoints: Sequence[Matrices], rank: int, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Compare the leading singular directions of two checkpoints, matrices `(input, output)` by layer.

    Of two checkpoints the weights are compared; of three (reference, teacher and student) the updates W - W0 of the
    last two. The rank is reduced to the smaller side of a matrix where that is smaller; the seed is that of the random
    subspaces.

    Returns:
        By layer: `compared` ("updates" or "weights"), `rank`, and by side ("output", "input") `principal_angles` in
        degrees, smallest first, and the fields of `measure.subspaces.Overlap`. All values can be written as JSON.

    Raises:
        UsageError: there are neither two nor three checkpoints, they do not hold the same matrices, a matrix is not
            finite, a matrix to compare is zero, or the rank is below 1.
    """
    if len(checkpoints) not in (2, 3):
        raise UsageError(f"files are {len(checkpoints)}; allowed: two, or three (reference, teacher, student)")
    if rank < 1:
        raise UsageError(f"rank is {rank}; allowed: 1 or more")
    rng = np.random.default_rng(seed)
    compared = {2: "weights", 3: "updates"}[len(checkpoints)]
    comparisons: dict[str, dict[str, Any]] = {}
    for layer, matrices in _aligned(checkpoints).items():
        pair = matrices if len(matrices) == 2 else [matrix - matrices[0] for matrix in matrices[1:]]
        if not all(matrix.any() for matrix in pair):
            raise UsageError(f"layer {layer!r} has {compared} that are all zero; allowed: layers that moved")
        layer_rank = min(rank, *pair[0].shape)
        comparisons[layer] = {"compared": compared, "rank": layer_rank}
        for side in subspaces.SIDES:
            bases = [subspaces.update_basis(matrix, layer_rank, side) for matrix in pair]
            angles = np.degrees(subspaces.principal_angles(*bases)).tolist()
            overlap = subspaces.overlap_with_nulls(rng, *bases, draws=DRAWS)
            comparisons[layer][side] = {"principal_angles": angles, **overlap._asdict()}
    return comparisons


def compare_features(first: Matrices, second: Matrices) -> dict[str, dict[str, float]]:
    """Compare features of the same samples by linear CKA.

    The feature matrices `(sample, feature)` of two networks are paired by name; if each network has a single matrix,
    these two are paired whatever their names.

    Returns:
        By name: `debiased`, the estimate whose mean over shuffled samples is 0; `plain`, the plain estimate; and
        `plain_shuffled`, the exact mean of the plain estimate over all pairings of the samples.

    Raises:
        UsageError: the names or the numbers of samples differ, a matrix is not finite, the features of a matrix do not
            vary, or there are fewer than 4 samples.
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
    """Return the matrices of all files by name, in float64; their first `sides` dimensions have to agree."""
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
