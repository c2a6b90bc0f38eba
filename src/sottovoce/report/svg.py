"""Figures inlined in a page: identifiers made the figure's own, size left to the page, a name for every reader."""

import re
import xml.etree.ElementTree as ET

from sottovoce.errors import UsageError

URL = re.compile(r"url\(\s*['\"]?\s*([^'\")\s]*)\s*['\"]?\s*\)", re.IGNORECASE)
DROPPED = frozenset({"metadata", "style", "title", "desc"})
REFUSED = frozenset({"script", "foreignObject", "iframe", "animate", "set"})


def inline(svg: str, key: str, title: str, alt: str) -> str:
    """Return an SVG file's drawing as markup that can stand beside others in one HTML page.

    Every id, and every reference to one (``href="#..."``, ``url(#...)``), is prefixed with the key and a dot, so
    that two figures that matplotlib gave the same names do not take each other's glyphs and clips. The XML prolog,
    the document type, the metadata and the style sheet (which would reach the whole page) go; so do width and
    height, so that the viewBox scales. HTML needs no XML namespaces: they go as well.

    Args:
        svg: an SVG file's text.
        key: prefix of the identifiers, unique among figures and without a dot.
        title: the figure's name.
        alt: what the figure shows, for a reader who does not see it.

    Returns:
        One ``<svg>`` element with role "img", its title and its label.

    Raises:
        UsageError: the text is no SVG, has no viewBox, could run code, or would load something from outside.
    """
    try:
        root = ET.fromstring(svg)
    except ET.ParseError as error:
        raise UsageError(f"figure {key!r} is not an SVG: {error}; pass the text of the whole file") from error
    view_box = root.get("viewBox")
    if _local(root.tag) != "svg" or view_box is None:
        raise UsageError(f"figure {key!r} has no <svg viewBox=...> as its root; a viewBox is needed to scale it")
    drawing = _clean(root, key)
    drawing.attrib = {"viewBox": view_box, "role": "img", "aria-label": alt}
    name = ET.Element("title")
    name.text = title
    drawing.insert(0, name)
    return ET.tostring(drawing, encoding="unicode")


def width(svg: str) -> float:
    """Return the width of an SVG in its own units, as its viewBox gives it (matplotlib: points).

    Args:
        svg: an SVG's text.

    Returns:
        The third number of the first viewBox.

    Raises:
        UsageError: there is none.
    """
    found = re.search(r'viewBox="\s*\S+?[\s,]+\S+?[\s,]+([0-9.]+)', svg)
    if found is None:
        raise UsageError("an SVG has no viewBox; one is needed to scale it")
    return float(found.group(1))


def _clean(element: ET.Element, key: str) -> ET.Element:
    """Return a copy without namespaces and without what an inlined drawing must not carry.

    Raises:
        UsageError: an element could run code.
    """
    tag = _local(element.tag)
    if tag in REFUSED:
        raise UsageError(f"figure {key!r} contains <{tag}>; a figure may only draw")
    copy = ET.Element(tag, {_local(n): _attribute(_local(n), v, key) for n, v in element.attrib.items()})
    copy.text, copy.tail = element.text, element.tail
    copy.extend([_clean(child, key) for child in element if _local(child.tag) not in DROPPED])
    return copy


def _attribute(name: str, value: str, key: str) -> str:
    """Return an attribute's value with its identifiers prefixed.

    Raises:
        UsageError: the attribute could run code or load something from outside the page.
    """
    if name.startswith("on"):
        raise UsageError(f"figure {key!r} has the attribute {name!r}; a figure may only draw")
    image = name == "href" and value.startswith("data:image/")
    targets = [value] if name in {"href", "src"} else URL.findall(value)
    if not (image or all(target.startswith("#") for target in targets)):
        raise UsageError(f"figure {key!r} refers to {value!r}; only parts of the figure itself are allowed")
    if name == "id":
        return f"{key}.{value}"
    if name == "href" and value.startswith("#"):
        return f"#{key}.{value[1:]}"
    return URL.sub(lambda match: f"url(#{key}.{match[1][1:]})", value)


def _local(name: str) -> str:
    """Return an element's or attribute's name without its namespace."""
    return name.rpartition("}")[2]
