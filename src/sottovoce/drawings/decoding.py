"""How the directions get used."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import estimates
from sottovoce.analysis.tables.decoding import scale_of
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting

TITLE = "How the directions get used"
INTRO = (
    "Bodies and class heads of reference, teacher and student exchanged; the directions of hidden space that updates "
    "write to, against chance; the accuracy that parts of them carry; similarity, accuracy by digit, and the affine "
    "map from auxiliary to class logits."
)


def draw(results: Results) -> list[Drawing]:
    """Return the graft matrix, subspaces, parts and similarity."""
    if "decoding" not in results:
        return []
    dataset = results["decoding"]
    kept = estimates.converged(dataset)
    estimated = {
        str(name): estimates.over_members(kept[name], scale_of(str(name)))
        for name in kept.data_vars
        if name != "diverged"
    }
    config = config_of(dataset)
    of = f"{config['dataset']}, n = {kept.sizes['member']} members"
    where = f"Whiskers: 95 % interval over members. Setting: {setting(dataset)}, n_aux = {config['n_aux']}, "
    where += f"{config['objective']}."
    return [drawing(estimated, of, where) for drawing in (_grafts, _subspaces, _parts, _similarity)]


def _grafts(estimated: dict[str, xr.Dataset], of: str, where: str) -> Drawing:
    graft, probe, drift = (estimated[name] for name in ("graft_accuracy", "probe_accuracy", "relative_drift"))
    return Drawing(
        key="decoding",
        title="Bodies and heads exchanged",
        alt="A matrix of test accuracies of every body with every class head and with a linear probe, and bars of the "
        "drift of every block of teacher and student.",
        caption="Rows: whose hidden features. Columns: whose class head reads them. Right: how far each block moved. "
        + where,
        figure=figures.decoding.draw(graft, probe, drift, f"How the directions get used: {of}"),
        data=graft.rename({name: f"graft_{name}" for name in graft.data_vars}),
    )


def _subspaces(estimated: dict[str, xr.Dataset], of: str, where: str) -> Drawing:
    return Drawing(
        key="subspaces",
        title="Where updates write, and what teacher and student share",
        alt="Bars of the energy of both updates on four subspaces and of the overlap of their strongest directions on "
        "both sides of the layer, each with the level of random subspaces.",
        caption="The update W - W0 of the last hidden layer. Left: the span of the distilled columns of the auxiliary "
        "head (centered under kl), that of the centered class columns, and the strongest directions of teacher and of "
        "the network itself, as many as the student was taught. Right: overlap of that many directions of the student "
        f"with the teacher's. {where}",
        figure=figures.subspaces.draw(estimated, f"Subspaces of updates: {of}"),
        data=_columns(estimated, ("energy", "energy_random", "energy_random_high", "energy_shuffled")),
    )


def _parts(estimated: dict[str, xr.Dataset], of: str, where: str) -> Drawing:
    return Drawing(
        key="parts",
        title="What each part of a change carries",
        alt="Bars of test accuracy with only the part of a network's change on a subspace, and with all but that part, "
        "between the accuracies of none and all of it.",
        caption="The change of the last hidden layer's pre-activation is projected on or off a subspace before the "
        "activation; the reference's class head reads. Above: the whole change from the reference. Below: the last "
        f"layer's own, on the network's own lower layers. {where}",
        figure=figures.subspaces.draw_parts(estimated, f"What parts of the change carry: {of}"),
        data=_columns(estimated, ("part_accuracy", "part_accuracy_random")),
    )


def _similarity(estimated: dict[str, xr.Dataset], of: str, where: str) -> Drawing:
    return Drawing(
        key="similarity",
        title="Digits, hidden features and logits compared",
        alt="Test accuracy by digit of reference, teacher and student; debiased CKA of each pair; accuracy of class "
        "logits and of auxiliary logits read through an affine map.",
        caption="The affine map is fitted by least squares from the teacher's auxiliary logits to its class logits on "
        f"training images. {where}",
        figure=figures.similarity.draw(estimated, f"Reference, teacher and student: {of}"),
        data=_columns(estimated, ("label_accuracy",)),
    )


def _columns(estimated: dict[str, xr.Dataset], names: tuple[str, ...]) -> xr.Dataset:
    """Return estimates side by side, named by their variable."""
    renamed = [estimated[name].rename({end: f"{name}_{end}" for end in estimated[name].data_vars}) for name in names]
    return xr.merge(renamed, combine_attrs="drop")
