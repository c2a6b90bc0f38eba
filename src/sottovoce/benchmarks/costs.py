"""The cost of predicting a student compared with training it, in seconds on this machine, for the MNIST protocol."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sottovoce.experiments.prediction.expansion import Expansion, relinearizing
from sottovoce.networks.initialization import initialize
from sottovoce.networks.mlp import MLP
from sottovoce.streams import Stream
from sottovoce.theory import predictors, tangent
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.program import DistillationSet, MemberProgram, Setting
from sottovoce.training.students import Student, arrays_of

STUDENT = Student("student", "kl", 3)
REPEATS = 3


def prediction_seconds(program: MemberProgram, directions: int = 8, repeats: int = REPEATS) -> dict[str, float]:
    """Return the seconds to train one student and to predict it by each method; the best of several repeats counts.

    All programs are compiled, and the distillation inputs computed, beforehand. Programs that iterate over batches are
    timed for one epoch, and the time is multiplied by the number of epochs. An untrained network serves as the teacher,
    because the time does not depend on its weights. Each of the two kernels of the self-consistent prediction costs as
    much as `linearized`. The student replaces those of the program; `directions` is the dimension of the Krylov space
    of kernel regression.
    """
    work = _work(program, directions)
    # The first run of each compiles it.
    for run in work.values():
        run()
    best = dict.fromkeys(work, float("inf"))
    # The methods alternate, so that a disturbance of the machine affects all of them alike.
    for _ in range(repeats):
        for name, run in work.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            best[name] = min(best[name], time.perf_counter() - start)
    by_epoch = ("train_student_s", "predict_linearized_s")
    return {name: value * (program.protocol.student_epochs if name in by_epoch else 1) for name, value in best.items()}


def _work(program: MemberProgram, directions: int) -> dict[str, Callable[[], Any]]:
    """Return the functions to time, by the names of their results."""
    architecture, n_class = program.protocol.architecture, program.protocol.architecture.n_class
    draw = jax.jit(partial(initialize, architecture))
    reference, teacher = (draw(program.key(Stream.INITIALIZATION, i)) for i in range(2))
    key, order = (program.key(stream, 0) for stream in (Stream.DISTILLATION_INPUTS, Stream.STUDENT_BATCHES))
    data = DistillationSet(jax.jit(lambda teacher: distillation_set(program, teacher, key).samples)(teacher))
    one_epoch = Setting(
        replace(program.protocol, student_epochs=1),
        program.traced._replace(students=arrays_of(architecture, (STUDENT,))),
    )
    problem = (reference, data.samples[0], data.samples[1][:, n_class:])

    def aux_logits(network: MLP, inputs: jax.Array) -> jax.Array:
        return network.aux_head(network.hidden(inputs), network.precision)

    def linearized(start: Expansion) -> Any:
        return distill(
            one_epoch, data, start, order, wrap=partial(relinearizing, every=None),
            apply=lambda e, x: tangent.linearized(MLP.__call__, e.base)(e.network, x),
        )  # fmt: skip

    train = jax.jit(lambda start: distill(one_epoch, data, start, order))
    expand = jax.jit(linearized)
    first = jax.jit(partial(tangent.first_update, aux_logits, objective=STUDENT.objective))
    regression = jax.jit(
        partial(tangent.kernel_student, aux_logits, objective=STUDENT.objective, directions=directions)
    )
    test = program.test_images()
    z_0, z_T = (np.asarray(jax.jit(MLP.class_logits)(network, test)) for network in (reference, teacher))
    heads = (np.asarray(reference.class_head.weight), np.asarray(reference.aux_head.weight)[:, : STUDENT.n_aux])
    # Students stand on a leading axis, which here has length one.
    one = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], Expansion(reference, reference))
    return {
        "train_student_s": lambda: train(one.network),
        "predict_head_gram_s": lambda: predictors.head_gram(z_0, z_T, *heads, STUDENT.objective),
        "predict_first_update_s": lambda: first(*problem),
        "predict_kernel_regression_s": lambda: regression(*problem),
        "predict_linearized_s": lambda: expand(one),
    }
