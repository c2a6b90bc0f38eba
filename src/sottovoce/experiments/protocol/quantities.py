"""Quantities that several experiments on trained networks measure or sweep, and the units of their losses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sottovoce.lab.quantities import Quantity

NAT, SQUARED_LOGIT = "nat", "logit^2"
# A divergence and a cross-entropy are in nats; the others are mean squared differences of logits.
_UNITS = {"kl": NAT, "hard": NAT, "mse": SQUARED_LOGIT, "centered_mse": SQUARED_LOGIT}
EITHER = f"{NAT} or {SQUARED_LOGIT}"
"""The unit of losses of which some are in nats and some in squared logits."""

INPUT_LENGTH = Quantity("standard deviation of the blur", "pixel")
SHARED: Mapping[str, Quantity] = MappingProxyType(
    {
        "n_aux": Quantity("number of auxiliary logits"),
        "n_aux_built": Quantity("number of auxiliary logits built"),
        "inputs_length_scale": INPUT_LENGTH,
        "diverged": Quantity("whether a loss is not finite"),
    }
)
"""Of every experiment on the protocol: fields that a sweep makes coordinates, and the mark of members that diverged."""


def distillation_units(config: Mapping[str, Any]) -> str:
    """Return the unit of the students' loss; that of either where a sweep has several objectives."""
    if "objective" not in config:
        return EITHER
    # What a user's own objective is measured in is not known.
    return _UNITS.get(config["objective"], "1")


def training_units(config: Mapping[str, Any]) -> str:
    """Return the unit of a variable that holds the students' losses beside the teachers', which are in nats."""
    return NAT if distillation_units(config) == NAT else EITHER
