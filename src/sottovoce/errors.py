"""Every failure a user can meet, each with the exit code the command line gives it."""

import difflib
from collections.abc import Iterable


class SottovoceError(Exception):
    """A failure whose one-line message names what happened and how to fix it."""

    exit_code = 1


# Also a ValueError, the class that callers from Python expect of a wrong argument.
class UsageError(SottovoceError, ValueError):
    """An argument outside what is allowed; raised before anything is computed."""

    # The code by which shells and most programs tell wrong usage from a failure.
    exit_code = 2


class DataError(SottovoceError):
    """A dataset that is missing, damaged or not what its name says."""


class StoreError(SottovoceError):
    """A results folder that cannot be read or written."""


class ClusterError(SottovoceError):
    """A cluster that is unreachable, whose workers differ from this process, or on which a chunk fails repeatedly."""


class DivergenceError(SottovoceError):
    """More than a tenth of an ensemble's members ended with a non-finite loss; their results are saved, and flagged."""


def not_among(what: str, given: object, allowed: Iterable[object]) -> UsageError:
    """Build the error for a value that is not one of a fixed list.

    Args:
        what: the argument's name, as the user writes it.
        given: the value the user gave.
        allowed: the allowed values, in the order in which they are printed.

    Returns:
        An error that names the argument, the value, the allowed values and the nearest of them.
    """
    names = [str(value) for value in allowed]
    nearest = difflib.get_close_matches(str(given), names, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return UsageError(f"{what} is {given!r}; allowed: {', '.join(names)}{hint}")
