"""Counts of directions in the spectrum experiment, and whether their number follows the auxiliary logits.

The comparison is preregistered. A student's directions are counted by one rule, `PRIMARY`: the analytic edge of noise
(Marchenko-Pastur with Tracy-Widom) at a scale estimated from the bulk, because that scale absorbs any change that
training spreads evenly over the entries. The number
of directions follows k if the mean over the students of |count - k| is at most `WITHIN`, and its 95 % interval over
members as well; likewise for k - 1. The two distances sum to 1 or more, so both hypotheses can hold only at exactly one
half each, which decides nothing. A student classifies if its accuracy is at least `GAIN` above its reference's, and it
shows directions if one or more are counted in its weight.

The post counts by eye how many components of a spectrum stand above an initialization's. That can be measured in
several reasonable ways, `SPECIFICATIONS`, which are all computed; a verdict stands only where they agree.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from sottovoce.experiments.protocol.published import SPECTRUM, SPECTRUM_SETTINGS, comparable
from sottovoce.lab.claims import decide
from sottovoce.lab.estimates import band, converged, flat, over_members
from sottovoce.lab.evidence import of_members
from sottovoce.measure import counting, spectra
from sottovoce.measure.directions import RULES
from sottovoce.measure.null_curves import NullCurve, leading_run, null_curve
from sottovoce.measure.nulls import noise_shape, scheme_scale
from sottovoce.measure.spectra import participation_ratio
from sottovoce.theory.random_matrix import detectability_threshold

PRIMARY: Mapping[str, str] = {"rule": "marchenko_pastur", "scale": "bulk"}

SPECIFICATIONS: Mapping[str, str] = {
    "band": "the first ranks, without a gap, at which the explained-variance ratio lies above the band that contains "
    "the whole curve of 95 % of fresh initializations",
    "line": "components whose explained-variance ratio exceeds the largest first component of the members' "
    "initializations",
    "edge": "singular values above the analytic edge of noise at the scale of their bulk",
}
"""Ways to count the components above initialization, the post's own comparison first."""

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


def above_initialization(dataset: xr.Dataset) -> xr.DataArray:
    """Count by member, network and specification the components that stand above initialization."""
    members = converged(dataset).transpose("member", "network", ...)
    counted = direction_counts(dataset)
    upper = _null_curve(dataset).upper
    ratios = members["weight_explained_variance_ratio"]
    run = leading_run(ratios.values[..., : upper.size] > upper)
    ways = {
        "band": ratios.isel(component=0, drop=True).copy(data=run.astype(float)),
        "line": components_above_edge(members),
        "edge": counted["weight_count"].sel(PRIMARY, drop=True),
    }
    names = xr.DataArray(list(ways), dims="specification", name="specification")
    return xr.concat([way.astype(float) for way in ways.values()], names, coords="minimal", compat="override")


def relative_to_initialization(dataset: xr.Dataset) -> xr.DataArray:
    """Return every network's explained-variance ratio over the mean ratio of fresh initializations at the same rank."""
    mean = _null_curve(dataset).mean
    ratios = converged(dataset)["weight_explained_variance_ratio"].isel(component=slice(mean.size))
    return ratios / xr.DataArray(mean, dims="component")


def _null_curve(dataset: xr.Dataset) -> NullCurve:
    config = json.loads(dataset.attrs["config"])
    n_in, n_out = layer_shape(config)
    if config["initialization"] == counting.ORTHOGONAL:
        # All singular values of orthogonal weights are equal, in every draw, but for what centering takes.
        flat_curve = np.full(rank := min(noise_shape(n_in, n_out)), 1 / rank)
        return NullCurve(flat_curve, flat_curve * (1 + counting.ORTHOGONAL_ROUNDING) ** 2)
    return null_curve(config["initialization"], n_in, n_out)


def slopes(counted: xr.DataArray, objective: str) -> xr.DataArray:
    """Return by member, and further dimensions, the least-squares slope of counts over k; NaN for fewer than two k."""
    students = counted.sel(network=(counted["objective"] == objective).values)
    k = students["n_aux"] - students["n_aux"].mean()
    spread = float((k**2).sum())
    # A single number of logits has no slope.
    return (students * k).sum("network") / (spread if spread > 0 else np.nan)


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


def specification_curve(dataset: xr.Dataset) -> xr.Dataset:
    """Return the students' and the teacher's components above initialization, by specification, flat with intervals.

    Returns:
        `count` by specification, objective and n_aux, and `teacher` by specification, with the ends of their 95 %
        intervals over members.
    """
    counted = above_initialization(dataset)
    students = counted.isel(network=np.flatnonzero(counted["n_aux"] > 0))
    by_k = students.to_dataset(name="count").set_index(network=("objective", "n_aux")).unstack("network")["count"]
    teacher = counted.sel(network="teacher", drop=True).drop_vars(("objective", "n_aux"), errors="ignore")
    return flat({"count": over_members(by_k), "teacher": over_members(teacher)})


def spectrum_curves(dataset: xr.Dataset, config: Mapping[str, Any]) -> xr.Dataset:
    """Return mean spectra over the members that converged.

    Returns:
        By network and component: the means of the dataset's variables; `ratio_low` and `ratio_high`, the smallest and
        largest member's explained-variance ratio; `published_ratio`, NaN where the configuration is not the published
        one or no point was read. By component: `null_upper`, the upper end of the band of fresh initializations. By
        network: `components_above_edge`, mean over members. Attributes: `members`, and
        `edge`, the largest first component of the members' own initializations, above which a component counts as
        learned.
    """
    members = converged(dataset)
    ratios = members["weight_explained_variance_ratio"]
    not_drawn = ("diverged", "update_null_largest", "objective", "n_aux")
    curves = members.drop_vars(not_drawn, errors="ignore").mean("member")
    curves["ratio_low"], curves["ratio_high"] = ratios.min("member"), ratios.max("member")
    # Points were read off the published figure for the first components only, and for some of the networks.
    published = np.full((curves.sizes["network"], curves.sizes["component"]), np.nan)
    if comparable(config, SPECTRUM_SETTINGS):
        for row, network in enumerate(curves["network"].values.tolist()):
            points = SPECTRUM.get(network, ())[: published.shape[1]]
            published[row, : len(points)] = points
    curves["published_ratio"] = (("network", "component"), published)
    curves["components_above_edge"] = components_above_edge(members).mean("member")
    null = _null_curve(dataset)
    missing = curves.sizes["component"] - null.upper.size
    # Centering leaves the last component of a matrix with as many inputs as outputs at zero.
    curves["null_upper"] = ("component", np.append(null.upper, np.zeros(missing)))
    return curves.assign_attrs(edge=_edge(ratios), members=members.sizes["member"])


def components_above_edge(dataset: xr.Dataset) -> xr.DataArray:
    """Return by member and network how many explained-variance ratios exceed the largest one of any initialization."""
    ratios = dataset["weight_explained_variance_ratio"].transpose("member", "network", "component")
    above = spectra.count_above(ratios.values, _edge(ratios))
    return xr.DataArray(above, dims=ratios.dims[:2], coords={dim: ratios[dim] for dim in ratios.dims[:2]})


def _edge(ratios: xr.DataArray) -> float:
    return float(ratios.sel(network="reference", component=1).max())
