"""The spectrum of one weight matrix, in full and in two numbers."""

from typing import Any

import numpy as np
from jaxtyping import Num

from sottovoce.measure import spectra


def describe(weight: Num[np.ndarray, "input output"]) -> dict[str, Any]:
    """Return singular values, explained-variance ratios, participation ratio and stable rank of the centered matrix.

    Args:
        weight: the matrix, `(input, output)`; its output neurons are centered first.

    Returns:
        Plain lists and numbers, as JSON takes them.
    """
    weight = np.asarray(weight, dtype=np.float64)
    values = spectra.singular_values(spectra.centered(weight))
    return {
        "singular_values": values.tolist(),
        "explained_variance_ratio": spectra.explained_variance_ratio(weight).tolist(),
        "participation_ratio": float(spectra.participation_ratio(values)),
        "stable_rank": float(spectra.stable_rank(values)),
    }
