"""Effects and interactions of the blocks in the experiment `sharing`."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import xarray as xr

from sottovoce.lab import estimates
from sottovoce.lab.claims import NOTHING, Claim, Mean, of_members
from sottovoce.lab.estimates import converged
from sottovoce.lab.rows import Table, rows_of

STATES = ("shared", "replaced")


def factors(dataset: xr.Dataset) -> list[str]:
    """Return the blocks that are factors."""
    return [str(dim) for dim in dataset["accuracy"].dims if dim != "member"]


def cells(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate the student's accuracy for every combination of shared and replaced blocks."""
    return estimates.over_members(estimates.converged(dataset)["accuracy"], "logit")


def effects(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate what replacing blocks does to the student's accuracy.

    The main effect of a block is the mean accuracy with it replaced minus that with it shared, over all states of the
    others. The interaction of two is half the difference between a block's effect where the other is replaced and where
    it is shared: 0 if losses add up, positive if one replacement already destroys what the other would. `alone` is the
    effect of replacing this block and no other.

    Args:
        dataset: result of the experiment `sharing`.

    Returns:
        `mean`, `low`, `high` by `effect`, paired over members; attribute `members`.
    """
    accuracy = estimates.converged(dataset)["accuracy"]
    names = factors(dataset)
    found = {}
    for block in names:
        others = dict.fromkeys((name for name in names if name != block), "shared")
        whole = accuracy.sel({name: "shared" for name in names})
        found[f"{block}, alone"] = accuracy.sel({block: "replaced", **others}) - whole
    for block in names:
        found[f"{block}, main"] = _contrast(accuracy, (block,), names)
    for pair in combinations(names, 2):
        found[f"{pair[0]} x {pair[1]}"] = _contrast(accuracy, pair, names)
    together = xr.concat([effect.drop_vars(names, errors="ignore") for effect in found.values()], dim="effect")
    return estimates.over_members(together.assign_coords(effect=list(found)).transpose("member", "effect"))


def _contrast(accuracy: xr.DataArray, chosen: tuple[str, ...], names: list[str]) -> xr.DataArray:
    """Return per member the contrast of the chosen factors: signs multiplied, the others averaged."""
    signed = accuracy
    for block in chosen:
        signed = signed * xr.DataArray([-1.0, 1.0], dims=block, coords={block: list(STATES)})
    scale = 2 ** (len(names) - 1)
    return signed.sum(names) / np.float64(scale)


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    kept = estimates.converged(dataset)
    names = factors(dataset)
    stacked = kept["accuracy"].stack(cell=names).transpose("member", "cell")
    labels = ["replaced: " + (", ".join(b for b, s in zip(names, state, strict=True) if s == "replaced") or "nothing")
              for state in stacked["cell"].values.tolist()]  # fmt: skip
    accuracies = stacked.drop_vars(["cell", *names]).assign_coords(cell=labels)
    rows = rows_of(estimates.over_members(accuracies, "logit"), "cell", "test accuracy")
    return rows | rows_of(effects(dataset), "effect", "change of accuracy")


# Claims on which blocks of the initialization a student must share with its teacher.

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
