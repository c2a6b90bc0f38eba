"""What `sottovoce run` prints: rows by role with a mean, its interval, the members and the published value."""

from collections.abc import Callable

import xarray as xr

from sottovoce.experiments.alignment import findings as alignment_findings
from sottovoce.experiments.calibration import findings as calibration_findings
from sottovoce.experiments.capture import findings as capture_findings
from sottovoce.experiments.decoding import findings as decoding_findings
from sottovoce.experiments.inputs import findings as inputs_findings
from sottovoce.experiments.prediction import findings as prediction_findings
from sottovoce.experiments.sharing import findings as sharing_findings
from sottovoce.experiments.spectrum import counts
from sottovoce.experiments.spectrum import findings as spectrum_findings
from sottovoce.experiments.theorem import findings as theorem_findings
from sottovoce.experiments.toy import findings as toy_findings
from sottovoce.experiments.toy_training import findings as toy_training_findings
from sottovoce.experiments.transfer import findings as transfer_findings
from sottovoce.lab.rows import Table


def table(dataset: xr.Dataset) -> Table:
    """Summarize a result.

    Args:
        dataset: as `runs.execute` returns it; its attribute `experiment` chooses the rows.

    Returns:
        By role: `mean`, `ci95` (ends of the 95 % interval over members, None below four), `members`, `published` (None
        where nothing comparable is published) and `quantity`.
    """
    return _TABLES[dataset.attrs["experiment"]](dataset)


def notes(dataset: xr.Dataset) -> list[str]:
    """Return what a result says in words, one short sentence each; only `spectrum` has such."""
    return counts.sentences(dataset) if dataset.attrs["experiment"] == "spectrum" else []


_TABLES: dict[str, Callable[[xr.Dataset], Table]] = {
    "toy": toy_findings.toy_rows,
    "toy_training": toy_training_findings.toy_training_rows,
    "capture": capture_findings.capture_rows,
    "calibration": calibration_findings.calibration_rows,
    "transfer": transfer_findings.transfer_rows,
    "spectrum": spectrum_findings.spectrum_rows,
    "decoding": decoding_findings.decoding_rows,
    "sharing": sharing_findings.sharing_rows,
    "inputs": inputs_findings.inputs_rows,
    "prediction": prediction_findings.prediction_rows,
    "theorem": theorem_findings.theorem_rows,
    "alignment": alignment_findings.alignment_rows,
}
