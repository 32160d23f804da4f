"""Say what machines want to know of pages: search engines, feeds, language models."""

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from .lesson import LANGUAGES

LICENSE = "https://spdx.org/licenses/MIT.html"
LOCALES = {"en": "en_US", "zh": "zh_CN"}
MARK = "<h1>404 - Not found</h1>"
"""What the theme puts on the page for addresses that lead nowhere."""
LOST = {
    "en": (
        "There is no page here",
        "No page has this address. Search for its words, or start here:",
        "Search",
        {"learn": "Learn", "errors": "I have an error", "reference": "Look up"},
    ),
    "zh": (
        "这里没有页面",
        "没有哪个页面在这个地址。可以搜索地址里的词，或者从这里开始：",
        "搜索",
        {"learn": "学习", "errors": "遇到报错", "reference": "查接口"},
    ),
}
INTRODUCTION = {
    "en": "Every page is here twice, as Markdown with all its code and outputs: in "
    "English, then in Chinese (简体中文). Beside it are the same page for readers (the "
    "folder of the file) and, for a lesson, a notebook and a Python file.",
    "zh": "每个页面都有一份 Markdown，代码和输出俱全；所在目录就是给人看的页面，"
    "课程旁边还有笔记本和 Python 文件。",
}
OTHERS = {"en": "Other pages", "zh": "其他页面"}


@dataclass(frozen=True)
class Page:
    """What there is to say of one page in one language."""

    title: str
    description: str
    kind: str | list[str]
    """What schema.org calls it."""
    lang: str
    site: str
    """The name of the site."""
    root: str
    """The address of the site in the first language; empty where it has none."""
    url: str
    """From the root of a language to the page, the same in each."""
    twin: str
    """The name of the Markdown file beside it."""

    @property
    def image(self) -> str:
        """The address of its picture, if others can reach it."""
        reached = is_published(self.root)
        return urljoin(self.addresses[self.lang], "preview.png") if reached else ""

    @property
    def addresses(self) -> dict[str, str]:
        """Its address in each language."""
        return addresses(self.root, self.url)


def addresses(root: str, url: str) -> dict[str, str]:
    """Return the address of a page in each language."""
    folders = {lang: "" if lang == LANGUAGES[0] else f"{lang}/" for lang in LANGUAGES}
    page = "" if url in (".", "./") else url
    return {lang: urljoin(root, folder + page) for lang, folder in folders.items()}


def is_published(root: str) -> bool:
    """Say whether an address leads to a site that others can reach.

    >>> from chainrule_site.metadata import is_published
    >>> is_published("https://example.org/"), is_published("http://127.0.0.1:8000/")
    (True, False)
    """
    host = urlsplit(root).hostname
    return host not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0")


def head(page: Page) -> str:
    """Return what goes into the head of a page.

    The theme's script asks for a site map below the page of each
    `link[rel=alternate]`; with a blank in it, browsers and search engines still read
    the word, and the script does not.
    """
    lines = [
        f'<link rel="alternate " type="text/markdown" href="{html.escape(page.twin)}">'
    ]
    if page.root:
        lines += [
            f'<link rel="alternate " hreflang="{lang}" href="{html.escape(link)}">'
            for lang, link in _with_default(page.addresses)
        ]
    lines += [
        f'<meta {"name" if name.startswith("twitter") else "property"}="{name}"'
        f' content="{html.escape(content)}">'
        for name, content in _cards(page)
        if content
    ]
    return "\n".join([*lines, _linked_data(page), ""])


def _cards(page):
    """Yield what the sites that show a card for a link look for."""
    yield "og:type", "website" if page.kind == "WebSite" else "article"
    yield "og:site_name", page.site
    yield "og:title", page.title
    yield "og:description", page.description
    yield "og:url", page.root and page.addresses[page.lang]
    yield "og:locale", LOCALES[page.lang]
    for lang in LANGUAGES:
        yield "og:locale:alternate", LOCALES[lang] if lang != page.lang else ""
    if page.image:
        yield "og:image", page.image
        yield "og:image:width", "1200"
        yield "og:image:height", "630"
        yield "og:image:alt", f"{page.title} · {page.site}"
    yield "twitter:card", "summary_large_image" if page.image else "summary"


def _linked_data(page):
    home = {"@type": "WebSite", "name": page.site}
    known = {
        "@context": "https://schema.org",
        "@type": page.kind,
        "name": page.title,
        "description": page.description,
        "inLanguage": page.lang,
        "license": LICENSE,
    }
    if page.root:
        known["url"] = page.addresses[page.lang]
        home["url"] = addresses(page.root, "")[page.lang]
    if page.image:
        known["image"] = page.image
    if page.kind != "WebSite":
        known["isPartOf"] = home
    # no text of a page may end the script it stands in
    data = json.dumps(known, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{data}</script>'


def sitemap(root: str, urls: Iterable[str], date: str) -> str:
    """Return the map of all pages in all languages, each with the others it has."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        ' xmlns:xhtml="http://www.w3.org/1999/xhtml">',
    ]
    for url in urls:
        known = addresses(root, url)
        links = [
            f'<xhtml:link rel="alternate" hreflang="{lang}"'
            f' href="{html.escape(link)}"/>'
            for lang, link in _with_default(known)
        ]
        for link in known.values():
            lines += ["<url>", f"<loc>{html.escape(link)}</loc>"]
            lines += [f"<lastmod>{date}</lastmod>", *links, "</url>"]
    return "\n".join([*lines, "</urlset>", ""])


def _with_default(known):
    """Return languages and addresses; readers of no other language get the first."""
    return *known.items(), ("x-default", known[LANGUAGES[0]])


def robots(root: str) -> str:
    """Let every program read every page, and say where they are listed."""
    where = urljoin(root, "sitemap.xml")
    return f"User-agent: *\nAllow: /\n\nSitemap: {where}\n"


def llms(name: str, summary: str, lang: str, sections: dict[str, list[str]]) -> str:
    """Return a list of all pages for language models, as llmstxt.org describes it."""
    parts = [f"# {name}", f"> {summary}", INTRODUCTION[lang]]
    for title, entries in sorted(sections.items(), key=lambda item: not item[0]):
        parts += [f"## {title or OTHERS[lang]}", "\n".join(entries)]
    return "\n\n".join(parts) + "\n"


def entry(title: str, address: str, description: str) -> str:
    """Return the line of one page in such a list."""
    told = f": {description}" if description else ""
    return f"- [{title.replace('[', '(').replace(']', ')')}]({address}){told}"


def lost(path: str, lang: str) -> str:
    """Return a page for addresses that lead nowhere, in all languages.

    Most hosts show one such page for all of a site, so the script beside it puts first
    the language that the address begins with.

    Args:
        path: The path of the site in the first language.
        lang: The language that comes first when no script runs.
    """
    order = sorted(LANGUAGES, key=lambda other: other != lang)
    names = [f'<span lang="{other}">{LOST[other][0]}</span>' for other in order]
    parts = [f"<h1>{' · '.join(names)}</h1>"]
    for other in order:
        home = addresses(path, "")[other]
        _, told, search, doors = LOST[other]
        links = " · ".join(
            f'<a href="{home}#{anchor}">{name}</a>' for anchor, name in doors.items()
        )
        parts.append(
            f'<section class="lost" lang="{other}"><p>{told}</p><p>{links}</p>'
            f'<form action="{home}"><input type="search" name="q" required'
            f' aria-label="{search}"> <button type="submit">{search}</button></form>'
            "</section>"
        )
    script = html.escape(urljoin(path, "assets/lost.js"))
    return "\n".join([*parts, f'<script src="{script}"></script>'])
