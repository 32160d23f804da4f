"""A figure is small, the same in every build, and can do nothing but show."""

from chainrule_site.figure import INK, PALETTE, themed, tidy


def test_coordinates_are_rounded_and_what_is_written_is_not():
    svg = '<svg ><path d="M 1.23456 -0.0001 123.456"/><text x="2.71828">0.14750 -0.123</text></svg>'
    assert tidy(svg) == (
        '<svg stroke-linejoin="round" ><path d="M 1.23 0 123.5"/>'
        '<text x="2.72">0.14750 -0.123</text></svg>'
    )


def test_a_number_that_another_processor_ends_sooner_is_rounded_alike():
    one, other = (f'<svg ><path d="M {x}"/></svg>' for x in ("110.68", "110.680001"))
    assert tidy(one) == tidy(other)


def test_only_ids_that_are_used_are_kept():
    svg = '<svg ><g id="a"><g id="b.1"/></g><use xlink:href="#a"/></svg>'
    assert tidy(svg) == (
        '<svg stroke-linejoin="round" ><g id="a"><g/></g><use xlink:href="#a"/></svg>'
    )


def test_nothing_in_a_figure_is_run_or_loaded():
    svg = (
        '<?xml?><svg onload="x()"><script>x()</script><style>*{}</style>'
        "<foreignObject><b/></foreignObject><a href=\"javascript:x()\"><text onclick='x()'>t"
        '</text></a><image href="https://example.org/x.png"/></svg>'
    )
    assert tidy(svg) == "<svg><a><text>t</text></a><image/></svg>"


def test_a_figure_takes_the_colours_of_the_page():
    svg = f'<svg ><text style="fill: {INK}">a</text><path style="stroke: {PALETTE[1]}"/></svg>'
    shown = themed(svg, 1, "A line.")
    assert "currentColor" in shown
    assert "var(--plot-1)" in shown
    assert shown.startswith('<svg role="img" aria-label="A line."')
