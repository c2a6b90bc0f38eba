"""The ledger: every claim that is judged, one module per section of the report."""

from collections.abc import Mapping

import xarray as xr

from sottovoce.experiments.alignment import findings as alignment_findings
from sottovoce.experiments.calibration import findings as calibration_findings
from sottovoce.experiments.decoding import findings as decoding_findings
from sottovoce.experiments.prediction import findings as prediction_findings
from sottovoce.experiments.sharing import findings as sharing_findings
from sottovoce.experiments.spectrum import findings as spectrum_findings
from sottovoce.experiments.theorem import findings as theorem_findings
from sottovoce.experiments.toy import findings as toy_findings
from sottovoce.experiments.toy_training import findings as toy_training_findings
from sottovoce.experiments.transfer import findings as transfer_findings
from sottovoce.lab import claims
from sottovoce.lab.claims import Claim, Judgment
from sottovoce.sweeps import findings as sweeps_findings

_SECTIONS = (
    toy_findings,
    toy_training_findings,
    spectrum_findings,
    calibration_findings,
    transfer_findings,
    sweeps_findings,
    decoding_findings,
    sharing_findings,
    theorem_findings,
    prediction_findings,
    alignment_findings,
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
