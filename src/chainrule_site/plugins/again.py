"""Show an edit at once: render the edited page again, and leave the others as they are.

MkDocs renders every page of every language after each edit. A page whose heading,
sections and references are what they were changes nothing on other pages, so it alone
is rendered. After any other edit (a heading, the menu, the reference package, a new
file) MkDocs builds everything.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from mkdocs.commands.build import _build_page, _populate_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from watchdog.observers.polling import PollingObserver

REFERENCE = re.compile(r'<autoref [^>]*identifier="([^"]+)"')
PACKAGE = "src/chainrule"
POLL = 0.2
"""Seconds between two looks at the files; MkDocs takes half a second."""


class Built(NamedTuple):
    """All that MkDocs knew of the site in one language when it had read its pages."""

    config: MkDocsConfig
    files: Files
    nav: Navigation
    env: object
    index: object
    """What the search will find."""
    outlines: dict[str, tuple]
    """For each page what other pages show of it; see `outline`."""

    @classmethod
    def of(cls, config: MkDocsConfig, files: Files, nav: Navigation, env) -> "Built":
        """Keep a site, before references are resolved in its pages."""
        pages = {f.src_uri: outline(f.page) for f in files if f.page}
        return cls(config, files, nav, env, _search(config).search_index, pages)


def outline(page: Page) -> tuple:
    """Return what other pages show of a page: its headings, and what it refers to."""

    def headings(items):
        return tuple((i.id, i.title, headings(i.children)) for i in items)

    references = frozenset(REFERENCE.findall(page.content or ""))
    return page.title, headings(page.toc), references


class Again:
    """Builds after an edit, as little as it can."""

    def __init__(self, built: dict[str, Built]):
        """Make a builder for sites that are built, by their languages."""
        self.built = built

    def attach(
        self, server: LiveReloadServer, config: MkDocsConfig
    ) -> LiveReloadServer:
        """Have a server build with this, and notice edits sooner."""
        self.full, server.builder = server.builder, self
        watched = [config.docs_dir, config.config_file_path]
        for path in watched:
            server.unwatch(path)
        server.observer = PollingObserver(timeout=POLL)
        self.watched = [*watched, PACKAGE]
        for path in self.watched:
            server.watch(path)
        self.seen = self._look()
        return server

    def __call__(self) -> None:
        """Build what the edits since the last build need."""
        before, now = self.seen, self._look()
        self.seen = None  # if this fails, all is built the next time
        if not before or before.keys() != now.keys() or not self._render(before, now):
            self.full()
        self.seen = now

    def _look(self):
        """Return when each file was last written."""
        roots = [Path(path) for path in self.watched]
        return {
            str(path.absolute()): path.stat().st_mtime_ns
            for root in roots
            for path in (root, *root.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }

    def _render(self, before, now):
        """Render the pages that were edited; say whether no other page is affected."""
        uris = {
            os.path.abspath(file.abs_src_path): file.src_uri
            for built in self.built.values()
            for file in built.files.documentation_pages()
            if file.abs_src_path
        }
        edited = {path for path, when in now.items() if when != before[path]}
        if edited - uris.keys():
            return False
        first = next(iter(self.built.values()))  # one plugin serves all languages
        pages = first.config.plugins["lessons"].again({uris[path] for path in edited})
        return all(
            self._pages(built, [built.files.get_file_from_path(uri) for uri in pages])
            for built in self.built.values()
        )

    def _pages(self, built, files):
        """Render pages in one language, and have the search find what they say now."""
        search = _search(built.config)
        search.search_index = built.index
        if not all(self._page(built, file) for file in files):
            return False
        search.on_post_build(config=built.config)
        built.config.plugins["finding"].on_post_build(config=built.config)
        return True

    def _page(self, built, file):
        """Render one page, and say whether the others still hold."""
        config, page = built.config, file.page
        _populate_page(page, config, built.files)
        lessons = config.plugins["lessons"]
        same = outline(page) == built.outlines[file.src_uri]
        if not same and file.src_uri not in lessons.failures:
            return False
        downloads = lessons.downloads_of(file.src_uri, built.files)
        config.plugins.on_env(built.env, config=config, files=Files([file, *downloads]))
        for download in downloads:
            download.copy_file()
        built.index.entries[:] = [
            entry
            for entry in built.index.entries
            if entry["location"].partition("#")[0] != page.url
        ]
        pages = built.files.documentation_pages()
        _build_page(page, config, pages, built.nav, built.env)
        page.validate_anchor_links(
            files=built.files, log_level=config.validation.links.anchors
        )
        return True


def _search(config):
    return next(p for name, p in config.plugins.items() if name.endswith("search"))
