"""Counts of directions in the spectrum experiment, and whether their number follows the auxiliary logits.

The comparison was fixed before the default seed was run. A student's directions are counted by one rule, `PRIMARY`:
the analytic edge of noise (Marchenko-Pastur with Tracy-Widom) at a scale estimated from the bulk, because that scale
absorbs any change that training spreads evenly over the entries. The number of directions follows k if the mean over
the students of |count - k| is at most `WITHIN`, and its 95 % interval over members as well; likewise for k - 1. The two
distances sum to 1 or more, so both hypotheses can hold only at exactly one half each, which decides nothing. A student
classifies if its accuracy is at least `GAIN` above its reference's, and it shows directions if one or more are counted
in its weight.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from sottovoce.lab.claims import decide
from sottovoce.lab.estimates import band, converged, flat
from sottovoce.lab.evidence import of_members
from sottovoce.measure import counting
from sottovoce.measure.directions import RULES
from sottovoce.measure.nulls import noise_shape, scheme_scale
from sottovoce.measure.spectra import participation_ratio
from sottovoce.theory.random_matrix import detectability_threshold

PRIMARY: Mapping[str, str] = {"rule": "marchenko_pastur", "scale": "bulk"}

# Half a direction: a count on average closer to k than to its neighbors.
WITHIN = 0.5

# On ten classes as much as chance itself.
GAIN = 0.1

MATRICES = ("weight", "update")

Follows = Literal["k", "k - 1", "neither", "undecided"]

HYPOTHESES: Mapping[Follows, int] = {"k": 0, "k - 1": 1}
"""By name of the hypothesis, how many fewer directions than auxiliary logits it predicts."""

DISTANCES: Mapping[Follows, str] = {"k": "|count - k|", "k - 1": "|count - (k - 1)|"}
"""The formula of the distance to each hypothesis, for texts."""

FOLLOWS: Mapping[Follows, str] = {
    "k": "they follow k",
    "k - 1": "they follow k - 1",
    "neither": "they follow neither k nor k - 1",
    "undecided": "undecided between k, k - 1 and neither",
}


def direction_counts(dataset: xr.Dataset) -> xr.Dataset:
    """Count the directions of every network's second hidden layer and of its update.

    Weights are compared with fresh draws of the members' own initialization scheme. No exact null is known for updates:
    they are compared with themselves under random signs of their entries, by parallel analysis alone, because only
    that null preserves the unequal sizes of an update's rows and columns (docs/theory.md, section 8).

    Returns:
        For the members that converged. By member, network, scale and rule: `weight_count`. By member and network:
        `update_count`; `update_participation`, the participation ratio of the update; `update_strength`, the update's
        largest singular value in units of the strength from which on a direction leaves the bulk of a fresh weight; and
        `gain`, the network's accuracy minus the reference's.
    """
    members = converged(dataset).transpose("member", "network", ...)
    config = json.loads(dataset.attrs["config"])
    null, gain, (n_in, n_out) = config["initialization"], config["gain"], layer_shape(config)
    shape = (members.sizes["member"], members.sizes["network"])
    names = ("weight_singular_value", "update_singular_value", "update_null_largest")
    weights, updates, drawn = (members[name].values for name in names)
    # Where there are no more output neurons than inputs, centering leaves one singular value at zero, which is no value
    # of the noise.
    rank = min(noise_shape(n_in, n_out))
    # Orthogonal weights have no bulk that a direction could leave.
    noise = np.nan if null == counting.ORTHOGONAL else gain * scheme_scale(null, n_in)
    threshold = detectability_threshold(*noise_shape(n_in, n_out), noise)
    weight_counts = [
        [counted[rule] for rule in RULES]
        for at in np.ndindex(shape)
        for scale in counting.SCALES
        for counted in [counting.count_values(weights[at][:rank], n_in, n_out, null, scale=scale, gain=gain)]
    ]
    update_counts = [counting.count_update(updates[at][:rank], drawn[at], n_in, n_out) for at in np.ndindex(shape)]
    dims, rules = ("member", "network"), (len(counting.SCALES), len(RULES))
    return xr.Dataset(
        {
            "weight_count": ((*dims, "scale", "rule"), np.array(weight_counts, dtype=int).reshape(*shape, *rules)),
            "update_count": (dims, np.array(update_counts, dtype=int).reshape(shape)),
            "update_participation": (dims, participation_ratio(updates)),
            "update_strength": (dims, updates[:, :, 0] / threshold),
            "gain": members["accuracy"] - members["accuracy"].sel(network="reference", drop=True),
        },
        coords={"scale": list(counting.SCALES), "rule": list(RULES)},
    ).assign_coords({name: members[name] for name in ("objective", "n_aux")})


def layer_shape(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return inputs and units of the second dense hidden layer, whose spectrum is measured."""
    width = config["width"]
    first, second = (width, width) if isinstance(width, int) else width[:2]
    return first, second


def by_number(counts: xr.Dataset) -> xr.Dataset:
    """Return the students' counts and gains, by objective and number of auxiliary logits.

    Returns:
        `count` by member, matrix, objective and n_aux, and `gain` by member, objective and n_aux; NaN where there is
        no such student.
    """
    # Reference and teacher, which are distilled on nothing, have n_aux 0.
    students = counts.isel(network=np.flatnonzero(counts["n_aux"] > 0))
    matrices = xr.DataArray(list(MATRICES), dims="matrix", name="matrix")
    count = xr.concat([students["weight_count"].sel(PRIMARY, drop=True), students["update_count"]], matrices)
    # Always floats: unstacking fills in NaN where a pair of objective and number has no student.
    shown = xr.Dataset({"count": count, "gain": students["gain"]}).astype(float)
    return shown.set_index(network=("objective", "n_aux")).unstack("network")


def hypotheses(shown: xr.Dataset) -> xr.Dataset:
    """Return how far the students' counts, as `by_number` has them, are from following the numbers of auxiliary logits.

    Returns:
        By member, matrix, objective and hypothesis: `distance`, the mean over students of |count - k| or of
        |count - (k - 1)|. By member, matrix and objective: `slope` and `intercept` of the least-squares line of the
        count on k, NaN for a single student.
    """
    count, k = shown["count"], shown["n_aux"]
    fewer = xr.DataArray(list(HYPOTHESES.values()), dims="hypothesis", coords={"hypothesis": list(HYPOTHESES)})
    # The objectives may differ in their students: one has no student with a single logit.
    present = count.notnull()
    centered_k = (k - (k * present).sum("n_aux") / present.sum("n_aux")).where(present)
    spread = (centered_k**2).sum("n_aux")
    # A single student has no slope: a spread of zero becomes NaN.
    slope = (centered_k * count).sum("n_aux") / spread.where(spread > 0)
    return xr.Dataset(
        {
            "distance": abs(count - (k - fewer)).mean("n_aux"),
            "slope": slope,
            "intercept": (count - slope * k).mean("n_aux"),
        }
    )


def follows(distance: xr.DataArray) -> Follows:
    """Return the hypothesis that the counts follow, given their distances by member and hypothesis.

    It is the hypothesis whose distance is at most `WITHIN` with its whole interval; "neither" if both intervals lie
    above `WITHIN`; "undecided" otherwise, and always with fewer than six members.
    """
    verdicts = {name: decide(of_members(distance.sel(hypothesis=name)), 0.0, WITHIN) for name in HYPOTHESES}
    # Both hold only where both distances are exactly one half, which decides nothing.
    followed: list[Follows] = [name for name in HYPOTHESES if verdicts[name] == "supported"]
    if len(followed) == 1:
        return followed[0]
    return "neither" if set(verdicts.values()) == {"not supported"} else "undecided"


def relation(shown: xr.Dataset) -> xr.Dataset:
    """Return how directions of the weight, as `by_number` has them, are related to accuracy over a member's students.

    Returns:
        By member: `visible`, the share of the classifying students that show directions; `classify`, the share of the
        students showing directions that classify; `gain_shown` and `gain_hidden`, the mean gain in accuracy of the
        students that show directions and of those that show none. NaN where a member has no such student.
    """
    stacked = shown.sel(matrix="weight").stack(student=("objective", "n_aux")).dropna("student", how="all")
    directed, classifying = stacked["count"] >= 1, stacked["gain"] >= GAIN
    return xr.Dataset(
        {
            "visible": directed.where(classifying).mean("student"),
            "classify": classifying.where(directed).mean("student"),
            "gain_shown": stacked["gain"].where(directed).mean("student"),
            "gain_hidden": stacked["gain"].where(~directed).mean("student"),
        }
    )


def curves(shown: xr.Dataset) -> xr.Dataset:
    """Return `count` and `gain` with bands over n_aux (suffixes `_low` and `_high`), as drawn in the figure."""
    return flat({name: band(shown[name], "n_aux") for name in ("count", "gain")})


def sentences(dataset: xr.Dataset) -> list[str]:
    """Say which hypothesis the directions follow, by matrix and objective, and which student was left out."""
    config = json.loads(dataset.attrs["config"])
    words = []
    if "kl 1" not in dataset["network"].values and {"kl", "mse"} <= {*config["objectives"]} and 1 in config["n_aux"]:
        words.append("kl 1 is left out: a softmax over one logit is constant, so its gradient is exactly zero")
    if config["initialization"] == counting.ORTHOGONAL:
        words.append("orthogonal weights have no random edge: every rule counts the singular values above the gain")
    distance = hypotheses(by_number(direction_counts(dataset)))["distance"]
    return words + [
        f"directions of the {matrix} under {objective}: "
        f"{FOLLOWS[follows(distance.sel(matrix=matrix, objective=objective))]}"
        for matrix in MATRICES
        for objective in distance["objective"].values.tolist()
    ]
