"""Claims on how the learned directions get used, the post's last section, and what the linear theory says of them."""

from collections.abc import Callable

import xarray as xr

from sottovoce.analysis.claims import INFINITY, Claim, Mean, Ratio, of_members
from sottovoce.analysis.estimates import converged


def _drift(decoding: xr.Dataset) -> Mean:
    return of_members(converged(decoding)["relative_drift"].sel(body="teacher", block="class_head"), "log")


def _initial_head_reads_teacher(decoding: xr.Dataset) -> Mean:
    return of_members(converged(decoding)["graft_accuracy"].sel(body="teacher", head="reference"), "logit")


def _above_random(name: str, **where: str) -> Callable[[xr.Dataset], Mean]:
    def measure(decoding: xr.Dataset) -> Mean:
        kept = converged(decoding).sel(where)
        return of_members(kept[name] - kept[f"{name}_random_high"])

    return measure


def _share_of_gain(part: str) -> Callable[[xr.Dataset], Ratio]:
    """Return the share of the student's gain that the part on span(Z) keeps, or that goes without it."""

    def measure(decoding: xr.Dataset) -> Ratio:
        kept = converged(decoding).sel(network="student", scope="trunk")
        gain = kept["whole_accuracy"] - kept["unchanged_accuracy"]
        accuracy = kept["part_accuracy"].sel(subspace="aux_head", part=part)
        change = accuracy - kept["unchanged_accuracy"] if part == "on" else kept["whole_accuracy"] - accuracy
        return Ratio(change.values, gain.values)

    return measure


def _nearer_than_reference(decoding: xr.Dataset) -> Mean:
    cka = converged(decoding)["cka"]
    return of_members(cka.sel(pair="teacher and student", drop=True) - cka.sel(pair="reference and teacher", drop=True))


_THEORY = "linear theory, docs/theory.md, section 2; post, Why This Works"

CLAIMS = (
    Claim(
        key="i-drift",
        text="The class head barely moves while the teacher is trained.",
        place="post, last section",
        result="decoding",
        statistic="relative drift of the teacher's class head, |W - W0| / |W0|; mean over members",
        low=0.0,
        high=0.1,
        measure=_drift,
        published="similar",
        figure="decoding",
    ),
    Claim(
        key="i-decoding",
        text="The initial class head can decode the directions that the teacher learned.",
        place="post, last section",
        result="decoding",
        statistic="accuracy of the teacher's body under the reference's class head; mean over members",
        low=0.5,
        high=INFINITY,
        measure=_initial_head_reads_teacher,
        published="noisily",
        figure="decoding",
    ),
    Claim(
        key="i-span",
        text="The student's update writes into the span of the distilled auxiliary columns more than chance.",
        place=_THEORY,
        result="decoding",
        statistic="share of the energy of the student's last hidden update on span(Z), less the 95 % quantile of "
        "random subspaces of the same rank; mean over members",
        low=0.0,
        high=INFINITY,
        measure=_above_random("energy", network="student", subspace="aux_head"),
        published="wholly, for a linear trunk",
        figure="subspaces",
    ),
    Claim(
        key="i-carried",
        text="The part of the student's change on span(Z) carries most of its accuracy.",
        place=_THEORY,
        result="decoding",
        statistic="accuracy with that part alone less the reference's, over the student's less the reference's, all "
        "under the initial class head; ratio of means over members",
        low=0.5,
        high=INFINITY,
        measure=_share_of_gain("on"),
        published="all, for a linear trunk",
        figure="parts",
    ),
    Claim(
        key="i-lost",
        text="Without the part of its change on span(Z) the student loses most of its accuracy.",
        place=_THEORY,
        result="decoding",
        statistic="accuracy of the student less that without the part, over the student's less the reference's; ratio "
        "of means over members",
        low=0.5,
        high=INFINITY,
        measure=_share_of_gain("off"),
        published="all, for a linear trunk",
        figure="parts",
    ),
    *(
        Claim(
            key=f"i-overlap-{side}",
            text=f"Teacher and student {verb} the same directions of the last hidden layer more than chance.",
            place="post, Why This Works",
            result="decoding",
            statistic=f"mean squared cosine of the principal angles between the strongest {side} directions of both "
            "updates, as many as the student was taught, less the 95 % quantile of random subspaces; mean over members",
            low=0.0,
            high=INFINITY,
            measure=_above_random("overlap", side=side, teacher_subspace="matched"),
            published="a direction that the teacher learned",
            figure="subspaces",
        )
        for side, verb in (("output", "write into"), ("input", "read from"))
    ),
    Claim(
        key="i-similarity",
        text="Distillation brings the student's hidden features nearer to its teacher's.",
        place="post, last section",
        result="decoding",
        statistic="debiased linear CKA on test images between teacher and student less that between teacher and "
        "reference, paired; mean over members",
        low=0.0,
        high=INFINITY,
        measure=_nearer_than_reference,
        published="at least three of the teacher's directions",
        figure="similarity",
    ),
)
