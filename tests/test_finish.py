"""Finished pages say what is on them, once, and carry nothing they do not use."""

import html
import re
from unicodedata import east_asian_width

import pytest

from chainrule_site.finish import ROOM, description, lean, mended, spoken

LONG = "a word or two and " * 20


def columns(text):
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


@pytest.mark.parametrize(
    ("lead", "said"),
    [
        (r'It is <span class="arithmatex">\(x^2\)</span>.', "It is x^2."),
        ('<code>a &lt; "b"</code> is\ntrue.', 'a < "b" is true.'),
        (f"This is short, and says 1.5. {LONG}.", None),
        (f"{'Half of the room is taken by this sentence. ' * 2}{LONG}.", None),
        ("看这里：", "看这里。"),
        ("它只有一句。" * 20, "它只有一句。" * 13),
        ("它一句话就很长" * 20, "它一句话就很长" * 11 + "它一…"),
    ],
)
def test_the_lead_describes_a_page(lead, said):
    found = description(f'<h1 id="title">Title</h1>\n<p>{lead}</p><p>More.</p>')
    assert columns(found) <= ROOM
    if said:
        assert found == said
    else:
        assert found.endswith(("two…", "word…", "a…", "and…", "or…", "sentence."))


def test_a_page_that_does_not_begin_with_a_text_has_no_description_of_its_own():
    assert description("<h1>Title</h1><h2>Part</h2><p>Text.</p>") is None


def test_pages_of_a_language_are_described_each_in_its_way(site):
    found = {}
    for path in site.rglob("index.html"):
        page = path.read_text(encoding="utf-8")
        (text,) = re.findall(r'<meta name="description" content="([^"]*)">', page)
        text = html.unescape(text)
        assert 20 <= columns(text) <= ROOM, path
        assert not re.search(r"[<`*\\]|\s\s|&\w+;", text), path
        lang = "zh" if path.is_relative_to(site / "zh") else "en"
        assert found.setdefault((lang, text), path) == path


def test_images_have_a_size_before_they_are_there(site):
    for path in site.rglob("*.html"):
        for image in re.findall("<img [^>]*>", path.read_text(encoding="utf-8")):
            assert re.search(r'width="\d+" height="\d+"', image), (path, image)


def test_blanks_go_where_they_do_not_show():
    code = "<pre>\n\n  a\n</pre>\n<script>\n\n  b\n</script>\n<svg>\n\n  c</svg>"
    assert lean(f"<p>\n\n  Text\n  on</p>\n\n{code}") == f"<p>\nText\non</p>\n{code}"


def test_style_sheets_go_where_nothing_uses_them():
    sheet = '<link rel="stylesheet" href="../assets/katex/katex.css">'
    assert lean(sheet + "<p>Text</p>") == "<p>Text</p>"
    used = sheet + '<p><span class="katex"></span></p>'
    assert lean(used) == used


def test_an_empty_tabindex_is_dropped_and_a_number_kept():
    assert mended('<a tabindex=""></a><a tabindex="0">') == '<a></a><a tabindex="0">'


@pytest.mark.parametrize(
    "block",
    [
        "<p>一 two words</p>",
        "<p>全 English words here。</p>",
        "<p>word</p>",
        "<p><code>two words</code></p>",
        "<pre><p>Two words.</p></pre>",
    ],
)
def test_what_is_chinese_or_code_is_left_as_it_is(block):
    page = f'<html lang="zh">{block}'
    assert spoken(page) == page


def test_what_is_english_on_a_chinese_page_says_so(site):
    english = '<html lang="en"><p>Two words.</p>'
    assert spoken(english) == english
    page = (site / "zh" / "reference" / "descent" / "index.html").read_text()
    assert len(re.findall('<p lang="en">[A-Z(][^<]{8}', page)) > 10
    assert re.findall("<p>[A-Z][a-z]+ [a-z]+ [a-z]", page) == []
    page = (site / "zh" / "errors" / "modified-by-inplace" / "index.html").read_text()
    assert re.search(r'<h1 id="[^"]*" lang="en">one of the variables', page)


def test_the_words_of_the_reference_are_in_the_language_of_the_page(site):
    label = re.compile(
        r'class="(?:doc doc-backlink-type|doc-section-title|doc doc-class-bases)">'
        r"\s*([^<]+?)\s*<"
    )
    found = {"en": set(), "zh": set()}
    for path in sorted(site.glob("**/reference/*/index.html")):
        lang = "zh" if path.is_relative_to(site / "zh") else "en"
        found[lang] |= set(label.findall(path.read_text(encoding="utf-8")))
    assert len(found["en"]) == len(found["zh"]) > 5
    assert [w for w in found["en"] if not w.isascii()] == []
    assert [w for w in found["zh"] if not re.match("[\u4e00-\u9fff]", w)] == []
