"""SVG figures inlined in a page: an allow list decides what comes through, and ids are made unique per figure."""

import re
import xml.etree.ElementTree as ET
from xml.parsers import expat

from sottovoce.errors import UsageError

# Far above any figure (matplotlib nests 8 deep), far below what would exhaust memory or Python's stack.
MOST_CHARACTERS = 1 << 24
MOST_LEVELS = 64

# Properties that any element may have as attributes, and that its `style` may set.
PROPERTY = re.compile(
    r"clip-(path|rule)|fill(-(opacity|rule))?|font(-(family|size|stretch|style|variant|weight))?|image-rendering|opacity"
    r"|stroke(-(dasharray|dashoffset|linecap|linejoin|miterlimit|opacity|width))?|text-anchor|transform"
)
# Elements that matplotlib draws with, and the attributes of each besides `id`, `style` and the properties.
_BOX = ("x", "y", "width", "height")
ALLOWED = {
    **dict.fromkeys(("clipPath", "defs", "g"), ()),
    **dict.fromkeys(("text", "tspan"), ("x", "y")),
    "image": (*_BOX, "href"),
    "path": ("d",),
    "pattern": (*_BOX, "patternUnits"),
    "rect": _BOX,
    "use": ("x", "y", "href"),
}
# Elements that draw nothing: the page has a title, a description and a style sheet of its own.
DROPPED = frozenset({"metadata", "style", "title", "desc"})

# Values may hold numbers, words and quoted names; of all functions, transforms, colors and url() of a part.
_PLAIN = re.compile(r"[\w\s#%.,+'\"-]*")
_CALL = re.compile(r"(?:matrix|rgba?|rotate|scale|skew[XY]|translate)\([\w\s.,%+-]*\)")
_URL = re.compile(r"url\(\s*(['\"]?)#([\w.:-]+)\1\s*\)", re.IGNORECASE)
_PART = re.compile(r"#[\w.:-]+")
_IMAGE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]*")


def inline(svg: str, key: str, title: str, alt: str) -> str:
    """Return an SVG file's drawing as markup that can stand beside others in one HTML page.

    Every id, and every reference to one (``href="#..."``, ``url(#...)``), is prefixed with the key and a dot, so
    that two figures in which matplotlib used the same ids do not take each other's glyphs and clips. The root element
    keeps only its viewBox, so that the drawing scales, and gets the role "img", the title and, as its label, the alt
    text. The result has nothing that the allow list does not name.

    Raises:
        UsageError: the text is no SVG, has no viewBox, is too large or too deeply nested, declares entities, or holds
            an element, an attribute or a value that is not on the allow list.
    """
    if len(svg) > MOST_CHARACTERS:
        raise UsageError(f"figure {key!r} has {len(svg)} characters; allowed: at most {MOST_CHARACTERS}")
    drawing = _Drawing(key)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = drawing.start, drawing.end
    parser.CharacterDataHandler = drawing.data
    # Called at a declaration, before anything could be expanded.
    parser.EntityDeclHandler = parser.SkippedEntityHandler = drawing.refuse_entity
    try:
        parser.Parse(svg, True)
    except expat.ExpatError as error:
        raise UsageError(f"figure {key!r} is not an SVG: {error}; pass the text of the whole file") from error
    root = drawing.tree.close()
    root.attrib = {"viewBox": drawing.view_box, "role": "img", "aria-label": alt}
    name = ET.Element("title")
    name.text = title
    root.insert(0, name)
    return ET.tostring(root, encoding="unicode")


def width(svg: str) -> float:
    """Return the width of an SVG in its own units, as its viewBox gives it (matplotlib: points).

    Raises:
        UsageError: the SVG has no viewBox.
    """
    match = re.search(r'viewBox="\s*\S+?[\s,]+\S+?[\s,]+([0-9.]+)', svg)
    if match is None:
        raise UsageError("an SVG has no viewBox; one is needed to scale it")
    return float(match.group(1))


class _Drawing:
    """Checks each element when the parser meets it, and builds the tree of the allowed elements."""

    def __init__(self, key: str) -> None:
        self.tree, self.view_box = ET.TreeBuilder(), ""
        self._name, self._prefix = f"figure {key!r}", f"{key}."
        self._kept: list[bool] = []  # of each open element, whether it comes through or is dropped with all inside

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._kept) == MOST_LEVELS:
            raise UsageError(f"{self._name} nests more than {MOST_LEVELS} elements; a figure is flatter")
        if not self._kept:
            if tag != "svg" or "viewBox" not in attributes:
                raise UsageError(f"{self._name} has no <svg viewBox=...> as its root; a viewBox is needed to scale it")
            self.view_box, attributes = attributes["viewBox"], {}
        elif self._kept[-1] and tag not in ALLOWED and tag not in DROPPED:
            raise UsageError(f"{self._name} contains <{tag}>; a figure may only draw")
        self._kept.append(tag not in DROPPED and all(self._kept))
        if self._kept[-1]:
            # HTML has no namespaces, so `xlink:href` becomes `href`.
            plain = {name.removeprefix("xlink:"): value for name, value in attributes.items()}
            self.tree.start(tag, {name: self._checked(tag, name, value) for name, value in plain.items()})

    def end(self, tag: str) -> None:
        if self._kept.pop():
            self.tree.end(tag)

    def data(self, text: str) -> None:
        if self._kept[-1]:
            self.tree.data(text)

    def refuse_entity(self, name: str, *_: object) -> None:
        raise UsageError(f"{self._name} uses the entity {name!r}; a figure has no need of entities")

    def _checked(self, tag: str, name: str, value: str) -> str:
        """Return an attribute's value with its identifiers prefixed, or refuse what is not on the allow list."""
        if name == "id":
            return self._prefix + value
        settings, own = [(name, value)], ALLOWED[tag]
        if name == "style":
            settings, own = [part.partition(":")[::2] for part in value.split(";") if part.strip()], ()
        for key, content in settings:
            if key not in own and not PROPERTY.fullmatch(key.strip()):
                raise UsageError(f"{self._name} sets {key.strip()!r} in <{tag}>; a figure may only draw")
            is_image = tag == "image" and key == "href" and _IMAGE.fullmatch(content)
            # What is left without the allowed calls may hold no parenthesis, so any other function is refused.
            is_plain = key != "href" and _PLAIN.fullmatch(_CALL.sub("", _URL.sub("", content)))
            if not (is_image or is_plain or _PART.fullmatch(content)):
                raise UsageError(f"{self._name} refers to {value[:80]!r}; only parts of the figure itself are allowed")
        if name == "href":
            return re.sub("^#", f"#{self._prefix}", value)
        return _URL.sub(lambda match: f"url(#{self._prefix}{match[2]})", value)
