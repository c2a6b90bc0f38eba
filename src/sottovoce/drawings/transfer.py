"""Transfer through auxiliary logits."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import estimates
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting

TITLE = "Transfer through auxiliary logits"
INTRO = "Cloud's protocol: a teacher trained on labels; students distilled on logits over noise images."


def draw(results: Results) -> list[Drawing]:
    """Return the six bars."""
    return [_transfer(results["transfer"])] if "transfer" in results else []


def _transfer(dataset: xr.Dataset) -> Drawing:
    config = config_of(dataset)
    bars = estimates.transfer_bars(dataset, config)
    return Drawing(
        key="bars",
        title="Six networks, one teacher's knowledge",
        alt="Bars of test accuracy: "
        + ", ".join(f"{r} {float(bars['mean'].sel(role=r)):.3f}" for r in bars["role"].values),
        caption=f"Students are distilled on {config['n_aux']} auxiliary logits ({config['objective']}) or on all "
        f"logits, over {config['n_inputs']:,} {config['inputs']} inputs. Whiskers: 95 % interval over "
        f"members. Setting: {setting(dataset)}.",
        figure=figures.transfer.draw(
            bars, f"Test accuracy on {config['dataset']}, n = {bars.attrs['members']} members"
        ),
        data=bars,
    )
