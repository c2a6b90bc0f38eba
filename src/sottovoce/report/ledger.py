"""The ledger: every claim of every experiment, judged; as rows of JSON values, and in words for the page."""

import math
from typing import Any

from sottovoce.lab import claims, registry
from sottovoce.lab.claims import PRIMARY, Claim, Judgment
from sottovoce.lab.drawing import Results


def ledger() -> tuple[Claim, ...]:
    """Return every claim that is judged, in the order of the experiments."""
    return tuple(claim for experiment in registry.experiments().values() for claim in experiment.claims)


def judge(results: Results) -> list[Judgment]:
    """Judge every claim whose result is available, in the order of the ledger."""
    return claims.judge([(claim, results[claim.result]) for claim in ledger() if claim.result in results])


def described(judgment: Judgment, replication: Judgment | None = None) -> dict[str, Any]:
    """Return a judgment as JSON values, with that of another seed; what is undefined or unbounded is None."""
    claim = judgment.claim

    def number(value: float | None) -> float | None:
        return value if value is not None and math.isfinite(value) else None

    return {
        "key": claim.key,
        "claim": claim.text,
        "place": claim.place,
        "result": claim.result,
        "statistic": claim.statistic,
        "range": [number(end) for end in claim.holds],
        "primary": claim.primary,
        "seeds_seen": list(claim.seen),
        "estimate": number(judgment.measured.mean),
        "ci95": [number(end) for end in judgment.measured[1:]],
        "interval_at_own_level": [number(end) for end in judgment.at_own_level[1:]],
        "n": judgment.n,
        "seed": judgment.seed,
        "p": judgment.p,
        "adjusted_p": judgment.adjusted_p,
        "verdict": judgment.verdict,
        "alternative": claim.alternative,
        "power": judgment.power,
        "members_to_decide": judgment.decided_by,
        "replication": described(replication) if replication else None,
    }


def in_words(judgment: Judgment) -> str:
    """Return the p value with its adjustment, the interval that decides, the power and the number that would decide."""
    claim, (_, low, high) = judgment.claim, judgment.at_own_level
    if judgment.verdict in {"too few members", "descriptive"} or low == high:
        return ""
    family = f"{PRIMARY} primary claims (Holm)" if claim.primary else "the other claims (Benjamini-Yekutieli)"
    words = [f"p = {judgment.p:.2g}, adjusted for {family} {judgment.adjusted_p:.2g}"]
    if math.isfinite(low):
        words.append(f"interval at the claim's own level [{low:.3g}, {high:.3g}]")
    if judgment.power is not None:
        words.append(f"power {judgment.power:.2f} at {claim.alternative:g}")
    if judgment.decided_by is not None:
        words.append(f"an n of about {judgment.decided_by} would decide")
    return "; ".join(words)
