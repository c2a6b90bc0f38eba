"""Which block of the initialization carries transfer."""

from sottovoce import figures
from sottovoce.analysis import sharing
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting

TITLE = "Which block carries transfer"
INTRO = (
    "One student for every combination of blocks that start as the teacher's did or otherwise. The effect of a block "
    "is the change of accuracy by replacing it: alone, or in the mean over all states of the others; an interaction is "
    "how much that effect depends on another block."
)
REPLACED = {
    "independent": "independent draws",
    "perturbed": "the reference perturbed",
    "teacher": "the trained teacher's block",
}


def draw(results: Results) -> list[Drawing]:
    """Return the factorial, if it has been run."""
    if "sharing" not in results:
        return []
    dataset = results["sharing"]
    config = config_of(dataset)
    cells, effects = sharing.cells(dataset), sharing.effects(dataset)
    replaced = REPLACED[config["replacement"]]
    size = f", sigma = {config['sigma']:g}" if config["replacement"] == "perturbed" else ""
    frozen = f" Frozen: {', '.join(config['frozen'])}." if config["frozen"] else ""
    title = f"Blocks replaced by {replaced}{size}: {config['dataset']}, n = {cells.attrs['members']} members"
    return [
        Drawing(
            key="sharing",
            title="Every combination of shared and replaced blocks",
            alt="Left, bars of the student's accuracy for every combination of blocks, sorted; right, effects of "
            "replacing each block and their interactions.",
            caption=f"Replaced blocks start from {replaced}{size}.{frozen} n_aux = {config['n_aux']}, "
            f"{config['objective']}. Whiskers: 95 % interval, paired over members. Setting: "
            f"{setting(dataset)}.",
            figure=figures.sharing.draw(cells, effects, sharing.factors(dataset), title),
            data=effects,
        )
    ]
