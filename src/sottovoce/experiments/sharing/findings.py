"""Effects and interactions of the blocks in the experiment `sharing`, its table rows and its claims."""

from functools import partial
from itertools import combinations

import xarray as xr

from sottovoce.experiments.sharing.config import STATES
from sottovoce.lab.claims import Claim, Measure
from sottovoce.lab.estimates import converged, over_members
from sottovoce.lab.evidence import NOTHING, Evidence, of_members
from sottovoce.lab.rows import Rows, Table, rows_of, table_of


def factors(dataset: xr.Dataset) -> list[str]:
    """Return the names of the blocks that are factors, in the order of the dataset's dimensions."""
    return [str(dim) for dim in dataset["accuracy"].dims if dim != "member"]


def cells(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate the student's accuracy for every combination of shared and replaced blocks."""
    return over_members(converged(dataset)["accuracy"], "logit")


def effects(dataset: xr.Dataset) -> xr.Dataset:
    """Estimate how replacing blocks changes the student's accuracy.

    The main effect of a block is the mean accuracy with this block replaced minus the mean with it shared, both over
    all states of the other blocks. The interaction of two blocks is half the difference between the effect of one where
    the other is replaced and where the other is shared: 0 if losses add up, positive if one replacement already
    destroys what the other would. The effect `alone` is that of replacing one block and no other.

    Returns:
        `mean`, `low`, `high` by `effect`, paired over members; attribute `members`.
    """
    accuracy = converged(dataset)["accuracy"]
    names = factors(dataset)
    all_shared = dict.fromkeys(names, "shared")
    by_name = {
        f"{block}, alone": accuracy.sel({**all_shared, block: "replaced"}) - accuracy.sel(all_shared) for block in names
    }
    by_name |= {f"{block}, main": _contrast(accuracy, (block,), names) for block in names}
    by_name |= {f"{one} x {two}": _contrast(accuracy, (one, two), names) for one, two in combinations(names, 2)}
    # Contrasts are taken within each member, so that differences between members do not widen the intervals.
    together = xr.concat([effect.drop_vars(names, errors="ignore") for effect in by_name.values()], dim="effect")
    return over_members(together.assign_coords(effect=list(by_name)).transpose("member", "effect"))


def _contrast(accuracy: xr.DataArray, chosen: tuple[str, ...], names: list[str]) -> xr.DataArray:
    """Return for each member the contrast of the chosen factors, averaged over the states of all others.

    A contrast weighs each accuracy by the product of the chosen factors' signs: -1 for shared and 1 for replaced.
    """
    signed = accuracy
    for block in chosen:
        # Multiplied by name of the dimension and its states, so that the order of the dataset's axes does not matter.
        signed = signed * xr.DataArray([-1.0, 1.0], dims=block, coords={block: list(STATES)})
    # A main effect is a difference of two means, each over half of the cells.
    return signed.sum(names) / 2.0 ** (len(names) - 1)


def table(dataset: xr.Dataset) -> Table:
    """Return the rows that `sottovoce run` prints."""
    names = factors(dataset)
    stacked = converged(dataset)["accuracy"].stack(cell=names)
    replaced = [
        ", ".join(block for block, state in zip(names, states, strict=True) if state == "replaced") or "nothing"
        for states in stacked["cell"].values.tolist()
    ]
    by_cell = stacked.drop_vars(["cell", *names]).assign_coords(cell=replaced).to_dataset()
    return table_of(by_cell, Rows("accuracy", "test accuracy", "replaced: {cell}", "logit")) | rows_of(
        effects(dataset), "change of accuracy", "{effect}"
    )


# Blocks on which claims are made, as their texts name them.
BLOCKS = {"trunk_0": "first hidden layer", "class_head": "class head", "aux_head": "auxiliary head"}


def _without(block: str) -> Measure:
    """Return the statistic of a claim on one block: `NOTHING`, which decides no claim, where the block is no factor."""

    def measure(result: xr.Dataset) -> Evidence:
        members, names = converged(result), factors(result)
        if block not in names:
            return NOTHING
        accuracy = members["accuracy"].sel({name: "replaced" if name == block else "shared" for name in names})
        return of_members(accuracy - members["reference_accuracy"])

    return measure


_claim = partial(Claim, place="post, Why This Works and last section", result="sharing", figure="sharing")

CLAIMS = tuple(
    _claim(
        f"sharing-{block}",
        f"A student stays at chance if its {name} alone is drawn independently of its teacher's.",
        f"accuracy of the student with its {name} alone drawn afresh minus the reference's; mean over members",
        (-0.05, 0.05),
        _without(block),
        published="implied",
    )
    for block, name in BLOCKS.items()
)
