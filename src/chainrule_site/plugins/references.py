"""Formulas, and links to PyTorch."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import (
    BasePlugin,
    CombinedEvent,
    event_priority,
    get_plugin_logger,
)
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from .. import tex, torchlinks
from ..cache import FOLDER

log = get_plugin_logger("chainrule")
UNREAD = re.compile(r'<svg .*?</svg>|<p class="(?:lesson-links|stamp)">.*?</p>', re.S)
"""Drawings, and the lines that every page has, which nobody searches."""


class MathPlugin(BasePlugin):
    """Writes formulas as HTML, so that a page needs no script to show them."""

    def on_startup(self, command: str, dirty: bool) -> None:
        """Note whether a bad formula ends the build or is shown as it is."""
        self.serving = command == "serve"

    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        """Ship the style sheet and the fonts of KaTeX, and nothing else of it."""
        for name, content in tex.assets().items():
            files.append(
                File.generated(config, f"assets/katex/{name}", content=content)
            )
        return files

    def on_pre_build(self, config: MkDocsConfig) -> None:
        """Forget the texts and the mistakes of the build before."""
        self.texts, self.mistakes = {}, []

    def on_page_content(self, html: str, page: Page, **_) -> str:
        """Replace what the arithmatex extension marked."""
        self.texts[page.url] = UNREAD.sub("", html)
        try:
            return tex.typeset(html)
        except tex.TexError as error:
            self.mistakes.append(f"{page.file.src_uri}: not a formula: {error}")
            if self.serving:
                log.info(self.mistakes[-1])
            return html

    def on_env(self, env, **_):
        """Say what no page can show, of all pages at once."""
        if self.mistakes and not self.serving:
            raise PluginError("\n" + "\n".join(self.mistakes))
        return env

    @event_priority(100)
    def _show_texts(self, context, page: Page, **_):
        """Let the search read formulas as they were written, and no drawings."""
        self.full, page.content = page.content, self.texts.get(page.url, page.content)
        return context

    @event_priority(-100)
    def _show_pages(self, context, page: Page, **_):
        """Give the page back what it shows."""
        page.content = self.full
        return context

    on_page_context = CombinedEvent(_show_texts, _show_pages)


class TorchLinksPlugin(BasePlugin):
    """Links the names of PyTorch in a text; a wrong one stays unresolved."""

    def on_env(self, env, config: MkDocsConfig, files: Files):
        """Tell autorefs where names are documented, before it resolves references."""
        pages = [
            file.page.content or "" for file in files.documentation_pages() if file.page
        ]
        names = set(re.findall(r'identifier="(torch\.[\w.]+)"', "".join(pages)))
        for name, url in torchlinks.urls(names, FOLDER / "torchlinks.json").items():
            config.plugins["autorefs"].register_url(name, url)
        return env
