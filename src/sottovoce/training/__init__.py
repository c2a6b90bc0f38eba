"""Objectives, one training run, and the protocol that makes a reference, its teacher and the teacher's students."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={
        "devices",
        "ensemble",
        "expansion",
        "interventions",
        "loop",
        "objectives",
        "optimizers",
        "program",
        "protocol",
        "students",
    },
)
