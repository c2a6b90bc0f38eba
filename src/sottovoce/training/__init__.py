"""Objectives, training runs, and the protocol that yields a reference, its teacher and the teacher's students."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={
        "axes",
        "devices",
        "distillation",
        "ensemble",
        "loop",
        "objectives",
        "optimizers",
        "program",
        "protocol",
        "students",
    },
)
