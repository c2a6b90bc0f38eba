"""Whether the counts of directions keep their promises."""

from sottovoce import figures
from sottovoce.analysis import calibration
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting

TITLE = "Counting directions, calibrated"
INTRO = (
    "How often each count claims a direction in a fresh initialization, against the nominal 5 %, and how often it "
    "finds exactly the directions that were planted, from the detectability threshold on. Gavish-Donoho is a cut for "
    "denoising and promises no rate. Section 8 of docs/theory.md derives the rules."
)


def draw(results: Results) -> list[Drawing]:
    """Return the calibration figure, if the calibration has been run."""
    if "calibration" not in results:
        return []
    dataset = results["calibration"]
    rates, config = calibration.rates(dataset), config_of(dataset)
    planted = f"{config['planted_null']} weights {config['planted_width']} wide"
    return [
        Drawing(
            key="calibration",
            title="False alarms, and planted directions found",
            alt="Above, false-alarm rates of four rules on fresh weights against their width, with the nominal rate; "
            "below, the share of weights whose planted directions were counted exactly, against their strength.",
            caption="Whiskers and bands: exact 95 % intervals of a share. Dotted: 5 % above, the detectability "
            f"threshold below. Planted directions stand in {planted}. {rates.attrs['trials']} weights for each rate. "
            f"Setting: {setting(dataset)}.",
            figure=figures.calibration.draw(rates, f"Counts of directions, {rates.attrs['trials']} weights per rate"),
            data=rates[["false_alarm", "false_alarm_low", "false_alarm_high"]],
        )
    ]
