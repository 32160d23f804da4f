"""The box that takes a traceback: what it answers, and that the text stays text."""

import re

import pytest

PAGES = ("", "errors/", "zh/", "zh/errors/")
FOUND = "a[href*='errors/modified-by-inplace/']"
TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 12, in <module>
    loss.backward()
RuntimeError: one of the variables needed for gradient computation has been modified by
an inplace operation: [torch.FloatTensor [3]], which is output 0 of SigmoidBackward0, is
at version 1; expected version 0 instead. Hint: enable anomaly detection to find the
operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly(True).
"""
MEGABYTES = 10


class Box:
    """The box of a page, as a reader finds it."""

    def __init__(self, page):
        box = page.locator("[data-explain]")
        assert box.count() == 1, f"no box on {page.url}"
        self.page = page
        self.area = box.locator("textarea")
        self.button = box.locator("button[type=submit]")
        self.result = box.locator("[aria-live=polite]")
        for part in (self.area, self.button, self.result):
            assert part.count() == 1, f"a box without {part} on {page.url}"
        self.meter = page.context.new_cdp_session(page)
        self.meter.send("Performance.enable", {"timeDomain": "threadTicks"})

    def answer(self, script):
        """Answer a text that a script makes; return what is said, and the seconds.

        They are seconds of the processor, which are the same on a busy machine. The
        field is out of sight meanwhile: to lay out ten million lines takes a browser
        half a minute, whoever looks for a message in them.
        """
        self.result.evaluate("e => e.replaceChildren()")
        self.area.evaluate(f"e => {{ e.style.display = 'none'; e.value = {script}; }}")
        before = self.worked()
        self.area.evaluate(
            """async (area) => {
                const result = document.querySelector("[data-explain] [aria-live]");
                const what = {childList: true, characterData: true, subtree: true};
                const answered = new Promise((resolve) =>
                    new MutationObserver(resolve).observe(result, what));
                area.form.requestSubmit();
                await answered;
            }"""
        )
        took = self.worked() - before
        said = self.result.inner_text()
        self.area.evaluate("e => { e.value = ''; e.style.display = ''; }")
        return said, took

    def worked(self):
        """Return the seconds that the page has used the processor."""
        metrics = self.meter.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")


@pytest.mark.parametrize("url", PAGES)
def test_a_traceback_leads_to_the_section_that_explains_it(open_page, address, url):
    page = open_page(url)
    box = Box(page)
    assert box.area.evaluate("e => e.labels.length === 1 && e.labels[0].innerText")
    box.area.fill(TRACEBACK)
    box.button.click()
    box.result.locator(FOUND).first.wait_for()
    with_anchor = box.result.locator("a[href*='modified-by-inplace/#']").first
    anchor = with_anchor.get_attribute("href").partition("#")[2]
    with_anchor.click()
    lang = "zh/" if url.startswith("zh/") else ""
    page.wait_for_url(f"{address}/{lang}errors/modified-by-inplace/#{anchor}")
    box = page.locator(f"[id='{anchor}']").bounding_box()
    assert 0 <= box["y"] < 900
    assert page.wrongs == []


@pytest.mark.parametrize("url", PAGES)
def test_ctrl_enter_answers(open_page, url):
    page = open_page(url)
    box = Box(page)
    box.area.fill(TRACEBACK)
    box.area.press("Control+Enter")
    box.result.locator(FOUND).first.wait_for()
    assert page.url.endswith(f"/{url}")


def test_to_paste_is_enough(open_page):
    page = open_page("errors/", permissions=["clipboard-read", "clipboard-write"])
    box = Box(page)
    page.evaluate("text => navigator.clipboard.writeText(text)", TRACEBACK)
    box.area.press("Control+v")
    box.result.locator(FOUND).first.wait_for()


def test_another_text_replaces_the_answer_and_no_text_removes_it(open_page):
    box = Box(open_page("errors/"))
    assert "modified" in box.answer(repr(TRACEBACK))[0]
    assert "modified" not in box.answer("'RuntimeError: shoes untied'")[0]
    box.area.fill(" ")
    box.button.click()
    assert box.result.inner_text() == ""


IMAGE = "<img src=x onerror=alert(1)>"
HOSTILE = (
    repr(IMAGE),
    repr(f"{TRACEBACK}\n{IMAGE}<svg onload=alert(1)><script>alert(1)</script>"),
    repr(f"RuntimeError: {IMAGE} has been modified by an inplace operation"),
    repr("</textarea><script>alert(1)</script><iframe src=/x></iframe>"),
    repr("javascript:alert(1) [x](javascript:alert(1)) {{7*7}} ${alert(1)}"),
    repr("__proto__ constructor toString hasOwnProperty"),
    repr("\x00\x1b[31m\x08\x7f \u202eRTL\u200f\u2066 \ufeff\ufffe \U0001f642"),
    "String.fromCharCode(0xd800, 0, 0xdc00, 0xffff)",
)
LARGE = (
    f"'[({{<'.repeat({MEGABYTES} << 18)",
    f"'['.repeat({MEGABYTES} << 20)",
    f"'\\n'.repeat({MEGABYTES} << 20) + 'x'",
    f"'\\x1b['.repeat({MEGABYTES} << 19)",
    f"'Error: has been modified by '.repeat({MEGABYTES} << 15)",
)


@pytest.mark.parametrize("url", ["errors/", "zh/"])
def test_hostile_text_stays_text(open_page, url):
    page = open_page(url)
    box, asked, shown = Box(page), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (shown.append(dialog.message), dialog.dismiss()))
    around = (
        "e => document.querySelectorAll('*').length - e.querySelectorAll('*').length"
    )
    elements = box.result.evaluate(around)
    for script in HOSTILE:
        said, _ = box.answer(script)
        assert said.strip(), script
        tags = "es => [...new Set(es.map(e => e.localName))]"
        found = set(box.result.locator("*").evaluate_all(tags))
        assert not found & {"img", "svg", "script", "iframe"}, script
        for link in box.result.locator("a").all():
            assert re.match(r"(?!\w+:)", link.get_attribute("href")), script
        assert box.result.evaluate(around) == elements, script
    page.wait_for_timeout(200)
    assert (asked, shown, page.wrongs) == ([], [], [])


def test_ten_megabytes_are_answered_within_a_second(open_page):
    page = open_page("errors/")
    box = Box(page)
    for script in LARGE:
        said, took = box.answer(script)
        assert said.strip(), script
        assert took < 1, script
    said, took = box.answer(f"'x '.repeat({MEGABYTES} << 19) + {TRACEBACK!r}")
    assert "modified by an inplace operation" in said
    assert took < 1
    assert page.wrongs == []


def test_without_javascript_there_is_no_button_that_does_nothing(open_page):
    for url in PAGES:
        page = open_page(url, java_script_enabled=False)
        assert page.locator("[data-explain]").count() == 1
        assert not page.locator("[data-explain] button").is_visible()
        assert page.locator("[data-explain]").inner_text().strip()
        assert page.locator("[data-explain] form").bounding_box() is None


@pytest.mark.parametrize("url", PAGES)
def test_nothing_moves_when_the_script_of_the_box_arrives(open_page, url):
    page = open_page(url, width=390)
    place = "e => e.getBoundingClientRect().bottom + scrollY"
    stood = page.locator("[data-explain]").evaluate(place)
    assert page.locator("[data-explain] button").is_visible()
    page.context.route("**/explain.js", lambda route: route.abort())
    page.reload()
    assert not page.locator("[data-explain] button").is_visible()
    assert page.locator("[data-explain]").evaluate(place) == stood
