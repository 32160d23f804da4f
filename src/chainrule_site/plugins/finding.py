"""The search box: its answers come from a script of our own."""

import re
from pathlib import Path

from mkdocs.config.config_options import Type
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin

from ..texts import texts
from .machines import is_offline

THEIRS = re.compile(r"assets/javascripts/workers/search\.\w+\.min\.js")
OURS = "assets/search.js"
COUNT = 'class="md-search-result__meta"'
NOTHING = "[]"


class FindingPlugin(BasePlugin):
    """Has `assets/search.js` search the texts, which it loads when somebody types.

    The theme loads its own index with every page; it gets an empty one, or in a copy
    without a server the texts. Its plugin is what finds the sections of a page, and
    their places.
    """

    config_scheme = (("also", Type(dict, default={})),)

    def on_post_page(self, output: str, **_) -> str:
        """Name our script as the one that searches, and have its count read aloud."""
        output, scripts = THEIRS.subn(OURS, output)
        if scripts != 1 or output.count(COUNT) != 1:
            raise PluginError(f"expected {THEIRS.pattern} and {COUNT} once on a page")
        return output.replace(COUNT, f'{COUNT} role="status"')

    def on_post_template(self, output: str, template_name: str, **_) -> str:
        """Name it on the page for addresses that lead nowhere, too."""
        return self.on_post_page(output) if template_name == "404.html" else output

    def on_post_build(self, config: MkDocsConfig) -> None:
        """Write the texts beside the index, and empty that."""
        folder = Path(config.site_dir, "search")
        index = config.plugins["material/search"].search_index
        found = texts(index.entries, self.config["also"])
        with_page, apart = (found, NOTHING) if is_offline(config) else (NOTHING, found)
        index = f'{{"config":{{}},"docs":{with_page}}}'
        (folder / "search_index.json").write_text(index, encoding="utf-8")
        (folder / "sections.json").write_text(apart, encoding="utf-8")
