"""Claims on the alignment of gradients along training, and on what stops transfer."""

from functools import partial

from sottovoce.analysis.alignment import PLAIN, accuracy_above, excess, fit_ratio
from sottovoce.analysis.claims import INFINITY, Claim

PLACE = "hypothesis of this laboratory; docs/interventions.md"
OVERLAPS = {
    "gradient_class": "The gradient on auxiliary logits is aligned with the gradient of the class loss",
    "step_class": "The step that the optimizer makes of it lowers the class loss",
    "gradient_teacher": "The gradient on auxiliary logits points the way that the teacher went",
}
INTERVENTIONS = {
    "projection": "Taking the component along the class gradient out of the gradient",
    "step_projection": "Taking the component along the class gradient out of the optimizer's step",
    "held": "A penalty that holds the student at its start early in training",
    "decay": "Weight decay",
    "noisy_targets": "Noise on the targets",
    "two_teachers": "Mixing the targets with those of a teacher that started elsewhere",
}
CONTROLS = {
    "projection_control": "Taking a component along a class gradient of shuffled labels out of the gradient",
    "step_projection_control": "Taking a component along a class gradient of shuffled labels out of the step",
}

_ALIGNED = tuple(
    Claim(
        key=f"align-{overlap}",
        text=f"{text}, along a student's training.",
        place=PLACE,
        result="alignment",
        statistic="cosine over the trunk less its null, mean over checkpoints; mean over members",
        low=0.0,
        high=INFINITY,
        measure=partial(excess, overlap=overlap),
        published="-",
        figure="alignment",
    )
    for overlap, text in OVERLAPS.items()
)
_STOPPED = tuple(
    Claim(
        key=f"stop-{name}",
        text=f"{text} stops transfer.",
        place=PLACE,
        result="alignment",
        statistic="accuracy of the student at the end minus that of the reference; mean over members",
        low=-0.05,
        high=0.05,
        measure=partial(accuracy_above, student=name, other="reference"),
        published="-",
        figure="alignment_outcomes",
    )
    for name, text in INTERVENTIONS.items()
)
_FITTED = tuple(
    Claim(
        key=f"fit-{name}",
        text=f"{text} leaves the fit of the auxiliary logits as it is.",
        place=PLACE,
        result="alignment",
        statistic="auxiliary loss at the end on inputs held apart over that of the plain student; ratio of means over "
        "members",
        low=0.0,
        high=1.1,
        measure=partial(fit_ratio, student=name),
        published="-",
        figure="alignment_outcomes",
    )
    for name, text in INTERVENTIONS.items()
)
_CONTROLLED = tuple(
    Claim(
        key=f"control-{name}",
        text=f"{text} leaves transfer as it is.",
        place=PLACE,
        result="alignment",
        statistic="accuracy of the student at the end minus that of the plain student; mean over members",
        low=-0.05,
        high=0.05,
        measure=partial(accuracy_above, student=name, other=PLAIN),
        published="-",
        figure="alignment_outcomes",
    )
    for name, text in CONTROLS.items()
)
CLAIMS = (*_ALIGNED, *_STOPPED, *_FITTED, *_CONTROLLED)
