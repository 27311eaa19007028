"""Svg: matplotlib's figures as pieces of a page, in the colours that the page has at night and by day."""

import io
import re

import matplotlib as mpl
from matplotlib.figure import Figure

# What a page decides stands in a figure as a colour that nothing else has; the style sheet knows the variables.
INK, FAINT, LINE = "#010203", "#040506", "#070809"
_VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", LINE: "var(--line)"}
# Apart for all common colour-blindnesses, and visible on white and on black.
SERIES = ("#3b82f6", "#f08c00", "#12a37f", "#d6549d", "#8b6cf0", "#8a94a6")

_STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be found, copied, read out
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": FAINT,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "xtick.color": LINE,
    "xtick.labelcolor": FAINT,
    "ytick.color": LINE,
    "ytick.labelcolor": FAINT,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "font.size": 9,
    "legend.frameon": False,
    "text.parse_math": False,  # a folder may be called $1 or $x$: names are text
    "path.simplify": False,
}
_SHORTER = (
    (re.compile(r"<metadata>.*?</metadata>|<!--.*?-->\s*|<style.*?</style>", re.DOTALL), ""),
    (re.compile(r' id="[a-zA-Z0-9.]+_\d+"'), ""),  # groups; what is used again has a digest for an id
    (re.compile(r"font-family: [^;\"]+;? ?"), ""),  # the page's own
    (re.compile(r' transform="rotate\(-?0 [^"]*"'), ""),
)
_PLACES = re.compile(r' (?:d|x|y)="[^"]*"')
_FINER = re.compile(r"(\.\d)\d+")  # than a tenth of a point

styled = mpl.rc_context(_STYLE)
"""Decorates what draws figures for as_svg."""


def as_svg(figure: Figure, title: str) -> str:
    """The figure as an <svg> for a page; title is what it shows, for who cannot see it.

    The same figure and title give the same text. It is as wide as its place, and no wider than it was drawn.
    """
    text = io.StringIO()
    # Ids are digests with this salt: those of two figures on a page must differ.
    with mpl.rc_context({**_STYLE, "svg.hashsalt": title}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    found = text.getvalue()
    found = found[found.index("<svg") :]
    for pattern, instead in _SHORTER:
        found = pattern.sub(instead, found)
    found = _PLACES.sub(lambda place: _FINER.sub(r"\1", place[0]), found)
    for colour, variable in _VARIABLES.items():
        found = found.replace(colour, variable)
    width, height = (72 * side for side in figure.get_size_inches())  # points
    label = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    head = (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {width:g} {height:g}" style="max-width:{width:.0f}pt"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return head + found[found.index(">") + 1 :]
