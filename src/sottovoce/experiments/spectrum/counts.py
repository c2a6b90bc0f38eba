"""Counts of directions in the spectrum experiment, and whether their number follows the auxiliary logits.

The comparison is preregistered. A student's directions are counted by one rule, `PRIMARY`: parallel analysis at a scale
estimated from the bulk, because that scale absorbs any change that training spreads evenly over the entries. The number
of directions follows k if the mean over the students of |count - k| is at most `WITHIN`, and its 95 % interval over
members as well; likewise for k - 1. The two distances sum to 1 or more, so both hypotheses can hold only at exactly one
half each, which decides nothing. A student classifies if its accuracy is at least `GAIN` above its reference's, and it
shows directions if one or more are counted in its weight.
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

    Args:
        dataset: result of the experiment `spectrum`, with its configuration as attribute.

    Returns:
        For the members that converged. By member, network, scale and rule: `weight_count`. By member and network:
        `update_count`; `update_participation`, the participation ratio of the update; `update_strength`, the update's
        largest singular value in units of the strength from which on a direction leaves the bulk of a fresh weight; and
        `gain`, the network's accuracy minus the reference's.
    """
    converged_members = converged(dataset)
    null = json.loads(dataset.attrs["config"])["initialization"]
    side = converged_members.sizes["component"]
    shape = converged_members["member"].size, converged_members["network"].size
    weights = converged_members["weight_singular_value"].transpose("member", "network", "component").values
    updates = converged_members["update_singular_value"].transpose("member", "network", "component").values
    drawn = converged_members["update_null_largest"].transpose("member", "network", "draw").values
    # Centering leaves one singular value of a square matrix at zero, which is no value of the noise.
    rank = min(noise_shape(side, side))
    threshold = detectability_threshold(*noise_shape(side, side), scheme_scale(null, side))
    weight_count = np.empty((*shape, len(counting.SCALES), len(RULES)), dtype=int)
    update_count = np.empty(shape, dtype=int)
    for at in np.ndindex(shape):
        for i, scale in enumerate(counting.SCALES):
            counted = counting.count_values(weights[at][:rank], side, side, null, scale=scale)
            weight_count[at][i] = [counted[rule] for rule in RULES]
        update_count[at] = counting.count_update(updates[at][:rank], drawn[at], side, side)
    dims = ("member", "network")
    return xr.Dataset(
        {
            "weight_count": ((*dims, "scale", "rule"), weight_count),
            "update_count": (dims, update_count),
            "update_participation": (dims, participation_ratio(updates)),
            "update_strength": (dims, updates[:, :, 0] / threshold),
            "gain": converged_members["accuracy"] - converged_members["accuracy"].sel(network="reference", drop=True),
        },
        coords={"scale": list(counting.SCALES), "rule": list(RULES)},
    ).assign_coords({name: converged_members[name] for name in ("objective", "n_aux")})


def by_number(counts: xr.Dataset) -> xr.Dataset:
    """Return the students' counts and gains, by objective and number of auxiliary logits.

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
    """Return how far the counts are from following the numbers of auxiliary logits.

    Args:
        shown: `by_number`.

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
    """Say which hypothesis the counts follow.

    Args:
        distance: `hypotheses(...)["distance"]` of one matrix and objective, by member and hypothesis.

    Returns:
        The hypothesis whose distance is at most `WITHIN` with its whole interval; "neither" if both intervals lie above
        `WITHIN`; "undecided" otherwise, and always with fewer than six members.
    """
    verdicts = {name: verdict(of_members(distance.sel(hypothesis=name)), 0.0, WITHIN) for name in HYPOTHESES}
    # Both hold only where both distances are exactly one half, which decides nothing.
    followed: list[Follows] = [name for name in HYPOTHESES if verdicts[name] == "supported"]
    if len(followed) == 1:
        return followed[0]
    return "neither" if set(verdicts.values()) == {"not supported"} else "undecided"


def relation(shown: xr.Dataset) -> xr.Dataset:
    """Return how the directions of the weight are related to accuracy, over all students of a member.

    Args:
        shown: `by_number`.

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
    drawn = xr.Dataset(attrs={"members": shown.sizes["member"]})
    for name in ("count", "gain"):
        estimate = band(shown[name], "n_aux")
        drawn[name], drawn[f"{name}_low"], drawn[f"{name}_high"] = (estimate[end] for end in ("mean", "low", "high"))
    return drawn


def sentences(dataset: xr.Dataset) -> list[str]:
    """Say which hypothesis the directions follow, by matrix and objective, and which student was left out.

    Args:
        dataset: result of the experiment `spectrum`, with its configuration as attribute.

    Returns:
        One short sentence for each.
    """
    config = json.loads(dataset.attrs["config"])
    words = []
    if "kl 1" not in dataset["network"].values and {"kl", "mse"} <= {*config["objectives"]} and 1 in config["n_aux"]:
        words.append("kl 1 is left out: a softmax over one logit is constant, so its gradient is exactly zero")
    distance = hypotheses(by_number(direction_counts(dataset)))["distance"]
    for matrix in MATRICES:
        for objective in distance["objective"].values.tolist():
            followed = follows(distance.sel(matrix=matrix, objective=objective))
            words.append(f"directions of the {matrix} under {objective}: {FOLLOWS[followed]}")
    return words


def spectrum_curves(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return mean spectra over the members that converged.

    Args:
        dataset: result of the experiment `spectrum`.
        config: its configuration.

    Returns:
        By network and component: the means of the dataset's variables; `ratio_low` and `ratio_high`, the smallest and
        largest member's explained-variance ratio; `published_ratio`, NaN where the configuration is not the published
        one or no point was read. By network: `components_above_edge`, mean over members. Attributes: `members`, and
        `edge`, the largest first component of the members' own initializations, above which a component counts as
        learned.
    """
    converged_members = converged(dataset)
    ratios = converged_members["weight_explained_variance_ratio"]
    edge = float(ratios.sel(network="reference", component=1).max())
    not_drawn = ("diverged", "update_null_largest", "objective", "n_aux")
    curves = converged_members.drop_vars(not_drawn, errors="ignore").mean("member")
    curves["ratio_low"] = ratios.min("member")
    curves["ratio_high"] = ratios.max("member")
    # Points were read off the published figure for the first components only, and for some of the networks.
    published = np.full((curves.sizes["network"], curves.sizes["component"]), np.nan)
    if comparable(config, SPECTRUM_SETTINGS):
        for row, network in enumerate(curves["network"].values.tolist()):
            points = SPECTRUM.get(network, ())[: published.shape[1]]
            published[row, : len(points)] = points
    curves["published_ratio"] = (("network", "component"), published)
    curves["components_above_edge"] = components_above_edge(converged_members).mean("member")
    return curves.assign_attrs(edge=edge, members=converged_members.sizes["member"])


def components_above_edge(dataset: xr.Dataset) -> xr.DataArray:
    """Return by member and network how many explained-variance ratios exceed the largest one of any initialization."""
    ratios = dataset["weight_explained_variance_ratio"].transpose("member", "network", "component")
    edge = float(ratios.sel(network="reference", component=1).max())
    return xr.DataArray(
        spectra.count_above(ratios.values, edge),
        dims=("member", "network"),
        coords={"member": ratios["member"], "network": ratios["network"]},
    )
