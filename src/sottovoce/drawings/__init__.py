"""The sections of the report, one module each: `TITLE`, `INTRO`, and `draw(results)`, its figures in order."""

from types import MappingProxyType

from sottovoce.drawings import (
    alignment,
    calibration,
    decoding,
    inputs,
    prediction,
    sharing,
    spectrum,
    sweep,
    theorem,
    toy,
    transfer,
)

SECTIONS = MappingProxyType(
    {
        "toy": toy,
        "transfer": transfer,
        "inputs": inputs,
        "sweep": sweep,
        "spectrum": spectrum,
        "calibration": calibration,
        "decoding": decoding,
        "sharing": sharing,
        "theorem": theorem,
        "prediction": prediction,
        "alignment": alignment,
    }
)
"""In the order of the page; the results of a section are those named for it (`spectrum_described`)."""
