"""The sweeps of `transfer` that the report shows, and the claims on them."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from sottovoce.lab.claims import BEFORE_DEFAULT, INFINITY, Claim
from sottovoce.lab.experiment import NamedSweep
from sottovoce.sweeps.findings import slope

KINDS = (
    "uniform", "normal", "images", "permuted_images", "shuffled_images", "blurred", "spectrum_matched", "low_rank",
    "constant",
)  # fmt: skip
# Kinds that are made of images have at most one input per image, so all kinds have as many; the number of steps is the
# preset's, 5 epochs of 157 batches.
_ON_DIGITS = {"n_inputs": 1442, "student_steps": 785}

SWEEPS: Mapping[str, Mapping[str, NamedSweep]] = MappingProxyType(
    {
        "sweep_width": {
            "mnist": NamedSweep("width", (32, 64, 128, 256, 512)),
            "digits": NamedSweep("width", (16, 32, 64, 128, 256)),
        },
        "sweep_learning_rate": {
            "mnist": NamedSweep("learning_rate", (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)),
            "digits": NamedSweep("learning_rate", (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
        },
        "sweep_teacher_epochs": {
            "mnist": NamedSweep("teacher_epochs", (1, 2, 5, 10, 20)),
            "digits": NamedSweep("teacher_epochs", (5, 15, 60, 120)),
        },
        "sweep_inputs": {
            "mnist": NamedSweep("inputs", KINDS),
            "digits": NamedSweep("inputs", KINDS, _ON_DIGITS),
        },
    }
)

# Narrower networks than these transfer little whatever the number of logits, because their own heads read little.
WIDE = 64

_claim = partial(Claim, holds=(0.05, INFINITY), published="")

CLAIMS = (
    _claim(
        "width",
        f"From {WIDE} hidden units on, the wider the network, the less three auxiliary logits transfer.",
        "minus the least-squares slope of the student's recovered fraction per tenfold of width, over widths of "
        f"{WIDE} and more; mean over members",
        measure=slope("student", "recovered_fraction", -1, least=WIDE),
        seen=BEFORE_DEFAULT,
        place="section 4 of docs/theory.md: they capture r / hidden of a class direction",
        result="sweep_width",
        figure="sweep_width",
    ),
    _claim(
        "teacher_epochs",
        "The longer a teacher was trained, the smaller the fraction of its gain that its student recovers.",
        "minus the least-squares slope of the student's recovered fraction per tenfold of teacher_epochs; mean over "
        "members",
        measure=slope("student", "recovered_fraction", -1),
        place="post, Why This Works: heads that training moves decode with more noise",
        result="sweep_teacher_epochs",
        figure="sweep_teacher_epochs",
    ),
)
