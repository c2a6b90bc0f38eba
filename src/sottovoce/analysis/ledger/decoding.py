"""Claims on how the learned directions get used, the post's last section."""

import xarray as xr

from sottovoce.analysis.claims import INFINITY, Claim
from sottovoce.analysis.estimates import converged
from sottovoce.measure.statistics import Interval, interval


def _drift(decoding: xr.Dataset) -> Interval:
    return interval(converged(decoding)["relative_drift"].sel(body="teacher", block="class_head").values)


def _initial_head_reads_teacher(decoding: xr.Dataset) -> Interval:
    return interval(converged(decoding)["graft_accuracy"].sel(body="teacher", head="reference").values)


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
)
