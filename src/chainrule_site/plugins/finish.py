"""What every page of every kind gets at the end."""

from html import escape

from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.structure.pages import Page

from ..finish import description, lean, mended
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
    def on_post_page(self, output: str, **_) -> str:
        """Finish a page."""
        return self._finished(output)

    @event_priority(-100)
    def on_post_template(self, output: str, template_name: str, **_) -> str:
        """Finish the page for addresses that lead nowhere."""
        return self._finished(output) if template_name.endswith(".html") else output

    def _finished(self, page):
        page = lean(mended(page))
        return page if self.serving else guarded(page)
