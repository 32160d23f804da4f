"""Pages that are lessons."""

import atexit
import importlib.util
import os
import posixpath
import sys
from collections.abc import Iterable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority, get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from .. import catalogue
from ..cache import FOLDER, Cache
from ..cost import COST, cost_table
from ..download import FORMATS, download
from ..lesson import LANGUAGES, LessonError, read
from ..page import Surroundings, failed, markdown, title, unbroken
from ..run import Runner
from .languages import alternates


def _import_when_used(package, name):
    """Put off the import of a part of a package until something of it is used."""
    spec = importlib.util.find_spec(f"{package}.{name}")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    setattr(sys.modules[package], name, module)


# The parent class can convert notebooks, and imports for it what takes as long as to
# render all of a small site; ours converts nothing.
_import_when_used("mkdocs_jupyter", "convert")
import mkdocs_jupyter.plugin  # noqa: E402

log = get_plugin_logger("chainrule")
DOCS = Path("docs")
HOME = "index.py"
# one for both languages, and for every build of `mkdocs serve`
RUNNER = Runner(Cache(FOLDER / "lessons"), progress=log.info)
atexit.register(RUNNER.close)


class LessonsPlugin(mkdocs_jupyter.plugin.Plugin):
    """Lets mkdocs-jupyter say which files are pages, and Markdown say how they look."""

    def on_startup(self, command: str, dirty: bool) -> None:
        """Note whether a failing lesson ends the build or shows on its page.

        Lessons that must run start now: to import PyTorch takes longer than all that
        MkDocs does before it asks for the files.
        """
        self.serving = command == "serve"
        self._start(sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.py")))

    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        """Read every lesson and let it run, and put its downloads beside its page."""
        root = Path(config.config_file_path).parent
        if root != Path.cwd():
            raise PluginError(
                f"expected to run in {root}, beside mkdocs.yml, got {Path.cwd()}"
            )
        files = super().on_files(files, config)
        uris = [file.src_uri for file in files if self.should_include(file)]
        if config.theme["language"] == LANGUAGES[0]:  # the others show the same runs
            if sorted(uris) != self.started:
                self._start(uris)
            self.started = None
            RUNNER.cache.keep_only({str(DOCS / uri) for uri in uris})
        self.order = [file.src_uri for file in files]
        self.downloads = {}
        for uri in uris:
            page = files.get_file_from_path(uri)
            for suffix in FORMATS if uri != HOME else ():
                name = f"{uri[:-3]}/{page.name}.{suffix}"  # no lesson has this one
                files.append(File.generated(config, name, content=""))
                folder = posixpath.dirname(page.dest_uri)  # offline, it holds all pages
                file = files.get_file_from_path(name)
                file.dest_uri = posixpath.join(folder, f"{page.name}.{suffix}")
                self.downloads[name] = uri, suffix
        self._last(files)
        return files

    def _last(self, files):
        """Render last what has to wait: lessons that run, and pages about them all."""
        running = {path.relative_to(DOCS).as_posix() for path in self.batch.asked}
        pages = [f for f in files.documentation_pages() if f.src_uri in running]
        if running:
            texts = [f for f in files.documentation_pages() if f.src_uri[-3:] == ".md"]
            pages += [f for f in texts if COST in f.content_string]
        for file in pages:
            files.remove(file)
            files.append(file)

    def _start(self, uris):
        self.lessons, self.failures, self.costly = {}, {}, set()
        self.started = sorted(uris)
        self.batch = RUNNER.start(self._read(uris))

    def _read(self, uris):
        """Yield the lessons that can be read."""
        for uri in uris:
            self.failures.pop(uri, None)
            try:
                self.lessons[uri] = read(DOCS / uri)
            except LessonError as error:
                self._fail(uri, error)
            else:
                yield self.lessons[uri]

    def _fail(self, uri, error):
        self.failures[uri] = str(error)
        if self.serving:
            log.info(f"A lesson fails, and its page says so:\n{error}")

    def again(self, uris: Iterable[str]) -> set[str]:
        """Run lessons that were edited, and return all pages that must be rendered."""
        edited = list(self._read(uri for uri in uris if uri.endswith(".py")))
        batch = RUNNER.start(edited)
        batch.finish()
        self.batch.add(batch)
        return {*uris, *(self.costly if edited else ())}

    def on_pre_page(self, page: Page, config: MkDocsConfig, files: Files) -> Page:
        """Leave the page to Markdown: the parent would render it with nbconvert."""
        return page

    def on_page_read_source(self, page: Page, config: MkDocsConfig) -> str | None:
        """Write the lesson as the Markdown of its page, once it has run."""
        uri, lang = page.file.src_uri, config.theme["language"]
        lesson = self.lessons.get(uri)
        if lesson and uri not in self.failures:
            try:
                run = self.batch.wait(lesson.path)
            except LessonError as error:
                self._fail(uri, error)
            else:
                around = None if uri == HOME else self._around(page, lesson, lang)
                return markdown(lesson, run, lang, around)
        if uri in self.failures:
            return failed(title(lesson, lang) if lesson else uri, self.failures[uri])
        return None

    @event_priority(100)
    def on_env(self, env, config: MkDocsConfig, files: Files):
        """Say which lessons fail; or write the downloads of those in the files."""
        if self.failures and not self.serving:
            if config.theme["language"] != LANGUAGES[0]:
                sys.exit(1)  # the first language says why
            raise PluginError("\n" + "\n".join(self.failures.values()))
        for file in files:
            uri, suffix = self.downloads.get(file.src_uri, (None, None))
            if uri and uri not in self.failures:
                lesson, lang = self.lessons[uri], config.theme["language"]
                run = self.batch.runs[lesson.path]
                file.content_string = download(lesson, run, lang, suffix)
        self._in_order(files)
        return env

    def downloads_of(self, uri: str, files: Files) -> list[File]:
        """Return the downloads of one page."""
        names = [name for name, (owner, _) in self.downloads.items() if owner == uri]
        return [files.get_file_from_path(name) for name in names]

    def _in_order(self, files):
        """Undo what `_last` did: the search lists pages in one order in every build."""
        known = set(self.order)
        places = [uri for uri in self.order if files.get_file_from_path(uri)]
        places += [file.src_uri for file in files if file.src_uri not in known]
        for uri in places:
            file = files.get_file_from_path(uri)
            files.remove(file)
            files.append(file)

    def on_page_markdown(self, text: str, page: Page, config: MkDocsConfig, **_) -> str:
        """Put what is made for a page where it asks for it."""
        lang, here = config.theme["language"], page.url
        if page.file.src_uri.endswith(".md") and lang == "zh":
            text = unbroken(text)
        if catalogue.BOX in text:
            root = f"{get_relative_url('', here)}/"
            ending = "/" if config.use_directory_urls else ".html"
            text = text.replace(catalogue.BOX, catalogue.box(lang, root, ending))
        if catalogue.LIST in text:
            text = text.replace(catalogue.LIST, catalogue.listing(lang))
        if COST not in text:
            return text
        self.costly.add(page.file.src_uri)
        self.batch.finish()
        costs = self.batch.costs if os.environ.get("CHAINRULE_COST") else {}
        runs = self.batch.runs
        return text.replace(COST, cost_table(self.lessons.values(), runs, costs, lang))

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
