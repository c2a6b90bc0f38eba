"""Counts of directions in the spectrum experiment, and whether their number follows the auxiliary logits.

What is compared was fixed before any run. A student's directions are the count of one rule, `PRIMARY`: parallel
analysis at a scale estimated from the bulk, for that is blind to what training spreads evenly. Their number follows k
if the mean over the students of |count - k| is at most `WITHIN`, with its 95 % interval over members; k - 1 likewise.
The two distances sum to 1 or more, so both can hold only at exactly one half each, which decides nothing. A student
classifies if its accuracy is at least `GAIN` above that of its reference, and shows directions if it counts one or
more in its weight.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.published import SPECTRUM, SPECTRUM_SETTINGS, comparable
from sottovoce.lab.claims import of_members, verdict
from sottovoce.lab.estimates import band, converged
from sottovoce.measure import counting, spectra
from sottovoce.measure.directions import RULES
from sottovoce.measure.nulls import noise_shape, scheme_scale
from sottovoce.measure.spectra import participation_ratio
from sottovoce.theory.random_matrix import detectability_threshold

PRIMARY: Mapping[str, str] = {"rule": "parallel", "scale": "bulk"}

WITHIN = 0.5

GAIN = 0.1

MATRICES = ("weight", "update")

Follows = Literal["k", "k - 1", "neither", "undecided"]

HYPOTHESES: Mapping[Follows, int] = {"k": 0, "k - 1": 1}
"""By name, how many directions fewer than auxiliary logits."""

DISTANCES: Mapping[Follows, str] = {"k": "|count - k|", "k - 1": "|count - (k - 1)|"}
"""How the distance to each hypothesis is written."""

FOLLOWS: Mapping[Follows, str] = {
    "k": "they follow k",
    "k - 1": "they follow k - 1",
    "neither": "they follow neither k nor k - 1",
    "undecided": "undecided between k, k - 1 and neither",
}


def direction_counts(dataset: xr.Dataset) -> xr.Dataset:
    """Count the directions of every network's second hidden layer and of its update.

    Weights are held against fresh draws of the members' own initialization scheme; updates, for which no exact null is
    known, against random signs of their own entries, by parallel analysis alone, the one rule whose null knows that
    an update's rows and columns are of unequal size (docs/theory.md, section 8).

    Args:
        dataset: result of the experiment `spectrum`, with its configuration as attribute.

    Returns:
        Of the members that converged: `weight_count` by member, network, scale and rule; by member and network
        `update_count`; `update_participation`, the participation ratio of the update; `update_strength`, its largest
        value in units of the strength from which on a direction leaves the bulk of a fresh weight; and `gain`, the
        accuracy above the reference's.
    """
    kept = converged(dataset)
    null = json.loads(dataset.attrs["config"])["initialization"]
    side = kept.sizes["component"]
    shape = kept["member"].size, kept["network"].size
    weights = kept["weight_singular_value"].transpose("member", "network", "component").values
    updates = kept["update_singular_value"].transpose("member", "network", "component").values
    drawn = kept["update_null_largest"].transpose("member", "network", "draw").values
    own = min(noise_shape(side, side))
    threshold = detectability_threshold(*noise_shape(side, side), scheme_scale(null, side))
    weight_count = np.empty((*shape, len(counting.SCALES), len(RULES)), dtype=int)
    update_count = np.empty(shape, dtype=int)
    for at in np.ndindex(shape):
        for i, scale in enumerate(counting.SCALES):
            counted = counting.count_values(weights[at][:own], side, side, null, scale=scale)
            weight_count[at][i] = [counted[rule] for rule in RULES]
        update_count[at] = counting.count_update(updates[at][:own], drawn[at], side, side)
    dims = ("member", "network")
    return xr.Dataset(
        {
            "weight_count": ((*dims, "scale", "rule"), weight_count),
            "update_count": (dims, update_count),
            "update_participation": (dims, participation_ratio(updates)),
            "update_strength": (dims, updates[:, :, 0] / threshold),
            "gain": kept["accuracy"] - kept["accuracy"].sel(network="reference", drop=True),
        },
        coords={"scale": list(counting.SCALES), "rule": list(RULES)},
    ).assign_coords({name: kept[name] for name in ("objective", "n_aux")})


def by_number(counts: xr.Dataset) -> xr.Dataset:
    """Return what the students show, by matrix, objective and number of auxiliary logits.

    Args:
        counts: `direction_counts`.

    Returns:
        `count` by member, matrix, objective and n_aux, and `gain` by member, objective and n_aux; NaN where there is
        no such student.
    """
    students = counts.isel(network=np.flatnonzero(counts["n_aux"] > 0))
    shown = xr.Dataset(
        {
            "count": xr.concat(
                [students["weight_count"].sel(PRIMARY, drop=True), students["update_count"]],
                xr.DataArray(list(MATRICES), dims="matrix", name="matrix"),
            ),
            "gain": students["gain"],
        }
    )
    return shown.astype(float).set_index(network=("objective", "n_aux")).unstack("network")


def hypotheses(shown: xr.Dataset) -> xr.Dataset:
    """Return by member, matrix and objective how far the counts are from following the auxiliary logits.

    Args:
        shown: `by_number`.

    Returns:
        `distance` by hypothesis, the mean over students of |count - k| and of |count - (k - 1)|; `slope` and
        `intercept` of the least-squares line of the count on k, NaN for a single student.
    """
    count, k = shown["count"], shown["n_aux"]
    fewer = xr.DataArray(list(HYPOTHESES.values()), dims="hypothesis", coords={"hypothesis": list(HYPOTHESES)})
    there = count.notnull()
    centered_k = (k - (k * there).sum("n_aux") / there.sum("n_aux")).where(there)
    spread = (centered_k**2).sum("n_aux")
    slope = (centered_k * count).sum("n_aux") / spread.where(spread > 0)
    return xr.Dataset(
        {
            "distance": abs(count - (k - fewer)).mean("n_aux"),
            "slope": slope,
            "intercept": (count - slope * k).mean("n_aux"),
        }
    )


def follows(distance: xr.DataArray) -> Follows:
    """Say which hypothesis the counts follow.

    Args:
        distance: `hypotheses(...)["distance"]` of one matrix and objective, by member and hypothesis.

    Returns:
        The one whose distance is at most `WITHIN` with its whole interval; neither, if both intervals lie above;
        undecided otherwise, and below six members.
    """
    found = {name: verdict(of_members(distance.sel(hypothesis=name)), 0.0, WITHIN) for name in HYPOTHESES}
    followed: list[Follows] = [name for name in HYPOTHESES if found[name] == "supported"]
    if len(followed) == 1:
        return followed[0]
    return "neither" if set(found.values()) == {"not supported"} else "undecided"


def relation(shown: xr.Dataset) -> xr.Dataset:
    """Return by member how the directions of the weight and the accuracy go together, over all its students.

    Args:
        shown: `by_number`.

    Returns:
        `visible`, the share of students showing directions among those that classify; `classify`, the share that
        classify among those that show directions; `gain_shown` and `gain_hidden`, the mean gain in accuracy of
        students that show directions and that show none. NaN where a member has no such student.
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
    """Return `count` and `gain` with bands over n_aux (suffixes `_low` and `_high`), as the figure draws them."""
    drawn = xr.Dataset(attrs={"members": shown.sizes["member"]})
    for name in ("count", "gain"):
        estimate = band(shown[name], "n_aux")
        drawn[name], drawn[f"{name}_low"], drawn[f"{name}_high"] = (estimate[end] for end in ("mean", "low", "high"))
    return drawn


def sentences(dataset: xr.Dataset) -> list[str]:
    """Say which number the directions follow, by matrix and objective, and which student is not there.

    Args:
        dataset: result of the experiment `spectrum`, with its configuration as attribute.

    Returns:
        One short sentence each.
    """
    config = json.loads(dataset.attrs["config"])
    words = []
    if "kl 1" not in dataset["network"].values and {"kl", "mse"} <= {*config["objectives"]} and 1 in config["n_aux"]:
        words.append("kl 1 is left out: a softmax over one logit is constant, so its gradient is exactly zero")
    distance = hypotheses(by_number(direction_counts(dataset)))["distance"]
    for matrix in MATRICES:
        for objective in distance["objective"].values.tolist():
            own = distance.sel(matrix=matrix, objective=objective)
            words.append(f"directions of the {matrix} under {objective}: {FOLLOWS[follows(own)]}")
    return words


def spectrum_curves(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return mean spectra over members by network and component, with published points where their settings hold.

    Also `edge`: the largest first component of the members' own initializations, above which a component counts as
    learned (`components_above_edge`, mean over members).
    """
    kept = converged(dataset)
    ratios = kept["weight_explained_variance_ratio"]
    edge = float(ratios.sel(network="reference", component=1).max())
    curves = kept.drop_vars(("diverged", "update_null_largest", "objective", "n_aux"), errors="ignore").mean("member")
    curves["ratio_low"] = ratios.min("member")
    curves["ratio_high"] = ratios.max("member")
    published = np.full((curves.sizes["network"], curves.sizes["component"]), np.nan)
    if comparable(config, SPECTRUM_SETTINGS):
        for row, network in enumerate(curves["network"].values.tolist()):
            points = SPECTRUM.get(network, ())[: published.shape[1]]
            published[row, : len(points)] = points
    curves["published_ratio"] = (("network", "component"), published)
    counts = components_above_edge(kept)
    curves["components_above_edge"] = counts.mean("member")
    return curves.assign_attrs(edge=edge, members=kept.sizes["member"])


def components_above_edge(dataset: xr.Dataset) -> xr.DataArray:
    """Return for each member and network how many explained-variance ratios exceed the edge of the initializations."""
    ratios = dataset["weight_explained_variance_ratio"].transpose("member", "network", "component")
    edge = float(ratios.sel(network="reference", component=1).max())
    return xr.DataArray(
        spectra.count_above(ratios.values, edge),
        dims=("member", "network"),
        coords={"member": ratios["member"], "network": ratios["network"]},
    )
