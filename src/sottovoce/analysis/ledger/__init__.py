"""The ledger: every claim that is judged, one module per section of the report."""

from collections.abc import Mapping

import xarray as xr

from sottovoce.analysis import claims
from sottovoce.analysis.claims import Claim, Judgment
from sottovoce.analysis.ledger import (
    alignment,
    calibration,
    decoding,
    prediction,
    sharing,
    spectrum,
    sweep,
    theorem,
    toy,
    toy_training,
    transfer,
)

_SECTIONS = (
    toy,
    toy_training,
    spectrum,
    calibration,
    transfer,
    sweep,
    decoding,
    sharing,
    theorem,
    prediction,
    alignment,
)
LEDGER: tuple[Claim, ...] = tuple(claim for section in _SECTIONS for claim in section.CLAIMS)


def judge(results: Mapping[str, xr.Dataset]) -> list[Judgment]:
    """Judge every claim whose result is there.

    Args:
        results: datasets by the names that claims use.

    Returns:
        Judgments in the order of the ledger.
    """
    return [claims.judge(claim, results[claim.result]) for claim in LEDGER if claim.result in results]
