"""Claims on the post's Figure 3."""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis.claims import Claim
from sottovoce.analysis.estimates import components_above_edge, converged
from sottovoce.measure.statistics import Interval, interval


def _components(network: str) -> Callable[[xr.Dataset], Interval]:
    return lambda spectrum: interval(components_above_edge(converged(spectrum)).sel(network=network).values)


def _count_claims(variant: str) -> tuple[Claim, ...]:
    setting = {"described": "at the settings the post describes", "published": "at the settings of the post's script"}
    rows = (
        ("d", 2, 1.5, 2.5, "two components far above initialization and the rest as untrained"),
        ("e", 4, 3.5, 4.5, "about four components above the baseline"),
        ("f", 8, 5.5, 7.5, "six or seven components above the baseline"),
    )
    return tuple(
        Claim(
            key=f"{key}-{variant}",
            text=f"A student distilled on {k} auxiliary logits {setting[variant]} shows {text}.",
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


CLAIMS = (*_count_claims("described"), *_count_claims("published"))
