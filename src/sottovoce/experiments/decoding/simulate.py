"""Measures of `decoding` on a member's three networks: exchanged heads, affine maps, similarity, subspaces of updates.

An update is W - W0 of the last hidden layer; its output side is the hidden space that the heads read. Every overlap
and every energy stands beside its nulls (docs/theory.md, section 11).
"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import jax
import numpy as np
import xarray as xr
from jaxtyping import Int

from sottovoce.data import LabeledImages
from sottovoce.experiments.decoding.bodies import (
    NETWORKS,
    SUBSPACES,
    UPDATED,
    Body,
    Measured,
    body,
    hidden_subspaces,
    last_updates,
    read,
)
from sottovoce.experiments.decoding.config import DIMS, PROBE_IMAGES, Resolved
from sottovoce.experiments.decoding.overlaps import (
    NULL_DRAWS,
    TEACHER_SUBSPACES,
    measure_overlaps,
    measure_unrelated,
)
from sottovoce.experiments.decoding.parts import PARTS, SCOPES, measure_parts
from sottovoce.experiments.protocol.distillation import DistillationConfig
from sottovoce.experiments.protocol.objectives import blind_to_shift
from sottovoce.experiments.protocol.program import images_of, train_members
from sottovoce.measure import heads, similarity, subspaces
from sottovoce.measure.spectra import centered
from sottovoce.networks.mlp import MLP
from sottovoce.streams import Stream
from sottovoce.training.program import Member
from sottovoce.training.students import Student

PAIRS = tuple(combinations(NETWORKS, 2))


def measure_members(
    config: DistillationConfig, members: Sequence[int], trained: Member, images: LabeledImages, n_probe: int
) -> Measured:
    """Measure trained members one after another.

    Args:
        config: a resolved configuration.
        members: the members' indices.
        trained: the members' networks and losses, with a leading member axis.
        images: the dataset.
        n_probe: as for `measure`.

    Returns:
        The variables of `decoding.config.DIMS` with a leading member axis, NaN for members that diverged; `diverged`.
    """
    diverged = [not np.isfinite(losses).all() for losses in trained.student_loss[:, -1]]
    rows = []
    for i, member in enumerate(members):
        networks = jax.tree.map(lambda leaf, i=i: leaf[i], [trained.reference, trained.teacher, *trained.students])
        if diverged[i]:
            # Singular values of NaN raise errors, so the reference stands in for all four to give the shapes.
            shapes = measure(config, member, networks[:1] * 4, images, n_probe)
            rows.append({name: np.full_like(values, np.nan, dtype=np.float64) for name, values in shapes.items()})
        else:
            rows.append(measure(config, member, networks, images, n_probe))
    stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return {**stacked, "diverged": np.array(diverged)}


def measure(
    config: DistillationConfig, member: int, networks: Sequence[MLP], images: LabeledImages, n_probe: int
) -> Measured:
    """Measure one member.

    Args:
        config: a resolved configuration.
        member: the member's index; nulls are drawn from its own stream.
        networks: reference, teacher, student, and the student of the unrelated teacher.
        images: the dataset.
        n_probe: number of training images, the first ones, to which probes and the affine map are fitted.

    Returns:
        The variables of `decoding.config.DIMS`, without the member axis.
    """
    *networks, unrelated = networks
    # Nulls depend on seed and member alone, so that a member's measures do not depend on which others are computed.
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(Stream.NULL, member)))
    labels = images.test_labels
    test = [body(network, images.test_images) for network in networks]
    train = [body(network, images.train_images[:n_probe]) for network in networks]
    spans = hidden_subspaces(networks, config)
    rank, wide = (spans[name][0].shape[1] for name in ("own_update", "class_head"))
    # An update has at most as many singular directions as the smaller side of its matrix.
    wide = min(wide, *networks[0].trunk[-1].weight.shape)
    # The measures draw from one generator in turn, so a new one goes last: no draw that exists changes then.
    return {
        **measure_heads(networks, test, labels),
        "probe_accuracy": np.array([
            heads.probe_accuracy(x.hidden, images.train_labels[:n_probe], y.hidden, labels)
            for x, y in zip(train, test, strict=True)
        ]),
        **measure_affine(config, networks, train, test, labels, rng),
        **measure_similarity(test, rng),
        **measure_energies(networks, spans, rng),
        **measure_overlaps(networks, rank, wide, rng),
        **measure_parts(networks, test, spans, labels, rng),
        **measure_unrelated(networks, unrelated, test, body(unrelated, images.test_images), rank, wide, config.n_aux),
    }  # fmt: skip


def measure_heads(networks: Sequence[MLP], test: Sequence[Body], labels: Int[np.ndarray, " sample"]) -> Measured:
    """Return `graft_accuracy` by body and head, `label_accuracy` by body, `relative_drift` by body and block."""
    class_heads = [partial(read, network.class_head) for network in networks]
    bodies = [features.hidden for features in test]
    own = [head(hidden) for head, hidden in zip(class_heads, bodies, strict=True)]
    blocks = [[np.asarray(b.weight) for b in n.blocks().values()] for n in networks]
    drift = [[heads.relative_drift(*pair) for pair in zip(row, blocks[0], strict=True)] for row in blocks]
    return {
        "graft_accuracy": heads.graft_accuracy(bodies, class_heads, labels),
        "label_accuracy": np.array([heads.label_accuracy(logits, labels) for logits in own]),
        "relative_drift": np.array(drift),
    }


def measure_affine(
    config: DistillationConfig,
    networks: Sequence[MLP],
    train: Sequence[Body],
    test: Sequence[Body],
    labels: Int[np.ndarray, " sample"],
    rng: np.random.Generator,
) -> Measured:
    """Fit an affine map from the teacher's auxiliary to its class logits; read every network's auxiliary logits by it.

    Only distilled logits are read, and only what the objective sees of them: all objectives but mse ignore a common
    shift, so for those the mean over logits is subtracted (docs/theory.md, section 3).

    Returns:
        By body: `affine_accuracy`, and `affine_r2` against the teacher's class logits on the test images. The same two
        with `_shuffled`, from a map that is fitted to logits of different images.
    """

    def distilled_logits(network: MLP, body: Body) -> np.ndarray:
        logits = read(network.aux_head, body.hidden)[:, : config.n_aux]
        return centered(logits) if blind_to_shift(config.objective) else logits

    # The map is the teacher's: it tells whether auxiliary logits mean the same in the student as in its teacher.
    x, y = distilled_logits(networks[1], train[1]), read(networks[1].class_head, train[1].hidden)
    target = read(networks[1].class_head, test[1].hidden)
    maps = {"": heads.affine_map(x, y), "_shuffled": heads.affine_map(x, y[rng.permutation(len(y))])}
    measured = {}
    for name, (weight, bias) in maps.items():
        predicted = [distilled_logits(*pair) @ weight + bias for pair in zip(networks, test, strict=True)]
        measured[f"affine_accuracy{name}"] = np.array([heads.accuracy(p, labels) for p in predicted])
        measured[f"affine_r2{name}"] = np.array([heads.r_squared(p, target) for p in predicted])
    return measured


def measure_similarity(test: Sequence[Body], rng: np.random.Generator) -> Measured:
    """Return debiased `cka` of hidden features on test images by `PAIRS`, and its null `cka_shuffled`."""
    # One permutation, so that the nulls of the pairs differ by their features alone.
    shuffled = rng.permutation(len(test[0].hidden))
    pairs = [(test[NETWORKS.index(a)].hidden, test[NETWORKS.index(b)].hidden) for a, b in PAIRS]
    return {
        "cka": np.array([similarity.linear_cka(x, y, debiased=True) for x, y in pairs]),
        "cka_shuffled": np.array([similarity.linear_cka(x, y[shuffled], debiased=True) for x, y in pairs]),
    }


def measure_energies(networks: Sequence[MLP], spans: dict[str, list[np.ndarray]], rng: np.random.Generator) -> Measured:
    """Return the energy of each update on each subspace, and its nulls.

    Returns:
        By network and subspace: `energy`, the share of the update's squared norm; `energy_random`, the exact mean over
        random subspaces of the same rank, and `energy_random_high`, their 95 % quantile; `energy_shuffled`, the exact
        mean over permutations of hidden units.
    """
    updates = last_updates(networks)
    rows = [[(dw, spans[name][i]) for name in SUBSPACES] for i, dw in enumerate(updates)]
    # Quantiles depend on a subspace's rank alone, so they are drawn once for each rank; in sorted order, because the
    # ranks draw from one generator in turn.
    ranks = {Q.shape[1] for row in rows for _, Q in row}
    high = [
        {r: np.quantile(subspaces.random_energies(rng, dw, r, NULL_DRAWS), subspaces.LEVEL) for r in sorted(ranks)}
        for dw in updates
    ]
    return {
        "energy": np.array([[subspaces.captured_energy(*pair) for pair in row] for row in rows]),
        "energy_random": np.array([[Q.shape[1] / Q.shape[0] for _, Q in row] for row in rows]),
        "energy_random_high": np.array([[high[i][Q.shape[1]] for _, Q in row] for i, row in enumerate(rows)]),
        "energy_shuffled": np.array([[subspaces.shuffled_energy_mean(*pair) for pair in row] for row in rows]),
    }


def simulate(config: Resolved, members: Sequence[int]) -> xr.Dataset:
    """Train the given members and measure how the learned directions get used.

    Args:
        config: a resolved configuration.
        members: the members' indices.

    Returns:
        The variables of `DIMS` by member, NaN for a member that diverged. `graft_accuracy` is the accuracy of each
        body under each class head, `probe_accuracy` that of a linear probe on each body, `relative_drift` is
        |W - W0|_F / |W0|_F of each block's weights, and `label_accuracy` each network's accuracy by digit. The
        functions `measure_*` describe the others. `diverged` by member.
    """
    return results_of(config, members, train(config, members))


def students_of(config: Resolved) -> tuple[Student, ...]:
    """Return the teacher's student and the unrelated teacher's."""
    return (
        Student("student", config.objective, config.n_aux),
        Student("unrelated", config.objective, config.n_aux, unrelated=True),
    )


def train(config: Resolved, members: Sequence[int]) -> Member:
    """Train the given members."""
    return train_members(config, students_of(config), n_aux=config.n_aux_built, members=members)


def results_of(config: Resolved, members: Sequence[int], trained: Member) -> xr.Dataset:
    """Return what `simulate` describes of trained members."""
    images = images_of(config)
    measured = measure_members(config, members, trained, images, PROBE_IMAGES)
    return xr.Dataset(
        {
            **{name: (("member", *dims), measured[name]) for name, dims in DIMS.items()},
            "diverged": ("member", measured["diverged"]),
        },
        coords={
            "member": list(members),
            "body": list(NETWORKS),
            "head": list(NETWORKS),
            "pair": [" and ".join(pair) for pair in PAIRS],
            "label": list(range(images.n_class)),
            "block": list(config.student_blocks()),
            "network": list(UPDATED),
            "subspace": list(SUBSPACES),
            "side": list(subspaces.SIDES),
            "teacher_subspace": list(TEACHER_SUBSPACES),
            "angle": list(range(1, measured["principal_angle"].shape[-1] + 1)),
            "direction": list(range(1, measured["shared"].shape[-1] + 1)),
            "scope": list(SCOPES),
            "part": list(PARTS),
        },
    )
