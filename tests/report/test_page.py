"""The rendered page as text: escaped, self-contained, whole, and the same every time."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sottovoce.errors import StoreError, UsageError
from sottovoce.report import render, write

VOID = {"meta", "link", "input", "br", "img"}


class Reader(HTMLParser):
    """Collects tags with their attributes, and the text outside of scripts and styles."""

    def __init__(self, document):
        super().__init__()
        self.tags, self.text, self.inside = [], "", []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.text += " "
        if tag not in VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.inside):
            self.text += data

    def values(self, *names):
        return [value for _, attributes in self.tags for name, value in attributes.items() if name in names]


def test_every_tag_is_closed_and_every_id_is_unique(page):
    reader = Reader(render(page))
    assert not reader.inside
    assert max(Counter(reader.values("id")).values()) == 1


def test_every_anchor_and_every_label_resolves(page):
    reader = Reader(render(page))
    anchors = {value[1:] for value in reader.values("href") if value.startswith("#")}
    assert anchors | set(reader.values("aria-labelledby")) <= set(reader.values("id"))
    contents = {"claims", "toy", "reproduce", "section-transfer", "section-spectrum", "figure-bars", "figure-lines"}
    assert contents | {"claim-far", "claim-six"} <= anchors


def test_nothing_refers_outside_the_file(page):
    document = render(page)
    reader = Reader(document)
    for value in reader.values("src", "href", "action", "srcset", "poster", "data"):
        assert value.startswith(("#", "data:"))
    assert not [tag for tag, _ in reader.tags if tag in {"iframe", "object", "embed", "base"}]
    # The only address in the file is the name that the script needs to make an SVG element.
    assert set(re.findall(r"\w+://[^\s\"'<>]+", document)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in document
    assert not re.search(r"url\((?!#)", document)


def test_policy_allows_only_what_the_file_brings(page):
    reader = Reader(render(page))
    policy = next(a["content"] for _, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    scripts = re.search(r"script-src ([^;]*)", policy)[1]
    assert "unsafe" not in scripts
    assert len(scripts.split()) == sum(tag == "script" for tag, _ in reader.tags)


HOSTILE = "<script>alert('x')</script>\"&"


def test_text_is_escaped_wherever_it_stands(page, claim):
    texts = ("claim", "place", "statistic", "criterion", "measured", "published")
    claims = (replace(claim, **dict.fromkeys(texts, HOSTILE), setting=(HOSTILE, 4, HOSTILE)),)
    first, second = page.sections
    figure = replace(first.figures[0], title=HOSTILE, alt=HOSTILE, caption=HOSTILE, csv=HOSTILE)
    table = replace(first.tables[0], caption=HOSTILE, header=(HOSTILE,), rows=((HOSTILE,),))
    section = replace(first, title=HOSTILE, intro=HOSTILE, figures=(figure,), tables=(table,))
    hostile = replace(
        page, title=HOSTILE, summary=HOSTILE, claims=claims, sections=(section, second),
        reproduce=(HOSTILE,), provenance={HOSTILE: HOSTILE},
    )  # fmt: skip
    document = render(hostile)
    assert "<script>alert" not in document
    assert Reader(document).text.count(HOSTILE) >= 20


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_text_comes_back_as_it_went_in(page, claim, text):
    before = Reader(render(page))
    claims = (replace(claim, claim=f"[{text}]"), *page.claims[1:])
    after = Reader(render(replace(page, claims=claims)))
    assert after.tags == before.tags
    assert f"[{text}]" in after.text


def test_csv_behind_a_figure_comes_back_whole(page):
    reader = Reader(render(page))
    links = [attributes for tag, attributes in reader.tags if tag == "a" and "download" in attributes]
    assert [link["download"] for link in links] == ["bars.csv"]
    head, _, data = links[0]["href"].partition(",")
    assert head == "data:text/csv;charset=utf-8"
    assert unquote(data) == page.sections[0].figures[0].csv


def test_ledger_states_verdicts_in_words_and_counts_them(page):
    text = " ".join(Reader(render(page)).text.split())
    assert "1 ✓ supported 1 ✗ not supported 1 ≈ inconclusive 1 … too few members" in text
    assert "Far above the post · shown in Figure 1 Statistic mean Criterion, preregistered above 0.2" in text
    assert "Measured, n = 12 0.549 [0.446, 0.644] Test p = 0.01 Published 0.528 Setting digits, 4 members" in text
    assert "Criterion, chosen on seed 0 above 0.2" in text
    assert "Published no number given" in text
    assert "digits, 1 member " in text


def test_figures_name_the_claims_they_bear_on(page):
    document = render(page)
    bars, lines = re.findall(r"<figure id=.*?</figure>", document, flags=re.DOTALL)
    assert re.findall(r'href="#claim-(\w+)"', bars) == ["far", "six"]
    assert re.findall(r'href="#claim-(\w+)"', lines) == []


def test_an_empty_report_is_still_a_page(page):
    empty = replace(page, claims=(), sections=(), reproduce=(), provenance={})
    reader = Reader(render(empty))
    assert "0 ✓ supported" in " ".join(reader.text.split())


def test_same_page_same_bytes(page, tmp_path):
    write(page, tmp_path / "deep" / "a.html")
    write(page, tmp_path / "b.html")
    assert (tmp_path / "deep" / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "b.html").read_text(encoding="utf-8") == render(page)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.html", "deep"]


def test_a_page_that_cannot_be_written_leaves_the_old_one(page, tmp_path):
    blocked = tmp_path / "folder"
    blocked.mkdir()
    with pytest.raises(StoreError, match="folder"):
        write(page, blocked)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "suported"}, "verdict of claim 'far' is 'suported'.*did you mean 'supported'"),
        ({"figure": "bar"}, "figure of claim 'far' is 'bar'.*did you mean 'bars'"),
        ({"key": "a b"}, "claim key is 'a b'; allowed"),
        ({"key": "two"}, "2 claims have the key 'two'"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused(page, claim, change, message):
    with pytest.raises(UsageError, match=message):
        render(replace(page, claims=(replace(claim, **change), *page.claims[1:])))


def test_a_row_of_another_length_is_refused(page):
    table = replace(page.sections[0].tables[0], rows=(("teacher",),))
    with pytest.raises(UsageError, match="'Accuracies' has 2 columns"):
        render(replace(page, sections=(replace(page.sections[0], tables=(table,)), page.sections[1])))


def _luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_aa_asks(theme):
    style = resources.files("sottovoce.report").joinpath("style.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    color = {name: _luminance(pair[theme]) for name, *pair in found}
    pairs = [(ink, ground) for ink in ("ink", "soft", "link") for ground in ("paper", "raised")]
    pairs += [(f"{v}-ink", f"{v}-ground") for v in ("supported", "not-supported", "inconclusive", "too-few-members")]
    for ink, ground in pairs:
        low, high = sorted((color[ink], color[ground]))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)  # WCAG 2.2, 1.4.3
