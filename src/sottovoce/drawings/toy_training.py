"""The toy trained step by step, within the section of the linear toy."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis.estimates import band, over_members
from sottovoce.analysis.toy_training import step_order
from sottovoce.drawings.drawing import Drawing, config_of, setting


def draw(dataset: xr.Dataset) -> list[Drawing]:
    """Return where students of teachers that share their W2 end, then what drift of W2 and a ReLU cost."""
    config = config_of(dataset)
    shape = f"{config['d_in']} inputs, {config['hidden']} hidden units, {config['n_class']} class logits"
    where = f"{shape}, k = {config['n_aux']}. Setting: {setting(dataset)}, {config['draws']} draws each."
    return [_ends(dataset, where), _drift(dataset, where)]


def _ends(dataset: xr.Dataset, where: str) -> Drawing:
    recovered = over_members(dataset["recovered"]).assign(law=dataset["recovered_law"].mean("member"))
    errors, slopes = band(dataset["step_error"], "rate", "log"), over_members(step_order(dataset))
    return Drawing(
        key="toy_training",
        title="The toy trained step by step",
        alt="Left, distances of students from the closed form: tiny under gradient descent and batches, large under "
        "Adam, with W2 moving, with a deep trunk or a ReLU. Middle, the recovered energy of their class logits. "
        "Right, the error of descent against the step size, a straight line of slope one.",
        caption="Left: one stroke per draw; the closed form is W1_0 + (W1 - W1_0) P, with W2 kept, for kl with the "
        "centered projector. Middle: 1 is the teacher, 0 the start; diamonds: expected over random teachers. Right: "
        "the distance at one time between descent and the exact flow. Whiskers: 95 % interval of a mean over members; "
        "band: 95 % for the whole curve. "
        f"{where}",
        figure=figures.toy_training.draw(dataset, recovered, errors, slopes),
        data=recovered,
    )


def _drift(dataset: xr.Dataset, where: str) -> Drawing:
    means = dataset.mean("member")
    drift = band(dataset["moving_recovered"], "head_rate").assign(
        lazy=means["lazy_recovered"], mismatch=means["head_mismatch"]
    )
    both = dataset.sel(moving="both")
    linear = over_members(dataset["recovered"]).sel(student="gd")
    return Drawing(
        key="toy_drift",
        title="Where the linear toy bends: a moving W2 and a ReLU",
        alt="Left, decoding error rises toward one as the heads of teacher and student drift apart, on the line that "
        "first order predicts. Middle, both the signal and the noise that the student decodes fall, the signal faster. "
        "Right, the recovered energy of ReLU students rises with the number of training inputs.",
        caption="Left and middle: teacher and student trained from one reference, W2 at 0 to "
        f"{max(config_of(dataset)['head_rates']):g} times the rate of W1; squared distance of the class logits from "
        "the teacher's, relative to the reference's. Right: W2 kept and shared, a drawn teacher. Whiskers and bands: "
        f"95 % over members for each whole curve. {where}",
        figure=figures.toy_training.draw_drift(
            drift,
            band(both["signal"], "head_rate"),
            band(both["noise"], "head_rate"),
            band(dataset["relu_recovered"], "n_inputs"),
            linear,
        ),
        data=drift,
    )
