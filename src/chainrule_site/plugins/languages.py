"""One site in each language."""

import atexit
import logging
import multiprocessing
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

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
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils import CountHandler, get_relative_url

from ..finish import outside
from ..lesson import LANGUAGES
from ..page import NAMES
from ..warm import die_with_parent
from .again import Again, Built

log = get_plugin_logger("chainrule")
FOLDERS = {lang: "" if lang == LANGUAGES[0] else f"{lang}/" for lang in LANGUAGES}


class LanguagesPlugin(BasePlugin):
    """Builds the site once for each language: `page.md`, or `page.zh.md` beside it.

    `mkdocs build` builds the other languages in processes of their own, forked when it
    is known which lessons there are; `mkdocs serve` builds one after the other, and
    keeps them all, to render again only the pages that are edited.
    """

    config_scheme = tuple((lang, Type(dict, default={})) for lang in LANGUAGES)

    target = None
    """Where the finished site goes; None for `mkdocs serve`, which builds in place."""

    def on_startup(self, command: str, dirty: bool) -> None:
        """Count warnings from the start, to know whether a strict build will fail.

        MkDocs calls this once, and keeps the plugin for every build of the process.
        """
        self.command = command
        self.children, self.built, self.nav = {}, {}, None
        self.counter = CountHandler()
        self.counter.setLevel(logging.WARNING)
        logging.getLogger("mkdocs").addHandler(self.counter)
        atexit.register(self._abandon)  # what an interrupted build leaves

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
        # a scheme chosen in one language holds in all: the theme notes it by folder
        config.extra["scope"] = _root(config)
        if lang == LANGUAGES[0] and self.command == "build":
            self.target = Path(config.site_dir)
            config.site_dir = str(self.target.with_name(f".{self.target.name}.new"))
        return config

    @event_priority(100)
    def _one_file_a_page(self, files: Files, config: MkDocsConfig) -> Files:
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

    @event_priority(-100)
    def _build_others(self, files: Files, config: MkDocsConfig) -> Files:
        """Let the other languages be built meanwhile."""
        if self.command == "build" and config.theme["language"] == LANGUAGES[0]:
            for lang in LANGUAGES[1:]:
                self.children[lang] = self._fork(lang, config)
        return files

    on_files = CombinedEvent(_one_file_a_page, _build_others)

    def on_nav(self, nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:
        """Translate the names of the sections; a page is named by its own heading."""
        lang = config.theme["language"]
        names = self.config[lang].get("sections", {})
        for item in _sections(nav.items):
            if names and item.title not in names:
                log.warning(f"the section {item.title!r} has no name in {lang!r}")
            item.title = names.get(item.title, item.title)
        self.nav = nav
        return nav

    @event_priority(100)
    def on_env(self, env, config: MkDocsConfig, files: Files):
        """Keep what it takes to render a page again, unless that is going on now."""
        lang = config.theme["language"]
        known = self.built.get(lang)
        if self.command == "serve" and not (known and known.config is config):
            self.built[lang] = Built.of(config, files, self.nav, env)
        return env

    def on_post_page(self, output: str, page: Page, config: MkDocsConfig) -> str:
        """Put in the words that no setting reaches, and the links of this page."""
        lang = config.theme["language"]
        words = self.config[lang].get("words", {}).items()

        def translated(part):
            for said, word in words:
                part = part.replace(said, word)
            return part

        return _linked(outside(output, translated), alternates(page.url, lang))

    def on_post_template(
        self, output: str, template_name: str, config: MkDocsConfig
    ) -> str:
        """Link the languages on the page for addresses that lead nowhere, too."""
        root = _root(config)
        return _linked(
            output, {lang: root + folder for lang, folder in FOLDERS.items()}
        )

    @event_priority(-90)
    def _finish_others(self, config: MkDocsConfig) -> None:
        """See that all languages are built."""
        if config.theme["language"] != LANGUAGES[0]:
            return
        if self.command == "serve":
            for lang in LANGUAGES[1:]:
                _build(lang, config)
            return
        for lang in list(self.children):
            _, status = os.waitpid(self.children.pop(lang), 0)
            if status:
                raise PluginError(f"the site in {NAMES[lang]} is not built: see above")

    @event_priority(-100)
    def _replace(self, config: MkDocsConfig) -> None:
        """Replace the old site by the new."""
        if config.theme["language"] != LANGUAGES[0] or self.command == "serve":
            return
        if config.strict and self.counter.get_counts():
            return  # MkDocs is about to fail for the warnings
        shutil.rmtree(self.target, ignore_errors=True)
        Path(config.site_dir).rename(self.target)

    on_post_build = CombinedEvent(_finish_others, _replace)

    def on_build_error(self, error: Exception) -> None:
        """Leave nothing behind; the last good site was not touched."""
        self._abandon()

    def on_serve(self, server, config: MkDocsConfig, **_):
        """Render again only what an edit changed."""
        return Again(self.built).attach(server, config)

    def _fork(self, lang, config):
        """Build another language in a process of its own, and return its number.

        It hears of the lessons that still run from this process.
        """
        batch = config.plugins["lessons"].batch
        reader, writer = multiprocessing.Pipe(duplex=False)
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child:
            batch.tell(writer)
            reader.close()
            return child
        status = 1
        try:
            die_with_parent()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self.children.clear()
            writer.close()
            batch.follow(reader)
            _build(lang, config)
            status = 0
        except SystemExit as end:
            print(end, file=sys.stderr) if isinstance(end.code, str) else None
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _abandon(self):
        """End what still builds, and remove what it built."""
        for child in self.children.values():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.children.clear()
        if self.target:
            new = self.target.with_name(f".{self.target.name}.new")
            shutil.rmtree(new, ignore_errors=True)


def _build(lang, config):
    """Build the site in another language, beside the pages of the first."""
    other = load_config(
        config.config_file_path,
        site_dir=str(Path(config.site_dir, lang)),
        site_url=config.site_url and f"{config.site_url}{lang}/",
        strict=config.strict,
    )
    other.theme["language"] = lang
    build(other)


def _root(config):
    """Return the path of the first language, below which all others are."""
    root = urlsplit(config.site_url or "/").path
    return root.removesuffix(f"{config.theme['language']}/")


def alternates(url: str, lang: str) -> dict[str, str]:
    """Return for each language the link to a page from the same page in `lang`."""
    return {
        other: get_relative_url(folder + url, FOLDERS[lang] + url)
        for other, folder in FOLDERS.items()
    }


def _linked(output, links):
    """Put links to the other languages in the place of their marks.

    Those in the head are left out: the machines plugin writes whole addresses there.
    """
    output = re.sub(r'<link rel="alternate" href="#[^>]*>\s*', "", output)
    for lang, link in links.items():
        output = output.replace(f'href="#{lang}" hreflang', f'href="{link}" hreflang')
    return output


def _has_text(file):
    """Say whether a page holds words, and not only the names of modules to document."""
    lines = Path(file.abs_src_path).read_text(encoding="utf-8").splitlines()
    return any(line and not line.startswith((":::", " ")) for line in lines)


def _sections(items):
    for item in items:
        if item.is_section:
            yield item
            yield from _sections(item.children)
