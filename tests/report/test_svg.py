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
        ("<g><foreignObject><p/></foreignObject></g>", "<foreignObject>"),
        ("<foreignObject/>", "<foreignObject>"),
        ("<animate/>", "<animate>"),
        ("<svg/>", "<svg>"),
        ('<x:path xmlns:x="http://www.w3.org/2000/svg"/>', "<x:path>"),
        ('<g onclick="alert(1)"/>', "onclick"),
        ('<path ONLOAD="alert(1)"/>', "ONLOAD"),
        ('<g class="cursor"/>', "class"),
        ('<g fill-x="1"/>', "fill-x"),
        ('<path style="d:M 0 0"/>', "sets 'd'"),
        ('<path href="#g"/>', "href"),
        ('<a href="javascript:alert(1)"/>', "<a>"),
        ('<use href="javascript:alert(1)"/>', "javascript"),
        ('<use href="https://example.org/a.svg#g"/>', "https://example.org"),
        ('<image xlink:href="https://example.org/a.png"/>', "https://example.org"),
        ('<image href="data:image/svg+xml;base64,AA=="/>', "data:image/svg"),
        ('<image href="data:text/html;base64,AA=="/>', "data:text/html"),
        ('<use href="data:image/png;base64,AA=="/>', "data:image/png"),
        ('<path style="fill: url(https://example.org/a)"/>', "https://example.org"),
        ('<path style="fill: url(data:image/png;base64,AA==)"/>', "data:image/png"),
        ('<path style="fill: u\\72l(//example.org/a)"/>', "//example.org"),
        ("<path style=\"fill: image-set('a.png')\"/>", "image-set"),
        ('<path style="fill: url(#g); behavior: x"/>', "behavior"),
        ('<path fill="URL( //example.org/a )"/>', "//example.org"),
        ('<path fill="uurl(#g)rl(a)"/>', "rl(a)"),
    ],
)
def test_what_is_not_on_the_allow_list_is_refused(body, words):
    with pytest.raises(UsageError, match="figure 'k' ") as error:
        svg.inline(f"{HEAD}{body}</svg>", "k", "t", "a")
    assert words in str(error.value)


def test_what_draws_nothing_is_dropped_whole_and_the_drawing_after_it_stays():
    body = "<metadata><a><script>1</script></a><title>2</title></metadata><style>*{fill: red}</style><g><desc>3</desc>"
    markup = svg.inline(f'{HEAD}{body}<path d="M 0 0"/></g></svg>', "k", "t", "a")
    assert markup.endswith('<title>t</title><g><path d="M 0 0" /></g></svg>')


def test_of_the_root_only_the_view_box_stays():
    head = HEAD.replace("<svg ", '<svg onload="alert(1)" width="9" style="fill: url(//example.org)" ')
    assert svg.inline(f"{head}</svg>", "k", "t", "a") == svg.inline(f"{HEAD}</svg>", "k", "t", "a")


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY x "y">',
        '<!ENTITY x SYSTEM "file:///etc/hostname">',
        '<!ENTITY % x SYSTEM "http://example.org/a.dtd">',
        '<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">',
    ],
)
def test_entities_are_refused_where_they_are_declared(declared):
    with pytest.raises(UsageError, match="figure 'k' uses the entity 'x'"):
        svg.inline(f"<!DOCTYPE svg [{declared}]>{HEAD}</svg>", "k", "t", "a")


def test_an_entity_that_a_file_outside_would_declare_is_refused():
    prolog = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    assert svg.inline(f"{prolog}{HEAD}<g>&lt;</g></svg>", "k", "t", "a").endswith("<g>&lt;</g></svg>")
    with pytest.raises(UsageError, match="figure 'k' uses the entity 'x'"):
        svg.inline(f"{prolog}{HEAD}<g>&x;</g></svg>", "k", "t", "a")


def test_size_and_depth_are_bounded_before_anything_is_built(monkeypatch):
    nested = svg.MOST_LEVELS - 1
    assert svg.inline(f"{HEAD}{'<g>' * nested}{'</g>' * nested}</svg>", "k", "t", "a").count("<g") == nested
    with pytest.raises(UsageError, match="figure 'k' nests more than 64 elements"):
        svg.inline(f"{HEAD}{'<g>' * (nested + 1)}{'</g>' * (nested + 1)}</svg>", "k", "t", "a")
    for element in ("g", "metadata"):
        # Left open: it is refused on the way down.
        with pytest.raises(UsageError, match="figure 'k' nests more than 64 elements"):
            svg.inline(f"{HEAD}<{element}>{'<g>' * 200_000}", "k", "t", "a")
    monkeypatch.setattr(svg, "MOST_CHARACTERS", len(HEAD) + 5)
    with pytest.raises(UsageError, match=r"figure 'k' has \d+ characters; allowed: at most"):
        svg.inline(f"{HEAD}</svg> ", "k", "t", "a")


@pytest.mark.parametrize("text", ["", "not xml", "<html/>", "<svg/>"])
def test_what_is_no_svg_is_refused(text):
    with pytest.raises(UsageError, match="figure 'k'"):
        svg.inline(text, "k", "t", "a")


def test_an_image_in_the_drawing_itself_stays():
    # matplotlib breaks the line before the data.
    body = '<image xlink:href="data:image/png;base64,\nAA==" style="image-rendering:crisp-edges"/></svg>'
    assert '<image href="data:image/png;base64, AA=="' in svg.inline(HEAD + body, "k", "t", "a")


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
