"""Draw the picture that others show of a page when somebody shares its address.

It holds the mark, the name of the site and the title of the page, and nothing else. A
picture is kept and drawn again only when one of these changes, so that a build that
changes no title need not import matplotlib, which takes longer than rendering pages.
"""

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from .cache import replace
from .figure import INK
from .page import FULL_WIDTH, HAN

WIDTH, HEIGHT = 1200, 630
"""In pixels; what the sites that show such pictures ask for."""
PAPER, ACCENT = "#fdfdfc", "#0b6b6d"
MARGIN, TOP, BOTTOM, MARK = 84, 190, 560, 62
ROOM = WIDTH - 2 * MARGIN
SIZES = (76, 64, 54, 46, 40, 34)
"""Pixels of the letters of a title: the first size at which it fits is taken."""
FAMILIES = {
    "en": ("DejaVu Sans",),  # comes with matplotlib
    "zh": (
        "Noto Sans CJK SC",
        "Noto Sans SC",
        "Source Han Sans SC",
        "PingFang SC",
        "Hiragino Sans GB",
        "Microsoft YaHei",
        "WenQuanYi Micro Hei",
        "WenQuanYi Zen Hei",
    ),
}
OPENING = "“‘（《「【"
# a word, or a Chinese character with the punctuation around it: where a line may end
PIECE = re.compile(
    rf"(?:[{OPENING}]*{HAN}|(?:(?!{HAN})\S)+)(?:(?![{OPENING}])[{FULL_WIDTH}])* ?| "
)


class Text(NamedTuple):
    """What a picture says."""

    title: str
    site: str
    lang: str
    mark: str
    """The mark of the site as SVG: a square of paths of M and C, in one stroke."""


class Previews:
    """The pictures of one language, kept below a folder."""

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self.folder, self.say = folder, say

    def get(self, texts: dict[str, Text]) -> dict[str, bytes]:
        """Return a PNG for each name, without those that no font here can show."""
        pictures = {name: self._kept(name, text) for name, text in texts.items()}
        missing = {name: texts[name] for name, png in pictures.items() if not png}
        if missing:
            pictures |= self._drawn(missing)
        self._keep_only(texts)
        return {name: png for name, png in pictures.items() if png}

    def _path(self, name):
        return self.folder / f"{name.replace('/', '.')}.png"

    def _kept(self, name, text):
        """Return a picture that was drawn before, if it is whole and says this text."""
        with contextlib.suppress(OSError):
            png = self._path(name).read_bytes()
            if _digest(text).encode() in png[:200] and png[-8:-4] == b"IEND":
                return png
        return None

    def _drawn(self, texts):
        """Draw pictures, and keep them."""
        pictures = {}
        for name, text in texts.items():
            font = _font(text.lang)
            if font is None:
                self.say(
                    f"no font for the preview images in {text.lang!r}, which show the "
                    f"English titles; needs one of: {', '.join(FAMILIES[text.lang])}"
                )
                break
            pictures[name] = _draw(text, font)
            with contextlib.suppress(OSError):  # a disk that is full costs time
                replace(self._path(name), pictures[name])
        return pictures

    def _keep_only(self, names: Iterable[str]):
        """Remove the pictures of pages that are no more."""
        wanted = {self._path(name) for name in names}
        for path in set(self.folder.glob("*.png")) - wanted:
            path.unlink(missing_ok=True)


@cache
def _drawing():
    """Return what all pictures depend on."""
    return sha256(Path(__file__).read_bytes()).hexdigest(), version("matplotlib")


def _digest(text):
    return sha256(json.dumps([*text, *_drawing()]).encode()).hexdigest()


@cache
def _font(lang):
    """Return the first font that is there, or None."""
    from matplotlib.font_manager import FontProperties, fontManager

    known = {entry.name for entry in fontManager.ttflist}
    for family in FAMILIES[lang]:
        if family in known:
            return FontProperties(family=family)
    return None


def _draw(text, font):
    from matplotlib import rc_context, rcParamsDefault
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(rcParamsDefault | {"backend": "agg"}):
        figure = Figure((WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        _draw_mark(figure, text.mark)
        _write(figure, font, MARGIN + 76, 104, 34, text.site, ACCENT, va="center")
        size, lines = _fitted(text.title, font, canvas.get_renderer())
        for number, line in enumerate(lines):
            y = TOP + (number + 1) * 1.3 * size
            _write(figure, font, MARGIN - 0.04 * size, y, size, line, INK)
        canvas.draw()
        return _png(canvas, _digest(text))


def _draw_mark(figure, svg):
    """Draw the mark, and a bar at the foot, in pixels from the upper left."""
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.transforms import Affine2D

    down = Affine2D().scale(1, -1).translate(0, HEIGHT)
    (size,) = re.findall(r'viewBox="0 0 (\d+) ', svg)
    scale = MARK / float(size)
    (width,) = re.findall(r'stroke-width="([\d.]+)"', svg)
    (colour,) = re.findall(r'stroke="(#\w+)"', svg)
    style = {"linewidth": float(width) * scale * 0.72, "edgecolor": colour}
    place = Affine2D().scale(scale).translate(MARGIN - 7, 104 - MARK / 2) + down
    for path in _paths(svg):
        stroke = PathPatch(path, fill=False, capstyle="round", **style)
        figure.add_artist(stroke).set_transform(place)
    bar = Rectangle((0, HEIGHT - 12), WIDTH, 12, color=ACCENT, linewidth=0)
    figure.add_artist(bar).set_transform(down)


def _paths(svg):
    """Return the curves of a drawing."""
    from matplotlib.path import Path as Curve

    for data in re.findall(r' d="([^"]*)"', svg):
        if other := set(re.findall("[A-Za-z]", data)) - {"M", "C"}:
            raise ValueError(f"expected M and C in the mark, got {', '.join(other)}")
        numbers = [float(n) for n in re.findall(r"-?\d*\.\d+|-?\d+", data)]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        curves = [Curve.CURVE4] * (len(points) - 1)
        yield Curve(points, [Curve.MOVETO, *curves])


def _write(figure, font, x, y, size, text, colour, va="baseline"):
    figure.text(
        x / WIDTH,
        1 - y / HEIGHT,
        text,
        font=font,
        fontsize=size * 0.72,
        color=colour,
        va=va,
        parse_math=False,
    )


def _fitted(title, font, renderer):
    """Return the largest size at which a title fits, and its lines."""
    for size in SIZES:
        sized = font.copy()
        sized.set_size(size * 0.72)

        @cache
        def width(text, sized=sized):
            return renderer.get_text_width_height_descent(text, sized, False)[0]

        lines = _lines(title, width)
        high = len(lines) * 1.3 * size <= BOTTOM - TOP
        if high and max(map(width, lines)) <= ROOM:
            break
    return size, _balanced(lines, title, width)


def _balanced(lines, title, width):
    """Make lines as short as they can be without another one, so that none is alone."""
    for room in range(ROOM, 0, -20):
        shorter = _lines(title, width, room)
        if len(shorter) > len(lines):
            break
        lines = shorter
    return lines


def _lines(title, width, room=ROOM):
    """Break a title where its language allows."""
    lines = [""]
    for piece in PIECE.findall(title):
        if lines[-1] and width((lines[-1] + piece).rstrip()) > room:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _png(canvas, digest):
    """Return a small PNG that names what it was made from."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Comment", digest)
    image = Image.frombytes("RGBA", (WIDTH, HEIGHT), bytes(canvas.buffer_rgba()))
    # the fast ways of both: half the time of a picture for a tenth of its bytes
    fast = {"method": Image.Quantize.FASTOCTREE, "dither": Image.Dither.NONE}
    few = image.convert("RGB").quantize(32, **fast)
    file = io.BytesIO()
    few.save(file, "png", compress_level=6, pnginfo=told)
    return file.getvalue()
