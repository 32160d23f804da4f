"""Formulas become HTML while the site is built."""

import re

import pytest

from chainrule_site.tex import TexError, assets, typeset


def inline(tex):
    return f'<span class="arithmatex">\\({tex}\\)</span>'


def test_a_formula_becomes_html_and_mathml():
    html = typeset(f"<p>{inline('x^2')}</p>")
    assert html.startswith('<p><span class="katex">')
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html
    assert "arithmatex" not in html


def test_a_display_formula_is_display():
    assert "katex-display" in typeset('<div class="arithmatex">\\[x\\]</div>')


def test_escaped_signs_are_read_as_tex():
    assert "<mo>&lt;</mo>" in typeset(inline("a &lt; b"))


def test_text_without_formulas_is_left_alone():
    assert typeset("<p>$5 and $6</p>") == "<p>$5 and $6</p>"


def test_every_bad_formula_is_named():
    with pytest.raises(TexError) as caught:
        typeset(inline(r"\frac{1") + inline("x") + inline(r"\nope"))
    assert r"'\\frac{1': " in str(caught.value)
    assert r"'\\nope': " in str(caught.value)
    assert str(caught.value).count("\n") == 1


def test_the_style_sheet_asks_for_fonts_that_are_shipped():
    files = assets()
    wanted = set(re.findall(r"url\(([^)]*)\)", files["katex.css"].decode()))
    assert wanted == set(files) - {"katex.css"}
    assert all(name.endswith(".woff2") for name in wanted)
