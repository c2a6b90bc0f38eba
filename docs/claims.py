"""Write docs/claims.md: every sentence of the post with the claims that judge it and their verdicts.

sottovoce report --json > report.json
python docs/claims.py add report.json digits     keep the verdicts of a report in docs/verdicts/digits.json
python docs/claims.py                            write the page from what is kept
"""

import json
import sys
import textwrap
from pathlib import Path

from sottovoce.report.ledger import ledger
from sottovoce.report.post import SENTENCES

DOCS = Path(__file__).parent
KEPT = ("estimate", "ci95", "n", "seed", "verdict")


def page() -> str:
    """Return the page, from the list of sentences, the claims and the verdicts that are kept."""
    kept = {
        path.stem: json.loads(path.read_text())
        for path in sorted((DOCS / "verdicts").glob("*.json"), key=lambda path: path.stem)
    }
    claims = {claim.key: claim for claim in ledger()}
    lines = [
        "# The post, sentence by sentence",
        "",
        *_wrapped(
            "Made by `python docs/claims.py`. Verdicts are those of the presets: "
            + "; ".join(f"{name}, seed {_seeds(verdicts)}" for name, verdicts in kept.items())
            + ". Where a column names two seeds, each claim's row is of one of them."
        ),
        "A dataset without a column has not been judged by these criteria yet.",
        "",
    ]
    section = ""
    for sentence in SENTENCES:
        if sentence.section != section:
            section = sentence.section
            lines += [f"## {section}", ""]
        lines += [*_wrapped(f"**{sentence.text}**"), ""]
        if sentence.reason:
            lines += [*_wrapped(sentence.reason), ""]
        if sentence.claims:
            lines += ["| claim | statistic | criterion |" + "".join(f" {name} |" for name in kept)]
            lines += ["|---" * (3 + len(kept)) + "|"]
        for key in sentence.claims:
            claim = claims[key]
            cells = [claim.text, claim.statistic.replace("|", "\\|"), claim.criterion]
            cells += [_verdict(verdicts.get(key)) for verdicts in kept.values()]
            lines.append(f"| {' | '.join(cells)} |")
        if sentence.claims:
            lines.append("")
    return "\n".join(lines)


def _seeds(verdicts: dict) -> str:
    return ", ".join(map(str, sorted({found["seed"] for found in verdicts.values()})))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)


def _verdict(found: dict | None) -> str:
    if found is None:
        return "not run"
    low, high = found["ci95"]
    interval = "" if low is None or low == high else f" [{low:.3g}, {high:.3g}]"
    return f"**{found['verdict']}**: {found['estimate']:.3g}{interval}, n = {found['n']}"


def add(report: Path, name: str) -> None:
    """Keep the verdicts of a report on the claims that judge a sentence."""
    wanted = {key for sentence in SENTENCES for key in sentence.claims}
    claims = json.loads(report.read_text())["claims"]
    kept = {claim["key"]: {field: claim[field] for field in KEPT} for claim in claims if claim["key"] in wanted}
    (DOCS / "verdicts").mkdir(exist_ok=True)
    (DOCS / "verdicts" / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["add"]:
        add(Path(sys.argv[2]), sys.argv[3])
    (DOCS / "claims.md").write_text(page(), encoding="utf-8")
