"""Results made by hand, whose estimates and verdicts are known: see tests/constructed.py."""

from constructed import (  # noqa: F401 - fixtures
    alignment,
    decoding,
    prediction,
    sharing,
    spectrum,
    theorem,
    toy,
    toy_training,
    transfer,
)
