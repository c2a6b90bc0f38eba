"""How the directions get used."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import estimates
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting

TITLE = "How the directions get used"
INTRO = "Bodies and class heads of reference, teacher and student exchanged; linear probes; drift of every block."


def draw(results: Results) -> list[Drawing]:
    """Return the graft matrix with the drift of every block."""
    return [_decoding(results["decoding"])] if "decoding" in results else []


def _decoding(dataset: xr.Dataset) -> Drawing:
    kept = estimates.converged(dataset)
    graft, probe, drift = (
        estimates.over_members(kept[name]) for name in ("graft_accuracy", "probe_accuracy", "relative_drift")
    )
    config = config_of(dataset)
    return Drawing(
        key="decoding",
        title="Bodies and heads exchanged",
        alt="A matrix of test accuracies of every body with every class head and with a linear probe, and bars of the "
        "drift of every block of teacher and student.",
        caption="Rows: whose hidden features. Columns: whose class head reads them. Right: how far each block moved. "
        f"Setting: {setting(dataset)}, n_aux = {config['n_aux']}, {config['objective']}.",
        figure=figures.decoding.draw(
            graft,
            probe,
            drift,
            f"How the directions get used: {config['dataset']}, n = {graft.attrs['members']} members",
        ),
        data=graft.rename({name: f"graft_{name}" for name in graft.data_vars}),
    )
