"""How figures look, in a notebook and on a page."""

import re

INK = "#1f2329"
PALETTE = ("#1d6fa5", "#bb5217", "#3c7d3e", "#8b4fa0", "#9a6b00", "#5f6672")
STYLE = {
    "figure.figsize": (6.4, 3.2),
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 12,  # no less than 9 pixels on a phone
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same widths anywhere
    "svg.fonttype": "none",  # text that can be found, read aloud and restyled
    "svg.hashsalt": "chainrule",  # the same ids in every build
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler('color', {list(PALETTE)})",
    "legend.frameon": False,
    **dict.fromkeys(
        [
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "xtick.color",
            "ytick.color",
        ],
        INK,
    ),
}
DROPPED = re.compile(
    r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->|<defs>\s*</defs>"
    r"|<script.*?</script>|<foreignObject.*?</foreignObject>",
    re.S | re.I,
)
"""What a page shows nothing of, or must not obey."""
TAG = re.compile(r"<[^>]*>")
ATTRIBUTES = (
    (re.compile(r"\son\w+=(\"[^\"]*\"|'[^']*')", re.I), ""),
    (re.compile(r"\s(xlink:)?href=\"(?!#|data:image/)[^\"]*\""), ""),
    (re.compile(r" font-family: [^;\"]*;| transform=\"rotate\(-?0 [^)]*\)\""), ""),
    (re.compile(r"-?\d+\.\d{2,}"), lambda m: _rounded(float(m[0]))),
    (re.compile(r"(?<![\d.])-0(?![\d.])"), "0"),
)


def _rounded(number):
    """Keep a tenth of a point of a place, and a hundredth of what is small."""
    text = f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"
    return text.rstrip("0").rstrip(".")


def tidy(svg: str) -> str:
    """Keep what shows of a figure: no metadata, unused ids or endless decimals."""
    svg = DROPPED.sub("", svg[svg.index("<svg") :])

    def tidied(tag):
        text = tag[0]
        for pattern, replacement in ATTRIBUTES:
            text = pattern.sub(replacement, text)
        return text

    svg = re.sub(r"\s*\n\s*", "\n", TAG.sub(tidied, svg))
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", svg)
    return svg.replace("<svg ", '<svg stroke-linejoin="round" ', 1)


def themed(svg: str, number: int, label: str) -> str:
    """Draw a figure in the colours of the page around it, light, dark or printed.

    Args:
        svg: What `tidy` returned.
        number: Which figure of the page it is, so that no two share an id.
        label: What is to be seen, for readers who do not see it.
    """
    svg = svg.replace(INK, "currentColor")
    for index, colour in enumerate(PALETTE):
        svg = svg.replace(colour, f"var(--plot-{index})")
    svg = re.sub(r'(id="|#)(?=[mp][0-9a-f]{10}\b)', rf"\g<1>f{number}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
