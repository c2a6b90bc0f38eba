"""Rows of the experiment `spectrum`, and claims on the post's Figure 3 and on the directions that students show."""

from collections.abc import Callable
from functools import partial

import xarray as xr

from sottovoce.experiments.spectrum import counts, initialization
from sottovoce.lab.claims import BEFORE_DEFAULT, INFINITY, Claim, Measure, mean_of
from sottovoce.lab.estimates import converged
from sottovoce.lab.evidence import NOTHING, Agreement, Evidence, of_members
from sottovoce.lab.rows import Rows, Table, table_of


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    members, counted = converged(dataset), counts.direction_counts(dataset)
    weights = counted["weight_count"].sel(scale=counts.PRIMARY["scale"])
    return table_of(
        counted.assign(
            accuracy=members["accuracy"],
            above=initialization.above_initialization(dataset).transpose("member", "specification", "network"),
            weight=weights.transpose("member", "rule", "network"),
        ),
        Rows("accuracy", "test accuracy", "{network}", "logit"),
        Rows("above", "components", "{network}, components above initialization ({specification})"),
        Rows("weight", "directions", "{network}, weight, {rule}"),
        Rows("update_count", "directions", "{network}, update, parallel"),
        Rows("update_strength", "strength", "{network}, update, strength / threshold", "log"),
        Rows("update_participation", "participation", "{network}, update, participation ratio", "log"),
    ) | _hypotheses(counts.by_number(counted))


def notes(dataset: xr.Dataset) -> list[str]:
    """Say which hypothesis the directions follow, and which student was left out."""
    return counts.sentences(dataset)


def _hypotheses(shown: xr.Dataset) -> Table:
    """Return rows of the counts' distances from k and k - 1, their line over k and their relation to accuracy."""
    fits = counts.hypotheses(shown)
    for name in counts.DISTANCES:
        fits[f"from {name}"] = fits["distance"].sel(hypothesis=name, drop=True)
    rows: Table = {}
    for matrix in fits["matrix"].values.tolist():
        for objective in fits["objective"].values.tolist():
            rows |= _over_defined(
                fits.sel(matrix=matrix, objective=objective),
                *(
                    Rows(f"from {name}", "directions", f"{{objective}}, {{matrix}}, {formula}")
                    for name, formula in counts.DISTANCES.items()
                ),
                Rows("slope", "slope", "{objective}, {matrix}, slope over k"),
                Rows("intercept", "intercept", "{objective}, {matrix}, intercept over k"),
            )
    return rows | _over_defined(
        counts.relation(shown),
        Rows("visible", "share", "classifying students that show directions", "logit"),
        Rows("classify", "share", "students showing directions that classify", "logit"),
        Rows("gain_shown", "accuracy above reference", "students showing directions, gain"),
        Rows("gain_hidden", "accuracy above reference", "students showing none, gain"),
    )


def _over_defined(result: xr.Dataset, *kinds: Rows) -> Table:
    """Return the rows of variables by member alone, each over the members for which it is defined."""
    rows: Table = {}
    for kind in kinds:
        rows |= table_of(result[[kind.variable]].dropna("member"), kind)
    return rows


SETTINGS = {
    "described": "at the settings the post describes",
    "published": "at the settings of the post's script",
    "long": "at the settings the post describes, trained many times longer,",
}

SEEN: tuple[tuple[str, counts.Follows], ...] = (("kl", "k - 1"), ("mse", "k"))
"""How many directions each objective sees (docs/theory.md, section 3)."""

COMPONENTS = (
    ("d", 2, (1.5, 2.5), "2", "two components far above initialization and the rest as in an untrained network"),
    ("e", 4, (3.5, 4.5), "about 4", "about four components above the baseline"),
    ("f", 8, (5.5, 7.5), "6 or 7", "six or seven components above the baseline"),
)
"""What the post reads off its Figure 3: a claim's key, k, its range, the published count, and the post in our words."""

MORE = 0.05
"""The smallest difference in accuracy between students that show directions and students that show none."""

FAR = 1.5
"""A component stands far above initialization where its explained-variance ratio is as many times as large."""
REST = 0.1
"""The rest is as in an untrained network where its ratios differ from an initialization's by no larger share."""

_SHOWN = "counted in the weight by the analytic edge of noise at the scale of its bulk"
_RELATIVE = "explained-variance ratio over the mean ratio of fresh initializations at the same rank"
_WAYS = "; ".join(initialization.SPECIFICATIONS.values())
_claim = partial(Claim, figure="direction_counts", published="")


def _distances(spectrum: xr.Dataset) -> xr.DataArray:
    return counts.hypotheses(counts.by_number(counts.direction_counts(spectrum)))["distance"]


def _agreed(of_specification: Callable[[xr.Dataset], xr.DataArray], network: str) -> Measure:
    """Return the statistic: one number per member for each of `initialization.SPECIFICATIONS`, which have to agree."""

    def measure(spectrum: xr.Dataset) -> Evidence:
        if network not in spectrum["network"]:
            return NOTHING
        values = of_specification(spectrum)
        return Agreement(tuple(of_members(values.sel(specification=way)) for way in initialization.SPECIFICATIONS))

    return measure


def _components(network: str) -> Measure:
    return _agreed(lambda spectrum: initialization.above_initialization(spectrum).sel(network=network), network)


def _slope(objective: str) -> Measure:
    return _agreed(
        lambda spectrum: initialization.slopes(initialization.above_initialization(spectrum), objective),
        f"{objective} 2",
    )


def _over_ranks(network: str, first: int, last: int, statistic: Callable[[xr.DataArray], xr.DataArray]) -> Measure:
    """Return the statistic: of a network's ratios relative to initialization, over the ranks from first to last."""

    def measure(spectrum: xr.Dataset) -> Evidence:
        if network not in spectrum["network"]:
            return NOTHING
        relative = initialization.relative_to_initialization(spectrum).sel(network=network)
        return of_members(statistic(relative.isel(component=slice(first - 1, last))))

    return measure


def _gain(spectrum: xr.Dataset) -> xr.DataArray:
    relation = counts.relation(counts.by_number(counts.direction_counts(spectrum)))
    return relation["gain_shown"] - relation["gain_hidden"]


# The post states its counts for the described and the published experiment; the long variant is this laboratory's own.
_COUNTED = tuple(
    _claim(
        f"{key}-{variant}",
        f"A student distilled on {k} auxiliary logits {SETTINGS[variant]} shows {text}.",
        f"components of the k = {k} kl student's second hidden layer above initialization, counted in each of these "
        f"ways: {_WAYS}; mean over members, a verdict where the ways agree",
        holds,
        _components(f"kl {k}"),
        place="post, Figure 3 and its text",
        result=f"spectrum_{variant}",
        figure="figure3",
        published=published,
    )
    for variant in ("described", "published")
    for key, k, holds, published, text in COMPONENTS
)


def _directions(variant: str, at: str) -> tuple[Claim, ...]:
    follow = (
        _claim(
            f"directions-{objective}-{variant}",
            f"Students {at} show {hypothesis} directions under {objective}, as many as the objective sees.",
            f"mean over the {objective} students of {counts.DISTANCES[hypothesis]}, directions {_SHOWN}; mean over "
            "members",
            (0.0, counts.WITHIN),
            mean_of(_distances, matrix="weight", objective=objective, hypothesis=hypothesis),
            place="section 3 of docs/theory.md",
            result=f"spectrum_{variant}",
            # The post's figure shows students under kl alone.
            published="1, 3, 7 for k = 2, 4, 8, off the figure" if (objective, variant) == ("kl", "published") else "",
        )
        for objective, hypothesis in SEEN
    )
    related = _claim(
        f"directions-gain-{variant}",
        f"Students {at} whose weight spectrum shows directions classify better than those whose spectrum shows none.",
        "mean gain in accuracy over the reference of the students that show directions, minus that of the students "
        f"that show none; directions {_SHOWN}; mean over members that have students of both kinds",
        (MORE, INFINITY),
        mean_of(_gain),
        place="post, last section: the directions in the spectrum are what the student classifies by",
        result=f"spectrum_{variant}",
        seen=BEFORE_DEFAULT,
    )
    return (*follow, related)


_RANKS = tuple(
    claim
    for variant in ("described", "published")
    for claim in (
        _claim(
            f"d-far-{variant}",
            f"The two components of a student distilled on 2 auxiliary logits {SETTINGS[variant]} stand far above "
            "initialization.",
            f"{_RELATIVE}, the smaller of the first two ranks of the k = 2 kl student; mean over members",
            (FAR, INFINITY),
            _over_ranks("kl 2", 1, 2, lambda relative: relative.min("component")),
            alternative=2.0,
            place="post, Figure 3 and its text",
            result=f"spectrum_{variant}",
            figure="figure3",
            published="far above",
        ),
        _claim(
            f"d-rest-{variant}",
            f"The rest of the spectrum of a student distilled on 2 auxiliary logits {SETTINGS[variant]} is as in an "
            "untrained network.",
            f"{_RELATIVE}, minus 1, mean over the third to the sixteenth rank of the k = 2 kl student; mean over "
            "members",
            (-REST, REST),
            _over_ranks("kl 2", 3, 16, lambda relative: relative.mean("component") - 1),
            alternative=0.0,
            place="post, Figure 3 and its text",
            result=f"spectrum_{variant}",
            figure="figure3",
            published="as untrained",
        ),
    )
)

FOLLOWS_K = _claim(
    "k-slope",
    "The number of components above initialization follows the number of auxiliary logits.",
    "least-squares slope over k of the kl students' components above initialization, counted in each of these ways: "
    f"{_WAYS}; mean over members, a verdict where the ways agree",
    (0.8, 1.2),
    _slope("kl"),
    primary=True,
    alternative=1.0,
    place="post, Figure 3 and its text",
    result="spectrum_described",
    figure="figure3",
    published="about one for one",
)

CLAIMS = (
    FOLLOWS_K,
    *_COUNTED,
    *_RANKS,
    *(claim for variant, at in SETTINGS.items() for claim in _directions(variant, at)),
)
