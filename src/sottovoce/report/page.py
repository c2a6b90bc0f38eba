"""The report page as a value of plain text and drawn figures, and its rendering as one self-contained HTML file."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import get_args
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from sottovoce.errors import UsageError, not_among
from sottovoce.lab.claims import Verdict
from sottovoce.report import svg as svg_markup
from sottovoce.runs.disk import write_atomically

# Taken from the type, so that a new verdict is counted on the page without being listed here.
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SCRIPTS = ("theme.js", "toy.js", "hover.js")
# Keys become anchors, names of files and prefixes of ids in a drawing, without any escaping.
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Figure:
    """A figure with its title, description and caption."""

    key: str  # anchor in the page and name of the downloaded file
    title: str
    svg: str  # text of an SVG file
    alt: str  # what the figure shows, in words
    caption: str  # how to read the figure, with dataset, members and identity
    csv: str | None = None  # the data behind the figure
    hover: str | None = None  # JSON of the figure's curves (`lab.hover.panels`), shown under the pointer


@dataclass(frozen=True)
class Table:
    """A table of formatted text: a header, and rows with as many cells."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A section of the page; its key is the anchor, its introduction plain text with blank lines between paragraphs."""

    key: str
    title: str
    intro: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class ClaimRow:
    """One line of the ledger; a text without a comment is shown as it is."""

    key: str  # anchor in the page
    claim: str
    place: str
    statistic: str
    criterion: str
    measured: str
    published: str
    verdict: Verdict
    figure: str | None  # key of the figure that shows the statistic
    n: int  # how many replicates were measured
    setting: tuple[str, int, str]  # dataset, number of members, first 12 digits of the run's identity
    fixed: str = "preregistered"  # when the criterion was written
    tested: str = ""  # p value, adjustment, power
    replicated: str = ""  # value and verdict on another seed


@dataclass(frozen=True)
class Page:
    """Everything the report says, in the order in which it says it."""

    title: str
    summary: str
    claims: tuple[ClaimRow, ...]
    sections: tuple[Section, ...]
    reproduce: tuple[str, ...]
    provenance: dict[str, str]


def render(page: Page) -> str:
    """Return the page as one HTML document that loads nothing from outside itself; the same page gives the same text.

    Raises:
        UsageError: two parts of one kind share a key, a claim names a figure that does not exist, a verdict is
            unknown, a table's row does not fit its header, or an SVG is unfit to be inlined.
    """
    figures = [figure for section in page.sections for figure in section.figures]
    _check(page, figures)
    # All text is escaped; only drawings that passed the allow list and the page's own assets are marked as markup.
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,  # a misspelt name raises instead of leaving a gap
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["paragraphs"] = lambda text: re.split(r"\n\s*\n", text.strip())
    style, scripts = _asset("style.css"), {name.removesuffix(".js"): _asset(name) for name in SCRIPTS}
    return environment.get_template("template.html.j2").render(
        page=page,
        drawings={figure.key: _drawing(figure) for figure in figures},
        number_of={figure.key: number for number, figure in enumerate(figures, start=1)},
        bears_on={f.key: [(n, c) for n, c in enumerate(page.claims, 1) if c.figure == f.key] for f in figures},
        tally=Counter(claim.verdict for claim in page.claims),
        verdicts=VERDICTS,
        policy=_policy(style, scripts.values()),
        **{name: Markup(text) for name, text in {"style": style, **scripts}.items()},
    )


def write(page: Page, path: Path) -> None:
    """Render the page into a file that is either whole or untouched; its folder is made if absent.

    Raises:
        UsageError: the page cannot be rendered (see `render`).
        StoreError: the disk refuses.
    """
    write_atomically(path, render(page).encode())


def _drawing(figure: Figure) -> dict[str, object]:
    """Return what the template needs of a figure besides its text: markup, legible width, download link."""
    csv = None if figure.csv is None else f"data:text/csv;charset=utf-8,{quote(figure.csv, safe=',:;')}"
    markup = svg_markup.inline(figure.svg, figure.key, figure.title, figure.alt)
    return {"svg": Markup(markup), "width": round(svg_markup.width(markup)), "csv": csv}


def _asset(name: str) -> str:
    return resources.files("sottovoce.report").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, scripts: Iterable[str]) -> str:
    """Return a content security policy under which only this style sheet and these scripts run; nothing is fetched.

    Attributes `style=` stay allowed, because matplotlib's drawings use them; `style-src` is for browsers that do not
    know `style-src-elem` and `style-src-attr`.
    """

    def digest(text: str) -> str:
        # A browser compares the digest with the exact text between the tags.
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {' '.join(map(digest, scripts))}; style-src 'unsafe-inline'; "
        f"style-src-elem {digest(style)}; style-src-attr 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _check(page: Page, figures: list[Figure]) -> None:
    """Refuse a page whose parts do not fit together, as `render` says."""
    for kind, parts in {"claim": page.claims, "section": page.sections, "figure": figures}.items():
        for key, count in Counter(part.key for part in parts).items():
            if not KEY.fullmatch(key):
                raise UsageError(f"{kind} key is {key!r}; allowed: a letter, then letters, digits, - and _")
            if count > 1:
                raise UsageError(f"{count} {kind}s have the key {key!r}; every {kind} needs its own")
    shown = [figure.key for figure in figures]
    for claim in page.claims:
        if claim.verdict not in VERDICTS:
            raise not_among(f"verdict of claim {claim.key!r}", claim.verdict, VERDICTS)
        if claim.figure not in {None, *shown}:
            raise not_among(f"figure of claim {claim.key!r}", claim.figure, shown)
    tables = [table for section in page.sections for table in section.tables]
    for table, row in ((one, row) for one in tables for row in one.rows):
        if len(row) != len(table.header):
            raise UsageError(f"table {table.caption!r} has {len(table.header)} columns, but the row {row!r}")
