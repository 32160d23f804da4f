"""What every page of every kind gets at the end."""

from html import escape

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.structure.pages import Page

from ..finish import description, lean, mended, spoken
from ..policy import guarded


class FinishPlugin(BasePlugin):
    """Describes pages, makes them lighter, and has browsers guard them."""

    def on_startup(self, command: str, dirty: bool) -> None:
        """Note whether `mkdocs serve` will put a script of its own into each page."""
        self.serving = command == "serve"

    @event_priority(100)
    def on_page_content(self, html: str, page: Page, **_) -> str:
        """Describe a page by its lead, while formulas are as they were written."""
        if "description" not in page.meta and (said := description(html)):
            page.meta["description"] = escape(said)
        return html

    @event_priority(-100)
    def on_post_page(self, output: str, config: MkDocsConfig, **_) -> str:
        """Finish a page."""
        return self._finished(output, config)

    @event_priority(-100)
    def on_post_template(
        self, output: str, template_name: str, config: MkDocsConfig
    ) -> str:
        """Finish the page for addresses that lead nowhere."""
        if not template_name.endswith(".html"):
            return output
        return self._finished(output, config)

    def _finished(self, page, config):
        page = lean(spoken(mended(page)))
        # a policy needs a host: 'self' means nothing to a file
        return guarded(page) if config.site_url and not self.serving else page
