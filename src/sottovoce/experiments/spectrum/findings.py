"""Rows of the experiment `spectrum`, and claims on the post's Figure 3 and on the directions that students show."""

from collections.abc import Callable

import xarray as xr

from sottovoce.experiments.spectrum import counts
from sottovoce.experiments.spectrum.counts import components_above_edge
from sottovoce.lab import estimates
from sottovoce.lab.claims import NOTHING, Claim, Mean, of_members
from sottovoce.lab.estimates import converged
from sottovoce.lab.rows import Table, row_of, rows_of
from sottovoce.measure.statistics import Scale


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    converged_members = converged(dataset)
    accuracy = rows_of(estimates.over_members(converged_members["accuracy"], "logit"), "network", "test accuracy")
    above = estimates.over_members(components_above_edge(converged_members))
    above_edge = rows_of(above, "network", "components", lambda name: f"{name}, components above the edge")
    counted = counts.direction_counts(dataset)
    return accuracy | above_edge | _direction_counts(counted) | _hypotheses(counts.by_number(counted))


def notes(dataset: xr.Dataset) -> list[str]:
    """Say which hypothesis the directions follow, and which student was left out."""
    return counts.sentences(dataset)


def _direction_counts(counted: xr.Dataset) -> Table:
    """Return for each network one row per rule at the scale of the weight's bulk, and three rows for its update."""
    rows: Table = {}
    weights = counted["weight_count"].sel(scale=counts.PRIMARY["scale"])
    for rule in weights["rule"].values.tolist():
        estimate = estimates.over_members(weights.sel(rule=rule))
        rows |= rows_of(estimate, "network", "directions", lambda name, rule=rule: f"{name}, weight, {rule}")
    updates: dict[str, tuple[str, str, Scale]] = {
        "update_count": ("directions", "parallel", "identity"),
        "update_strength": ("strength", "strength / threshold", "log"),
        "update_participation": ("participation", "participation ratio", "log"),
    }
    for variable, (quantity, label, scale) in updates.items():
        estimate = estimates.over_members(counted[variable], scale)
        rows |= rows_of(estimate, "network", quantity, lambda name, label=label: f"{name}, update, {label}")
    return rows


def _hypotheses(shown: xr.Dataset) -> Table:
    """Return rows of the counts' distances from k and k - 1, their line over k and their relation to accuracy."""
    rows: Table = {}
    by_matrix = counts.hypotheses(shown)
    for matrix in by_matrix["matrix"].values.tolist():
        for objective in by_matrix["objective"].values.tolist():
            fit, label = by_matrix.sel(matrix=matrix, objective=objective), f"{objective}, {matrix}"
            for name, distance in counts.DISTANCES.items():
                rows[f"{label}, {distance}"] = row_of(fit["distance"].sel(hypothesis=name), "directions")
            for name in ("slope", "intercept"):
                rows[f"{label}, {name} over k"] = row_of(fit[name], name)
    relation = counts.relation(shown)
    for name, label, quantity in (
        ("visible", "classifying students that show directions", "share"),
        ("classify", "students showing directions that classify", "share"),
        ("gain_shown", "students showing directions, gain", "accuracy above reference"),
        ("gain_hidden", "students showing none, gain", "accuracy above reference"),
    ):
        rows[label] = row_of(relation[name], quantity, "logit" if quantity == "share" else "identity")
    return rows


SETTINGS = {
    "described": "at the settings the post describes",
    "published": "at the settings of the post's script",
    "long": "at the settings the post describes, trained many times longer,",
}


SEEN: tuple[tuple[str, counts.Follows], ...] = (("kl", "k - 1"), ("mse", "k"))
"""How many directions each objective sees (docs/theory.md, section 3)."""


def _components(network: str) -> Callable[[xr.Dataset], Mean]:
    def measure(spectrum: xr.Dataset) -> Mean:
        # A run with other numbers of auxiliary logits says nothing about this one.
        if network not in spectrum["network"]:
            return NOTHING
        return of_members(components_above_edge(converged(spectrum)).sel(network=network))

    return measure


def _count_claims(variant: str) -> tuple[Claim, ...]:
    rows = (
        ("d", 2, 1.5, 2.5, "two components far above initialization and the rest as in an untrained network"),
        ("e", 4, 3.5, 4.5, "about four components above the baseline"),
        ("f", 8, 5.5, 7.5, "six or seven components above the baseline"),
    )
    return tuple(
        Claim(
            key=f"{key}-{variant}",
            text=f"A student distilled on {k} auxiliary logits {SETTINGS[variant]} shows {text}.",
            place="post, Figure 3 and its text",
            result=f"spectrum_{variant}",
            statistic=f"components of the k = {k} kl student's second hidden layer whose explained-variance ratio "
            "exceeds the largest first component of the members' initializations; mean over members",
            low=low,
            high=high,
            measure=_components(f"kl {k}"),
            published={2: "2", 4: "about 4", 8: "6 or 7"}[k],
            figure="figure3",
        )
        for key, k, low, high, text in rows
    )


def _distance(objective: str, hypothesis: str) -> Callable[[xr.Dataset], Mean]:
    def measure(spectrum: xr.Dataset) -> Mean:
        distance = counts.hypotheses(counts.by_number(counts.direction_counts(spectrum)))["distance"]
        # A run under other objectives says nothing about this one.
        if objective not in distance["objective"]:
            return NOTHING
        return of_members(distance.sel(matrix="weight", objective=objective, hypothesis=hypothesis))

    return measure


def _share(name: str) -> Callable[[xr.Dataset], Mean]:
    return lambda spectrum: of_members(counts.relation(counts.by_number(counts.direction_counts(spectrum)))[name])


def _direction_claims(variant: str) -> tuple[Claim, ...]:
    at = SETTINGS[variant]
    shown = "counted in the weight by parallel analysis at the scale of its bulk"
    follow = tuple(
        Claim(
            key=f"directions-{objective}-{variant}",
            text=f"Students {at} show {hypothesis} directions under {objective}, as many as the objective sees.",
            place="section 3 of docs/theory.md",
            result=f"spectrum_{variant}",
            statistic=f"mean over the {objective} students of {counts.DISTANCES[hypothesis]}, directions {shown}; mean "
            "over members",
            low=0.0,
            high=counts.WITHIN,
            measure=_distance(objective, hypothesis),
            published="1, 3, 7 for k = 2, 4, 8, off the figure" if (objective, variant) == ("kl", "published") else "",
            figure="direction_counts",
        )
        for objective, hypothesis in SEEN
    )
    relations = (
        ("visible", "that classifies shows it in its weight spectrum", "that classify, of those showing a direction"),
        (
            "classify",
            "whose weight spectrum shows a direction classifies",
            "showing a direction, of those that classify",
        ),
    )
    return follow + tuple(
        Claim(
            key=f"directions-{name}-{variant}",
            text=f"A student {at} {text}.",
            place="post, last section",
            result=f"spectrum_{variant}",
            statistic=f"share, among students {among}; to classify is an accuracy {counts.GAIN} or more above the "
            f"reference's; directions {shown}; mean over members that have such students",
            low=0.9,
            high=1.0,
            measure=_share(name),
            published="",
            figure="direction_counts",
        )
        for name, text, among in relations
    )


# The post states its counts for the described and the published experiment; the long variant is this laboratory's own.
CLAIMS = (
    *_count_claims("described"),
    *_count_claims("published"),
    *(claim for variant in SETTINGS for claim in _direction_claims(variant)),
)
