"""What the variables of a result are, in words and units, by which xarray's plots and matplotlib label axes."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import xarray as xr


class Quantity(NamedTuple):
    """What a variable or a coordinate measures.

    Attributes:
        long_name: the quantity in a few words.
        units: the unit as the CF conventions write units, "1" for pure numbers; or a function that returns the unit
            from the fields of a configuration. A sweep's configuration lacks the fields in which its points differ.
    """

    long_name: str
    units: str | Callable[[Mapping[str, Any]], str] = "1"


def words(name: str) -> str:
    """Return a variable's or a field's name in words."""
    counted = name.removeprefix("n_")
    return ("number of " if counted != name else "") + counted.replace("_", " ")


def labelled(dataset: "xr.Dataset", quantities: Mapping[str, Quantity]) -> "xr.Dataset":
    """Return a result whose variables and coordinates have the attributes `long_name` and `units`.

    Attributes that a variable has already, because `simulate` set them, stay as they are. A name that is not declared
    has its own words as `long_name`, and no `units`. Text has no units either.

    Args:
        dataset: the result of a run or of a sweep, with its configuration as attribute; it is not changed.
        quantities: what the experiment declares, by name of the variable or coordinate.
    """
    config, described = json.loads(dataset.attrs["config"]), dataset.copy()
    for name, variable in described.variables.items():
        quantity = quantities.get(str(name))
        attributes = {"long_name": quantity.long_name if quantity else words(str(name))}
        # Text has no unit, and is a coordinate where a field of words or tuples is swept.
        if quantity and variable.dtype.kind not in "UST":
            attributes["units"] = quantity.units if isinstance(quantity.units, str) else quantity.units(config)
        variable.attrs = attributes | variable.attrs
    return described
