"""Plots as SVG that lies within a page: the page's colours and fonts, no clocks, no scripts, no names twice. Pure.

Colours are roles (:data:`ROLES`). A plot is drawn with one stand-in colour for each, which becomes a CSS variable, so
that one drawing fits light and dark.
"""

import re
import xml.etree.ElementTree as ET
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

ROLES: Final = {
    role: f"#{number:02x}{number:02x}fe"
    for number, role in enumerate(("ink", "muted", "grid", "surface", "blue", "green", "good", "bad", "doubt"), start=1)
}
"""Stand-in colours, none of which the page has otherwise."""
MARK: Final = "decision"
"""``gid`` of what keeps its name, as a class."""
PIXELS: Final = 72
"""Units of an SVG that matplotlib counts to an inch; the page shows one as one pixel."""
_SVG: Final = "{http://www.w3.org/2000/svg}"
_XLINK: Final = "{http://www.w3.org/1999/xlink}href"
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_FONT: Final = re.compile(r"font: ((?:[a-z0-9]+ )*)([\d.]+px) [^;]*")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How big a drawing is, in pixels."""

    name: str
    """``wide`` or ``narrow``: the page shows the one that fits."""
    width: int
    font: float


WIDE: Final = Size(name="wide", width=1080, font=12.5)
NARROW: Final = Size(name="narrow", width=356, font=11.0)


def drawing(size: Size) -> AbstractContextManager[None]:
    """The settings of matplotlib while a plot is drawn: never the user's own, never a formula in a text."""
    settings: Any = {
        **{key: value for key, value in mpl.rcParamsDefault.items() if key != "backend"},
        "svg.fonttype": "none",
        "svg.hashsalt": "release",
        "text.parse_math": False,
        "font.size": size.font,
        "axes.titlesize": size.font,
        "axes.labelsize": size.font,
        "xtick.labelsize": size.font - 0.5,
        "ytick.labelsize": size.font - 0.5,
        "axes.edgecolor": ROLES["grid"],
        "axes.labelcolor": ROLES["muted"],
        "axes.titlecolor": ROLES["ink"],
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": ROLES["grid"],
        "grid.linewidth": 0.8,
        "xtick.color": ROLES["grid"],
        "ytick.color": ROLES["grid"],
        "xtick.labelcolor": ROLES["muted"],
        "ytick.labelcolor": ROLES["muted"],
        "ytick.left": False,
        "text.color": ROLES["ink"],
        "lines.linewidth": 1.6,
        "lines.solid_capstyle": "round",
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
    }
    return mpl.rc_context(settings)


def figure(size: Size, height: float, ratios: tuple[float, ...]) -> tuple[Figure, list[Axes]]:
    """An empty drawing with aligned plots one above the other; ``ratios`` are their heights in pixels."""
    made = Figure(figsize=(size.width / PIXELS, height / PIXELS), dpi=PIXELS)
    FigureCanvasSVG(made)
    axes = made.subplots(len(ratios), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios})
    return made, list(axes[:, 0])


def markup(made: Figure, *, name: str, title: str, description: str) -> Markup:
    """The drawing as an ``svg`` element. ``name`` makes its references unique within the page."""
    written = BytesIO()
    made.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(written.getvalue())  # noqa: S314 - our own drawing
    for child in list(root):
        if child.tag in {f"{_SVG}metadata", f"{_SVG}defs"} and not child.findall(f"{_SVG}clipPath"):
            root.remove(child)
    _rename(root, name)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib.update({"role": "img", "aria-labelledby": f"{name}-title {name}-desc", "focusable": "false"})
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{_SVG}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(place, element)
    text = _plain_names(ET.tostring(root, encoding="unicode"))
    for role, stand_in in ROLES.items():
        text = text.replace(stand_in, f"var(--{role})")
    return Markup(text)  # noqa: S704 - serialised from a tree, so that every text in it is escaped


def _rename(root: ET.Element, name: str) -> None:
    """Give what is referred to a name of its own, and drop all other names."""
    used: set[str] = set()
    for element in root.iter():
        reference = element.attrib.pop(_XLINK, None)
        if reference is not None:
            element.attrib["href"] = f"#{name}-{reference[1:]}"
            used.add(reference[1:])
        for key, value in element.attrib.items():
            used.update(_REFERENCE.findall(value))
            element.attrib[key] = _FONT.sub(r"font: \1\2 var(--sans)", _REFERENCE.sub(rf"url(#{name}-\1)", value))
    for element in root.iter():
        identity = element.attrib.pop("id", None)
        if identity == MARK:
            element.attrib["class"] = MARK
        elif identity in used:
            element.attrib["id"] = f"{name}-{identity}"


def _plain_names(text: str) -> str:
    """Without namespace prefixes: an HTML parser knows ``svg`` by itself."""
    return re.sub(r"(</?)ns\d+:", r"\1", re.sub(r' xmlns:ns\d+="[^"]*"', "", text))
