"""Tell machines of each page, and make the site work without a server."""

import html
import re
import shutil
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import (
    BasePlugin,
    CombinedEvent,
    event_priority,
    get_plugin_logger,
)
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

from .. import metadata
from ..cache import FOLDER
from ..export import bare, plain
from ..lesson import LANGUAGES
from ..preview import Previews, Text

log = get_plugin_logger("chainrule")
SHIM = Path(__file__).parents[1] / "offline" / "iframe-worker.js"
SHIPPED = "assets/iframe-worker.js"


class MachinesPlugin(BasePlugin):
    """Gives pages metadata, a Markdown twin and a picture, and lists them all."""

    def on_startup(self, command: str, dirty: bool) -> None:
        """Note whether this is a preview, which needs no pictures."""
        self.serving = command == "serve"

    @event_priority(50)  # before the offline plugin, which would ask another host
    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Choose the files that a site needs: one map for all languages, or a shim."""
        if config.theme["language"] != LANGUAGES[0] or not config.site_url:
            config.theme.static_templates.discard("sitemap.xml")
        if is_offline(config):
            config.theme.static_templates.discard("404.html")
            config.extra["polyfills"] = [SHIPPED]
        return config

    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        """Ship what lets the search run without a server, and no theme's template."""
        unused = files.get_file_from_path("sitemap.xml")
        if unused and "sitemap.xml" not in config.theme.static_templates:
            files.remove(unused)
        if is_offline(config):
            content = SHIM.read_bytes()
            files.append(File.generated(config, SHIPPED, content=content))
        return files

    def on_nav(self, nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:
        """Note which pages there are, in the order of the menu."""
        self.pages = nav.pages
        return nav

    def on_post_page(self, output: str, page: Page, config: MkDocsConfig) -> str:
        """Write the twin of a page beside it, and say in its head what it is."""
        directories = config.use_directory_urls

        def place(uri):
            return _twin(uri, directories)

        uri = page.file.src_uri
        twin = Path(config.site_dir, place(uri))
        twin.parent.mkdir(parents=True, exist_ok=True)
        text = bare(plain(page.markdown, uri, place))
        twin.write_text(text.strip() + "\n", encoding="utf-8")
        head = metadata.head(_described(page, config))
        return output.replace("</head>", f"{head}</head>", 1)

    def on_post_template(
        self, output: str, template_name: str, config: MkDocsConfig
    ) -> str:
        """Replace the theme's site map and its page for wrong addresses."""
        if template_name == "sitemap.xml":
            date = self.pages[0].update_date
            urls = [page.url for page in self.pages]
            return metadata.sitemap(_root(config), urls, date)
        if template_name == "404.html":
            if metadata.MARK not in output:
                raise PluginError(f"expected {metadata.MARK} in the theme's 404.html")
            lang, path = config.theme["language"], urlsplit(_root(config)).path or "/"
            return output.replace(metadata.MARK, metadata.lost(path, lang))
        return output

    @event_priority(0)
    def _finish(self, config: MkDocsConfig) -> None:
        """List the pages of this language, and put a picture beside each."""
        if not config.site_url:
            return
        if not self.serving:
            self._draw(config)
        sections = {}
        for page in self.pages:
            section = page.ancestors[-1].title if page.ancestors else ""
            sections.setdefault(section, []).append(_entry(page, config))
        summary, lang = config.site_description, config.theme["language"]
        text = metadata.llms(config.site_name, summary, lang, sections)
        Path(config.site_dir, "llms.txt").write_text(text, encoding="utf-8")

    @event_priority(-95)  # when the other languages are built, and not yet in place
    def _join(self, config: MkDocsConfig) -> None:
        """Make one list of all languages, and fill in what pictures no font shows."""
        if not config.site_url or config.theme["language"] != LANGUAGES[0]:
            return
        site = Path(config.site_dir)
        Path(site, "robots.txt").write_text(metadata.robots(config.site_url))
        for lang in LANGUAGES[1:]:
            text = Path(site, lang, "llms.txt").read_text(encoding="utf-8")
            with Path(site, "llms.txt").open("a", encoding="utf-8") as joined:
                joined.write(text[text.index("\n## ") :])
            for page in Path(site, lang).rglob("index.html"):
                picture = page.with_name("preview.png")
                if not (picture.exists() or self.serving):
                    shutil.copy(site / picture.relative_to(site / lang), picture)

    on_post_build = CombinedEvent(_finish, _join)

    def _draw(self, config):
        lang = config.theme["language"]
        mark = Path(config.docs_dir, config.theme["logo"]).read_text(encoding="utf-8")
        texts = {
            page.url: Text(_title(page), config.site_name, lang, mark)
            for page in self.pages
        }
        pictures = Previews(FOLDER / "previews" / lang, log.info).get(texts)
        for url, png in pictures.items():
            Path(config.site_dir, url, "preview.png").write_bytes(png)


def _twin(uri, directories):
    """Return where the Markdown of a page goes: beside the page."""
    path = PurePosixPath(uri)
    if not directories or path.stem == "index":
        return str(path.with_suffix(".md"))
    return str(path.with_suffix("") / "index.md")


def _described(page, config):
    return metadata.Page(
        title=_title(page),
        description=_description(page) or config.site_description,
        kind=_kind(page),
        lang=config.theme["language"],
        site=config.site_name,
        root=_root(config),
        url=page.url,
        twin=PurePosixPath(_twin(page.file.src_uri, config.use_directory_urls)).name,
    )


def _kind(page):
    if page.is_homepage:
        return "WebSite"
    if page.file.src_uri.endswith(".py"):
        return ["TechArticle", "LearningResource"]
    return "APIReference" if ":::" in page.markdown[:4] else "TechArticle"


def _entry(page, config):
    twin = _twin(page.file.src_uri, config.use_directory_urls)
    address = metadata.addresses(_root(config), twin)[config.theme["language"]]
    return metadata.entry(_title(page), address, _description(page))


def _description(page):
    """Return what a page says of itself as text; the theme wants it as HTML."""
    return html.unescape(page.meta.get("description", ""))


def _title(page):
    """Return the title of a page as text."""
    return html.unescape(re.sub("<[^>]*>", "", page.title))


def _root(config):
    """Return the address of the site in the first language."""
    lang = config.theme["language"]
    folder = "" if lang == LANGUAGES[0] else f"{lang}/"
    return (config.site_url or "").removesuffix(folder)


def is_offline(config: MkDocsConfig) -> bool:
    """Say whether this builds the copy that needs no server."""
    plugins = config.plugins.items()
    return any(name.endswith("offline") and p.config.enabled for name, p in plugins)
