"""Inlined drawings: identifiers do not collide, nothing but drawing comes through, pixels stay."""

import re

import pytest

from sottovoce.errors import UsageError
from sottovoce.report import svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 40 30">'


def references(markup):
    return set(re.findall(r'(?:href="#|url\(#)([^")]+)', markup))


def identifiers(markup):
    return re.findall(r'\bid="([^"]+)"', markup)


def test_identifiers_and_every_form_of_reference_carry_the_key():
    body = (
        '<g id="g"/><use xlink:href="#g"/><use href="#g"/><path clip-path="url(#g)"/>'
        "<path style=\"fill: url('#g'); clip-path: url( #g )\"/></svg>"
    )
    markup = svg.inline(HEAD + body, "k", "t", "a")
    assert identifiers(markup) == ["k.g"]
    assert markup.count('href="#k.g"') == 2
    assert markup.count("url(#k.g)") == 3
    assert references(markup) == {"k.g"}


def test_matplotlib_figures_that_share_names_share_none_once_inlined(drawings):
    first, second = drawings
    assert set(identifiers(first)) & set(identifiers(second)), "the sample no longer collides: nothing is tested"
    one, two = svg.inline(first, "one", "t", "a"), svg.inline(second, "two", "t", "a")
    for markup in (one, two):
        names = identifiers(markup)
        assert len(names) == len(set(names))
        assert references(markup) <= set(names)
        assert references(markup)
    assert not set(identifiers(one)) & set(identifiers(two))


def test_the_page_owns_size_and_style_and_the_reader_gets_a_name(drawings):
    markup = svg.inline(drawings[0], "k", "A <title>", 'an "alt" & more')
    root = markup[: markup.index(">")]
    assert root == ('<svg viewBox="0 0 360 216" role="img" aria-label="an &quot;alt&quot; &amp; more"')
    assert "<title>A &lt;title&gt;</title>" in markup
    for gone in ("<?xml", "<!DOCTYPE", "<metadata", "<style", "xmlns", "xlink", "ns0:"):
        assert gone not in markup
    assert svg.width(markup) == 360


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("<foreignObject/>", "<foreignObject>"),
        ('<g onclick="alert(1)"/>', "onclick"),
        ('<a href="javascript:alert(1)"/>', "javascript"),
        ('<image xlink:href="https://example.org/a.png"/>', "https://example.org"),
        ('<path style="fill: url(https://example.org/a)"/>', "https://example.org"),
        ('<path fill="URL( //example.org/a )"/>', "//example.org"),
    ],
)
def test_what_could_run_or_load_is_refused(body, words):
    with pytest.raises(UsageError, match="figure 'k' ") as error:
        svg.inline(f"{HEAD}{body}</svg>", "k", "t", "a")
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["", "not xml", "<html/>", "<svg/>"])
def test_what_is_no_svg_is_refused(text):
    with pytest.raises(UsageError, match="figure 'k'"):
        svg.inline(text, "k", "t", "a")


def test_an_image_in_the_drawing_itself_stays():
    assert "data:image/png" in svg.inline(
        HEAD + '<image xlink:href="data:image/png;base64,AA=="/></svg>', "k", "t", "a"
    )


def test_inlining_does_not_change_a_pixel(browser, drawings):
    tab = browser.new_page(viewport={"width": 500, "height": 350})
    rule = "*{stroke-linejoin: round; stroke-linecap: butt} body{margin:0} svg{width:500px;height:300px}"
    neighbor = svg.inline(drawings[0], "one", "t", "a")
    pictures = []
    for mine in (drawings[1], svg.inline(drawings[1], "two", "t", "a")):
        tab.set_content(f"<style>{rule}</style><aside>{neighbor}</aside><main>{mine}</main>")
        pictures.append(tab.locator("main > svg").screenshot())
    tab.close()
    assert pictures[0] == pictures[1]
