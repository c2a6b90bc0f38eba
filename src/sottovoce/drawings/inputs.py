"""What students are distilled on."""

from typing import Any

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import estimates
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting

TITLE = "Distillation inputs"
INTRO = (
    "Every kind of input on which a student can be distilled, as its seed draws it: examples, parameters, range, and "
    "how many directions hold its variance."
)
OF_IMAGES = ("images", "permuted_images", "shuffled_images", "mixture")
PARAMETERS = {"blurred": "inputs_length_scale", "low_rank": "inputs_rank", "mixture": "inputs_alpha"}
WORDS = {"inputs_length_scale": "length scale {:g} px", "inputs_rank": "rank {:d}", "inputs_alpha": "alpha = {:g}"}
COMPONENTS = 10


def draw(results: Results) -> list[Drawing]:
    """Return the gallery."""
    return [_gallery(results["inputs"])] if "inputs" in results else []


def _gallery(dataset: xr.Dataset) -> Drawing:
    config = config_of(dataset)
    shares = estimates.over_members(dataset["share"], "logit")
    shown = dataset.isel(member=0)
    where = f"{config['dataset']}, seed {config['seed']}"
    return Drawing(
        key="inputs",
        title="A gallery of distillation inputs",
        alt="Six examples of each kind of input, and bars of the share of variance in ten principal components: "
        + ", ".join(f"{kind} {float(shares['mean'].sel(kind=kind)):.2f}" for kind in shares["kind"].values),
        caption=f"Examples of member {int(shown['member'])}, each strip from black at minus its largest absolute value "
        "to white at plus that; numbers over them: lowest to highest value, standard deviation. Right: share of the "
        f"variance of {config['n_inputs']:,} inputs in their first {COMPONENTS} principal components (of a sample, so "
        "above that of the law); orange: kinds made of training images. Whiskers: 95 % interval over "
        f"members. Every input times {config['inputs_scale']:g}, plus {config['inputs_shift']:g}. Setting: "
        f"{setting(dataset)}.",
        figure=figures.inputs.draw(
            shown["example"],
            {kind: _label(kind, config, shown.sel(kind=kind)) for kind in shown["kind"].values.tolist()},
            shares,
            list(OF_IMAGES),
            COMPONENTS,
            f"Distillation inputs: {where}, {config['n_inputs']:,} a kind, n = {shares.attrs['members']} members",
        ),
        data=shares,
    )


def _label(kind: str, config: dict[str, Any], measured: xr.Dataset) -> str:
    name = PARAMETERS.get(kind)
    parameter = f", {WORDS[name].format(config[name])}" if name else ""
    low, high, sd = (float(measured[variable]) for variable in ("lowest", "highest", "sd"))
    return f"{kind.replace('_', ' ')}{parameter}: {low:.2g} to {high:.2g}, sd {sd:.2g}"
