"""The pages and the site: links lead somewhere, the tutorial runs, the site builds by itself and asks for nothing."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from documents import ROOT, anchors, links, run, script, steps

DOCS = ROOT / "docs"
GENERATED = ("gallery", "modules")
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *(page for page in sorted(DOCS.rglob("*.md")) if not {*GENERATED} & {*page.relative_to(DOCS).parts}),
]
# The public rooms, every module of which the reference shows.
ROOMS = ("experiments", "theory", "measure", "networks", "training", "data", "interop")
# Of a mean over two members, each tested on 355 digits: another machine's rounding can move a few answers.
ROUNDING = 0.05
LOADS = re.compile(r"<(?:link|script|img|iframe|source)\b[^>]*\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//[^>]*>", re.I)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path):
    for target in links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        if anchor:
            headings = anchors(file.read_text(encoding="utf-8"))
            assert anchor in headings, f"{page.name} links to {target}; headings of {file.name}: {sorted(headings)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_at_most_120_characters_wide(page: Path):
    # Rows of tables, commands and pictures cannot be broken.
    unbroken = ("|", "    ", "![")
    lines = page.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if len(line) > 120 and not line.startswith(unbroken)]


def test_links_and_headings_are_read_as_a_forge_reads_them():
    text = "# The post, Figures 1 and 2\n[a](b.md#c) `[x](y)` ![p](q.png) [w](https://w)\n```\n# no\n[d](e)\n```\n"
    assert links(text) == ["b.md#c", "q.png"]
    assert anchors(text) == {"the-post-figures-1-and-2"}


def test_tutorial_runs_and_prints_what_it_says(reader: Path):
    todo = steps((DOCS / "tutorial.md").read_text(encoding="utf-8"))
    assert [step.is_python for step in todo].count(False) >= 4
    assert sum(step.printed is not None for step in todo) == 2
    for step in todo:
        done = run([sys.executable, "-c", step.code] if step.is_python else step.code.split(), reader)
        assert done.returncode == 0, f"{step.code}\n{done.stderr}"
        if step.printed:
            assert_prints(done.stdout, step.printed)
    assert (reader / "out" / "report.html").exists()
    assert list((reader / "out" / "figures").glob("sweep-transfer-*.png"))


def assert_prints(printed: str, shown: str) -> None:
    """Hold what was printed against what the page shows: the same words, and numbers within rounding."""
    number = re.compile(r"\d+(?:\.\d+)?")
    printed = re.sub(r"^.*dtype: .*\n", "", printed, flags=re.M)  # the page spares its reader pandas' last line
    words, expected = (number.sub("#", text).split() for text in (printed, shown))
    assert words == expected, f"tutorial.md shows\n{shown}but prints\n{printed}"
    found, expected = ([float(x) for x in number.findall(text)] for text in (printed, shown))
    assert found == pytest.approx(expected, abs=ROUNDING), f"tutorial.md shows\n{shown}but prints\n{printed}"


def test_the_page_of_sentences_is_the_one_that_its_script_writes():
    assert script("claims").page() == (DOCS / "claims.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does, with the two toys alone in its gallery."""
    if not all(importlib.util.find_spec(name) for name in ("sphinx", "myst_parser", "furo")):
        pytest.skip("Sphinx, MyST or Furo is not installed")
    # The reference shows the modules that convert PyTorch's files and modules, and imports them for that.
    pytest.importorskip("torch", reason="PyTorch is an extra")
    from sottovoce.experiments.toy import experiment as toy
    from sottovoce.lab import registry
    from sottovoce.running.run import Execution, run_config

    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns(*GENERATED))
    execution, experiment = Execution(out=folder / "out", quiet=True), registry.experiment("toy")
    results = {f"toy_{k}": run_config(experiment, toy.Config(n_aux=k, draws=50), execution) for k in (1, 2)}
    script("gallery").write(results, folder / "docs" / "gallery")
    words = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--quiet", "docs", "html"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_site_makes_no_request(site: Path):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        assert not LOADS.findall(page.read_text(encoding="utf-8")), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_the_pattern_for_requests_sees_them():
    # The same test, on a page that asks.
    asks = '<script src="https://cdn.example/x.js">', "<link rel=x href=//fonts.example/a.css>"
    assert all(map(LOADS.match, asks))


def test_gallery_shows_each_figure_with_alt_and_caption(site: Path):
    page = (site / "gallery" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'<img alt="Three planes[^"]+" src="[^"]*(figure[12])\.svg"', page) == ["figure1", "figure2"]
    assert "n = 4 members" in page
    assert all((site / "_images" / f"figure{k}.svg").exists() for k in (1, 2))


def test_text_of_a_caption_is_shown_as_it_is():
    assert script("gallery").plain("W1' *x* a_b <b> [c]") == r"W1' \*x\* a\_b \<b\> \[c\]"


def test_reference_shows_every_public_function(site: Path):
    for room in ROOMS:
        for path in sorted((ROOT / "src" / "sottovoce" / room).rglob("[a-z]*.py")):
            name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
            page = (site / "reference" / "modules" / f"{name}.html").read_text(encoding="utf-8")
            tree = ast.parse(path.read_text(encoding="utf-8")).body
            defined = [node.name for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            missing = [public for public in defined if public[0] != "_" and f'id="{name}.{public}"' not in page]
            assert not missing, name


def test_make_docs_builds_into_out():
    listed = subprocess.run(["make", "-n", "docs"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "--fail-on-warning" in listed
    assert "docs out/site" in listed
