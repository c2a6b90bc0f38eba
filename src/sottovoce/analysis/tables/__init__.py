"""What `sottovoce run` prints: rows by role with a mean, its interval, the members and the published value."""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis import counts
from sottovoce.analysis.tables import alignment, decoding, networks, spectrum, toy
from sottovoce.analysis.tables.rows import Table


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
    "toy": toy.toy_rows,
    "toy_training": toy.toy_training_rows,
    "capture": toy.capture_rows,
    "calibration": spectrum.calibration_rows,
    "transfer": networks.transfer_rows,
    "spectrum": spectrum.spectrum_rows,
    "decoding": decoding.decoding_rows,
    "sharing": networks.sharing_rows,
    "inputs": networks.inputs_rows,
    "prediction": networks.prediction_rows,
    "theorem": networks.theorem_rows,
    "alignment": alignment.alignment_rows,
}
