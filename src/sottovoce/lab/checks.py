"""Checks of configuration fields; an error names the field, its value, what is allowed and why, in one line."""

from sottovoce.errors import UsageError


def check_count(name: str, value: object) -> None:
    """Check that a value is a whole number of one or more.

    Raises:
        UsageError: the value is anything else.
    """
    # A truth value is an int in Python, but never a count.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{name} is {value!r}; allowed: 1 or more, a whole number")


def check_number(name: str, value: object, *, zero: bool = False) -> None:
    """Check that a value is a positive finite number, or zero where zero is allowed.

    Raises:
        UsageError: the value is anything else.
    """
    # Not a number fails the chained comparison as well.
    if not isinstance(value, int | float) or not 0 <= value < float("inf") or (value == 0 and not zero):
        raise UsageError(f"{name} is {value!r}; allowed: {'zero or ' if zero else ''}a positive number")


def check_widths(prefix: str, width: object, depth: object) -> None:
    """Check that widths are counts, and either one or as many as there are hidden layers.

    Args:
        prefix: "" for the teacher's fields, "student_" for the students'.
        width: one number, or one for each hidden layer.
        depth: number of hidden layers.

    Raises:
        UsageError: a width is no count, or there are more or fewer widths than hidden layers.
    """
    several = isinstance(width, tuple | list)
    for one in width if several else (width,):
        check_count(f"{prefix}width", one)
    if several and not 0 < len(width) == depth:
        raise UsageError(
            f"{prefix}width is {width!r} with {prefix}depth {depth}; allowed: one number, or one for each hidden layer"
        )


def check_channels(name: str, channels: object) -> None:
    """Check that a value is a tuple or list of channel counts, one for each convolutional layer.

    Raises:
        UsageError: the value is anything else.
    """
    if not isinstance(channels, tuple | list):
        raise UsageError(f"{name} is {channels!r}; allowed: one number for each convolutional layer, or none of them")
    for one in channels:
        check_count(name, one)


def check_decay(prefix: str, optimizer: str, weight_decay: float) -> None:
    """Check that adam is given no weight decay, and that adamw is given some.

    Args:
        prefix: "" for the teacher's fields, "student_" for the students'.
        optimizer: name of the optimizer.
        weight_decay: zero or a positive number.

    Raises:
        UsageError: adam is given weight decay, or adamw is given none.
    """
    given = f"{prefix}weight_decay is {weight_decay!r} with {prefix}optimizer {optimizer}"
    if optimizer == "adam" and weight_decay:
        raise UsageError(f"{given}; allowed: 0, because adam would mix weight decay into its moments; use adamw")
    if optimizer == "adamw" and not weight_decay:
        raise UsageError(f"{given}; allowed: a positive number, 0.01 is common; without decay it is adam")


def epochs_and_steps(who: str, n_batches: int, epochs: int | None, steps: int | None) -> dict[str, int]:
    """Return the numbers of epochs and steps, one computed from the other where it is unset.

    The last epoch is cut short at the last step.

    Args:
        who: whose training is meant: "teacher" or "student".
        n_batches: number of steps in an epoch.
        epochs: number of passes over the samples, or None.
        steps: number of steps in all, or None; at least one of the two is given.

    Returns:
        Both numbers, by the names of their fields.

    Raises:
        UsageError: both are given and the last step is not in the last epoch.
    """
    # Division rounds up, because the last epoch may be cut short.
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
