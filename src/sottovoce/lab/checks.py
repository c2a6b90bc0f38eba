"""What configurations refuse: each in one line that names the field, its value, what is allowed and why."""

from sottovoce.errors import UsageError


def check_count(name: str, value: object) -> None:
    """Refuse what is not a whole number of one or more.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{name} is {value!r}; allowed: 1 or more, a whole number")


def check_number(name: str, value: object, *, zero: bool = False) -> None:
    """Refuse what is not a positive finite number, or zero where that is allowed.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(value, int | float) or not 0 <= value < float("inf") or (value == 0 and not zero):
        raise UsageError(f"{name} is {value!r}; allowed: {'zero or ' if zero else ''}a positive number")


def check_widths(prefix: str, width: object, depth: object) -> None:
    """Refuse widths that are no counts, or not as many as there are hidden layers.

    Args:
        prefix: "" for the teacher's fields, "student_" for the students'.
        width: one number, or one for each hidden layer.
        depth: hidden layers.

    Raises:
        UsageError: they are not.
    """
    several = isinstance(width, tuple | list)
    for one in width if several else (width,):
        check_count(f"{prefix}width", one)
    if several and not 0 < len(width) == depth:
        raise UsageError(
            f"{prefix}width is {width!r} with {prefix}depth {depth}; allowed: one number, or one for each hidden layer"
        )


def check_channels(name: str, channels: object) -> None:
    """Refuse what is not a number of channels for each convolution.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(channels, tuple | list):
        raise UsageError(f"{name} is {channels!r}; allowed: one number for each convolutional layer, or none of them")
    for one in channels:
        check_count(name, one)


def check_decay(prefix: str, optimizer: str, weight_decay: float) -> None:
    """Refuse weight decay with adam, which takes none, and adamw without it.

    Args:
        prefix: "" for the teacher's fields, "student_" for the students'.
        optimizer: one of the optimizers.
        weight_decay: zero or a positive number.

    Raises:
        UsageError: the two do not go together.
    """
    given = f"{prefix}weight_decay is {weight_decay!r} with {prefix}optimizer {optimizer}"
    if optimizer == "adam" and weight_decay:
        raise UsageError(f"{given}; allowed: 0, for decay among its moments is not what is meant: use adamw")
    if optimizer == "adamw" and not weight_decay:
        raise UsageError(f"{given}; allowed: a positive number, 0.01 is common; without decay it is adam")


def epochs_and_steps(who: str, n_batches: int, epochs: int | None, steps: int | None) -> dict[str, int]:
    """Return epochs and steps, the one from the other where it is unset: the last epoch is cut short at the last step.

    Args:
        who: "teacher" or "student".
        n_batches: steps of an epoch.
        epochs: passes over the samples, or None.
        steps: steps in all, or None, but not both.

    Returns:
        Both, by the names of their fields.

    Raises:
        UsageError: both are given and the last step is not in the last epoch.
    """
    if epochs is None:
        assert steps is not None
        epochs = -(-steps // n_batches)
    if steps is None:
        steps = epochs * n_batches
    if epochs != -(-steps // n_batches):
        raise UsageError(
            f"{who}_steps is {steps} with {who}_epochs {epochs} of {n_batches} steps; allowed: one of the two, or "
            f"{(epochs - 1) * n_batches + 1} to {epochs * n_batches} steps"
        )
    return {f"{who}_epochs": epochs, f"{who}_steps": steps}
