"""Claims on which blocks of the initialization a student must share with its teacher."""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis.claims import NOTHING, Claim, Mean, of_members
from sottovoce.analysis.estimates import converged
from sottovoce.analysis.sharing import factors

BLOCKS = {"trunk_0": "first hidden layer", "class_head": "class head", "aux_head": "auxiliary head"}


def _without(block: str) -> Callable[[xr.Dataset], Mean]:
    """Return the statistic of a claim on one block; it decides nothing where the block is no factor."""

    def measure(result: xr.Dataset) -> Mean:
        names = factors(result)
        if block not in names:
            return NOTHING
        kept = converged(result)
        state = {name: "replaced" if name == block else "shared" for name in names}
        return of_members(kept["accuracy"].sel(state) - kept["reference_accuracy"])

    return measure


CLAIMS = tuple(
    Claim(
        key=f"sharing-{block}",
        text=f"A student whose {name} alone is drawn independently of its teacher's stays at chance.",
        place="post, Why This Works and last section",
        result="sharing",
        statistic=f"accuracy of the student with its {name} alone drawn afresh minus that of the reference; mean over "
        "members",
        low=-0.05,
        high=0.05,
        measure=_without(block),
        published="implied",
        figure="sharing",
    )
    for block, name in BLOCKS.items()
)
