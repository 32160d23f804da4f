"""The only module that knows MkDocs."""

import atexit
import logging
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import mkdocs_jupyter.plugin
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.config.config_options import Type
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
from mkdocs.utils import CountHandler, get_relative_url

from . import tex, torchlinks
from .cache import FOLDER, Cache
from .cost import COST, cost_table
from .download import FORMATS, download
from .lesson import LANGUAGES, LessonError, read
from .page import NAMES, Surroundings, failed, markdown, title
from .run import Runner

log = get_plugin_logger("chainrule")
HOME = "index.py"
FOLDERS = {lang: "" if lang == LANGUAGES[0] else f"{lang}/" for lang in LANGUAGES}
# one for both languages, and for every build of `mkdocs serve`
RUNNER = Runner(Cache(FOLDER / "lessons"), progress=log.info)
atexit.register(RUNNER.close)


class LessonsPlugin(mkdocs_jupyter.plugin.Plugin):
    """Lets mkdocs-jupyter say which files are pages, and Markdown say how they look."""

    def on_startup(self, command: str, dirty: bool) -> None:
        """Note whether a failing lesson ends the build or shows on its page."""
        self.serving = command == "serve"

    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        """Read and run every lesson, and put its downloads beside its page."""
        root = Path(config.config_file_path).parent
        if root != Path.cwd():
            raise PluginError(
                f"expected to run in {root}, beside mkdocs.yml, got {Path.cwd()}"
            )
        files = super().on_files(files, config)
        self.lessons, self.failures = {}, {}
        for file in files:
            if self.should_include(file):
                path = Path(file.abs_src_path).relative_to(root)
                try:
                    self.lessons[file.src_uri] = read(path)
                except LessonError as error:
                    self.failures[file.src_uri] = str(error)
        self.runs, failures = RUNNER.run(self.lessons.values())
        uris = {lesson.path: uri for uri, lesson in self.lessons.items()}
        self.failures |= {uris[path]: text for path, text in failures.items()}
        if self.failures and not self.serving:
            raise PluginError("\n" + "\n".join(map(str, self.failures.values())))
        for text in self.failures.values():
            log.info(f"A lesson fails, and its page says so:\n{text}")
        RUNNER.cache.keep_only({path.as_posix() for path in uris})
        for uri, lesson in self.lessons.items():
            if uri == HOME or uri in self.failures:
                continue
            page, run = files.get_file_from_path(uri), self.runs[lesson.path]
            for suffix in FORMATS:
                text = download(lesson, run, config.theme["language"], suffix)
                name = f"{page.url}{lesson.path.stem}.{suffix}"
                files.append(File.generated(config, name, content=text))
        return files

    def on_pre_page(self, page: Page, config: MkDocsConfig, files: Files) -> Page:
        """Leave the page to Markdown: the parent would render it with nbconvert."""
        return page

    def on_page_read_source(self, page: Page, config: MkDocsConfig) -> str | None:
        """Write the lesson as the Markdown of its page."""
        uri, lang = page.file.src_uri, config.theme["language"]
        if uri in self.failures:
            return failed(uri, self.failures[uri])
        if uri not in self.lessons:
            return None
        lesson = self.lessons[uri]
        around = None if uri == HOME else self._around(page, lesson, lang)
        return markdown(lesson, self.runs[lesson.path], lang, around)

    def on_page_markdown(self, text: str, page: Page, config: MkDocsConfig, **_) -> str:
        """Put the table of costs where a page asks for it."""
        if COST not in text:
            return text
        measured = bool(os.environ.get("CHAINRULE_COST"))
        costs = RUNNER.costs if measured else {}
        return text.replace(
            COST,
            cost_table(
                self.lessons.values(), self.runs, costs, config.theme["language"]
            ),
        )

    def _around(self, page, lesson, lang):
        known = self.lessons.keys() | self.failures.keys()
        if missing := [uri for uri in lesson.needs if uri not in known]:
            raise PluginError(f"{lesson.path}:1: needs={missing[0]!r} is not a lesson")
        here = page.file.src_uri
        return Surroundings(
            needs={
                get_relative_url(uri, here.rpartition("/")[0] + "/"): title(
                    self.lessons[uri], lang
                )
                for uri in lesson.needs
                if uri in self.lessons
            },
            edit=page.edit_url or "",
            other={k: v for k, v in alternates(page.url, lang).items() if k != lang},
        )

    def on_serve(self, server, **_):
        """Build again when the reference package changes, too."""
        server.watch("src/chainrule")


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
        """Forget the texts of the build before."""
        self.texts = {}

    def on_page_content(self, html: str, page: Page, **_) -> str:
        """Replace what the arithmatex extension marked."""
        self.texts[page.url] = re.sub(r"<svg .*?</svg>", "", html, flags=re.S)
        try:
            return tex.typeset(html)
        except tex.TexError as error:
            if self.serving:
                log.info(f"{page.file.src_uri}: not a formula: {error}")
                return html
            raise PluginError(f"{page.file.src_uri}: not a formula: {error}") from error

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


class LanguagesPlugin(BasePlugin):
    """Builds the site once for each language: `page.md`, or `page.zh.md` beside it."""

    config_scheme = tuple((lang, Type(dict, default={})) for lang in LANGUAGES)

    target = None
    """Where the finished site goes; None for `mkdocs serve`, which builds in place."""

    def on_startup(self, command: str, dirty: bool) -> None:
        """Count warnings from the start, to know whether a strict build will fail.

        MkDocs calls this once, and keeps the plugin for every build of the process.
        """
        self.command = command
        self.counter = CountHandler()
        self.counter.setLevel(logging.WARNING)
        logging.getLogger("mkdocs").addHandler(self.counter)

    @event_priority(100)
    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Take the words of the language, and build beside the last good site."""
        lang = config.theme["language"]
        words = self.config[lang]
        config.site_name = words.get("site_name", config.site_name)
        config.site_description = words.get("site_description", config.site_description)
        # the theme would take a link out of this language's folder for one inside it,
        # so it gets marks, which `_linked` replaces
        config.extra["alternate"] = [
            {"lang": other, "name": NAMES[other], "link": f"#{other}"}
            for other in LANGUAGES
        ]
        if lang == LANGUAGES[0] and self.command == "build":
            self.target = Path(config.site_dir)
            config.site_dir = str(self.target.with_name(f".{self.target.name}.new"))
        return config

    @event_priority(100)
    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        """Keep one file a page: the one in this language."""
        lang = config.theme["language"]
        pages = {f.src_uri: f for f in files if f.src_uri.endswith(".md")}
        twins = {uri: uri[:-3].rpartition(".") for uri in pages}
        for uri, (stem, _, suffix) in twins.items():
            if suffix in LANGUAGES[1:]:
                files.remove(pages[uri])
                if f"{stem}.md" not in pages:
                    log.warning(f"{uri} translates {stem}.md, which does not exist")
                elif suffix == lang:
                    pages[f"{stem}.md"].abs_src_path = pages[uri].abs_src_path
            elif lang == LANGUAGES[0]:
                for other in LANGUAGES[1:]:
                    if f"{uri[:-3]}.{other}.md" not in pages and _has_text(pages[uri]):
                        log.warning(
                            f"{uri} has no translation: expected {uri[:-3]}.{other}.md"
                        )
        return files

    def on_nav(self, nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:
        """Translate the names of the sections; a page is named by its own heading."""
        lang = config.theme["language"]
        names = self.config[lang].get("sections", {})
        for item in _sections(nav.items):
            if names and item.title not in names:
                log.warning(f"the section {item.title!r} has no name in {lang!r}")
            item.title = names.get(item.title, item.title)
        return nav

    def on_post_page(self, output: str, page: Page, config: MkDocsConfig) -> str:
        """Put in the words that no setting reaches, and mend one tag.

        The theme's script asks for a site map below the page of each
        `link[rel=alternate]`; with a blank in it, browsers and search engines still
        read the word, and the script does not.
        """
        lang = config.theme["language"]
        for said, word in self.config[lang].get("words", {}).items():
            output = output.replace(said, word)
        return _linked(output, alternates(page.url, lang))

    def on_post_template(
        self, output: str, template_name: str, config: MkDocsConfig
    ) -> str:
        """Link the languages on the page for addresses that lead nowhere, too."""
        root = urlsplit(config.site_url or "/").path
        root = root.removesuffix(f"{config.theme['language']}/")
        return _linked(
            output, {lang: root + folder for lang, folder in FOLDERS.items()}
        )

    @event_priority(-100)
    def on_post_build(self, config: MkDocsConfig) -> None:
        """Build the other languages, then put the new site in the place of the old."""
        if config.theme["language"] != LANGUAGES[0]:
            return
        for lang in LANGUAGES[1:]:
            other = load_config(
                config.config_file_path,
                site_dir=str(Path(config.site_dir, lang)),
                site_url=f"{config.site_url or ''}{lang}/",
                strict=config.strict,
            )
            other.theme["language"] = lang
            build(other)
        if self.target and not (config.strict and self.counter.get_counts()):
            shutil.rmtree(self.target, ignore_errors=True)
            Path(config.site_dir).rename(self.target)
        elif self.target:
            shutil.rmtree(config.site_dir)  # MkDocs is about to fail for the warnings

    def on_build_error(self, error: Exception) -> None:
        """Leave nothing behind; the last good site was not touched."""
        if self.target:
            shutil.rmtree(
                self.target.with_name(f".{self.target.name}.new"), ignore_errors=True
            )


def alternates(url: str, lang: str) -> dict[str, str]:
    """Return for each language the link to a page from the same page in `lang`."""
    return {
        other: get_relative_url(folder + url, FOLDERS[lang] + url)
        for other, folder in FOLDERS.items()
    }


def _linked(output, links):
    """Put links to the other languages in the place of their marks."""
    for lang, link in links.items():
        output = output.replace(f'href="#{lang}" hreflang', f'href="{link}" hreflang')
    return output.replace('<link rel="alternate"', '<link rel="alternate "')


def _has_text(file):
    """Say whether a page holds words, and not only the names of modules to document."""
    lines = Path(file.abs_src_path).read_text(encoding="utf-8").splitlines()
    return any(line and not line.startswith((":::", " ")) for line in lines)


def _sections(items):
    for item in items:
        if item.is_section:
            yield item
            yield from _sections(item.children)
