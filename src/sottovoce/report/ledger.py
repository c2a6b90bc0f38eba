"""The ledger: every claim of every experiment, judged."""

from sottovoce.lab import claims, registry
from sottovoce.lab.claims import Claim, Judgment
from sottovoce.lab.drawing import Results


def ledger() -> tuple[Claim, ...]:
    """Return every claim that is judged, in the order of the experiments."""
    return tuple(claim for experiment in registry.experiments().values() for claim in experiment.claims)


def judge(results: Results) -> list[Judgment]:
    """Judge every claim whose result is available, in the order of the ledger."""
    return claims.judge([(claim, results[claim.result]) for claim in ledger() if claim.result in results])
