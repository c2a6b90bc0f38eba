"""A small page with two figures whose identifiers collide, and a browser where there is one."""

import io
import json
import shutil
from dataclasses import replace

import pytest

from constructed import (  # noqa: F401 - fixtures
    alignment,
    decoding,
    prediction,
    sharing,
    spectrum,
    theorem,
    toy,
    toy_training,
    transfer,
)
from sottovoce.report import ClaimRow, Figure, Page, Section, Table, write

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _draw(values):
    """Return a figure's SVG and its curves for hovering."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    from sottovoce.lab import hover

    with mpl.rc_context({"svg.hashsalt": "one salt", "svg.fonttype": "path"}):
        canvas = Canvas(figsize=(5, 3))
        ax = canvas.subplots()
        ax.plot(values, "o-", clip_on=True, label="first")
        ax.plot([1, 2], [1.25, 0.5], label="second <b>")
        ax.set(title="a < b & c", ylim=(0, 2), xlabel="component")
        text = io.StringIO()
        canvas.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue(), hover.panels(canvas)


@pytest.fixture(scope="session")
def drawings():
    """Two SVG files of one style: matplotlib gives both the same names for clips, ticks and glyphs."""
    return tuple(_draw(values)[0] for values in ([0, 1, 4], [4, 1, 0]))


@pytest.fixture(scope="session")
def curves():
    """The curves of the second drawing: they leave the panel, and not all have all points."""
    return _draw([4, 1, 0])[1]


@pytest.fixture(scope="session")
def claim():
    return ClaimRow(
        key="far",
        claim="Far above",
        place="the post",
        statistic="mean",
        criterion="above 0.2",
        measured="0.549 [0.446, 0.644]",
        published="0.528",
        verdict="supported",
        figure="bars",
        n=12,
        setting=("digits", 4, "3fa94be0c2d1"),
        tested="p = 0.01",
    )


@pytest.fixture(scope="session")
def page(drawings, curves, claim):
    bars = Figure("bars", "Bars", drawings[0], "Six bars.", "How to read it.", "role,mean\nteacher,0.9 & 50%20 #é\n")
    lines = Figure("lines", "Lines", drawings[1], "Two lines.", "First.\n\nSecond.", hover=json.dumps(curves))
    table = Table("Accuracies", ("role", "mean"), (("teacher", "0.9"), ("student", "0.5")))
    claims = (
        claim,
        replace(claim, key="two", verdict="not supported", figure=None, published=""),
        replace(
            claim,
            key="six",
            verdict="inconclusive",
            fixed="chosen on seed 0",
            setting=("digits", 1, "aaaaaaaaaaaa"),
        ),
        replace(claim, key="few", verdict="too few members", figure=None, n=2, measured="0.5 (n = 2)"),
    )
    sections = (
        Section("transfer", "Transfer", "Intro.", (bars,), (table,)),
        Section("spectrum", "Spectrum", "Intro.", (lines,)),
    )
    return Page("A page", "One.\n\nTwo.", claims, sections, ("sottovoce reproduce",), {"python": "3.11"})


# Not for the session: while the driver lives its event loop counts as running, and other tests may want their own.
@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on PATH")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, page, tmp_path):
    """Open the sample page at a width and in a theme; the tab keeps what it said and asked for."""
    path = tmp_path / "report.html"
    write(page, path)
    contexts = []

    def open_it(width=1440, theme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        tab = context.new_page()
        tab.said, tab.asked = [], []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.goto(path.as_uri())
        return tab

    yield open_it
    for context in contexts:
        context.close()
