"""A traceback finds its page: in Python, in the script of the paste box, on the pages."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import quickjs
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chainrule.explain import LANGUAGES, explain
from chainrule.explain.text import squeezed
from chainrule_site import catalogue
from chainrule_site.lesson import HEADING, HEADING_ID
from chainrule_site.run import as_text

TABLE = json.loads(Path("src/chainrule/explain/causes.json").read_text("utf-8"))
SCRIPT = Path("docs/assets/explain.js").read_text("utf-8")
PASTED = Path("tests/tracebacks.txt").read_text("utf-8").split("\n#### ")[1:]
CASES = [
    pytest.param(*block.partition("\n")[0].split(), block.partition("\n")[2], id=name)
    for block in PASTED
    for name in [block.partition("\n")[0].replace(" ", ":")]
]
PIECES = [
    (row["page"].removesuffix(".py"), piece)
    for row in TABLE
    for says in [row["says"], *(cause.get("says", ()) for cause in row["causes"])]
    for piece in says
]
CAUSES = [(row["page"], cause["at"]) for row in TABLE for cause in row["causes"]]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def engine():
    """Return a JavaScript engine that has loaded the script, and no page."""
    context = quickjs.Context()
    context.eval(SCRIPT)
    context.set("table", json.dumps({x: catalogue.entries(x) for x in LANGUAGES}))
    context.eval(
        """
        const tables = JSON.parse(table);
        function answer(text, lang) {
            return JSON.stringify(chainruleExplain.explain(JSON.parse(text), tables[lang]));
        }
        let text;
        function ready(unit, times) { text = JSON.parse(unit).repeat(times); }
        function run() {
            return JSON.stringify(chainruleExplain.explain(text, tables.en));
        }
        """
    )
    return context


@pytest.fixture(scope="module")
def both(engine):
    """Return a function that asks Python and JavaScript, and compares their answers."""
    ask = engine.get("answer")

    def both(text, lang="en"):
        answer = explain(text, lang)
        assert json.loads(ask(json.dumps(text), lang)) == plain(answer)
        return answer

    return both


def plain(answer):
    """Write an answer as JSON would."""
    return {
        name: [
            entry._asdict() | {"causes": [cause._asdict() for cause in entry.causes]}
            for entry in entries
        ]
        for name, entries in answer._asdict().items()
    }


def pages(answer):
    return [entry.page.removeprefix("errors/") for entry in answer.found]


@pytest.mark.parametrize(("page", "cause", "text"), CASES)
def test_a_pasted_traceback_finds_its_page_and_its_cause(both, page, cause, text):
    answer = both(text)
    assert pages(answer)[0] == page
    assert cause in ("-", answer.found[0].causes[0].at)
    assert pages(both(text, "zh")) == pages(answer)


def test_there_are_many_tracebacks_and_every_page_has_one():
    assert len(CASES) >= 40
    assert {f"errors/{case.values[0]}.py" for case in CASES} == {
        row["page"] for row in TABLE
    }


def wrapped(text, width=60):
    """Break lines as a narrow terminal does, in the middle of words."""
    return "\n".join(
        line[at : at + width]
        for line in text.splitlines()
        for at in range(0, max(1, len(line)), width)
    )


WAYS = {
    "windows": lambda text: text.replace("\n", "\r\n"),
    "narrow": wrapped,
    "quoted": lambda text: re.sub("^", "> ", wrapped(text), flags=re.M),
    "twice": lambda text: re.sub("^", ">> | ", wrapped(text, 47), flags=re.M),
    "boxed": lambda text: re.sub("^(.*)$", r"│ \1 │", wrapped(text, 72), flags=re.M),
    "numbered": lambda text: "".join(
        f"\n {number:3} | {line}" for number, line in enumerate(text.splitlines(), 8)
    ),
    "coloured": lambda text: re.sub(r"(\w+)", "\x1b[0;31m\\1\x1b[0m", text),
    "coloured-once": lambda text: re.sub(r"(\w+)", "[1;32m\\1[0m", text),
    "linked": lambda text: re.sub(
        r"(\w+)", "\x1b]8;;file://x\x1b\\\\\\1\x1b]8;;\x07", text
    ),
    "nulls": "\0".join,
    "invisible": "\u200b".join,
    "right-to-left": lambda text: f"\u202e{text}\u202c",
    "chinese": lambda text: "报错如下：“" + text + "”，求助（在线等）！",
    "full-width": lambda text: text.translate(str.maketrans("():,'", "（）：，’")),
    "shouted": str.upper,
    "one-line": lambda text: " ".join(text.split()),
    "escaped": lambda text: json.dumps(
        {"log": " ".join(text.split())}, ensure_ascii=False
    ),
    "markdown": lambda text: text.replace("_", "\\_"),
    "in-a-log": lambda text: "step 1 loss 0.3\n" * 999 + text + "\nexit 1\n" * 99,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_traceback_is_known_however_it_was_pasted(both, way):
    for case in CASES:
        page, _, text = case.values
        answer = both(WAYS[way](text))
        # a message cut off in the middle of a text is not claimed, and it is the nearest
        entries = answer.found or answer.near if way == "in-a-log" else answer.found
        assert entries[0].page == f"errors/{page}", case.id


BYTES = {
    "utf-8": str.encode,
    "mark": lambda text: text.encode("utf-8-sig"),
    "powershell": lambda text: text.encode("utf-16"),
    "big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "no-mark": lambda text: text.encode("utf-16-le"),
    "half": lambda text: text.encode("utf-16") + b"\0",
    "gbk": lambda text: f"运行出错：{text}（见上）".encode("gbk", "ignore"),
    "broken": lambda text: b"\xff\xfd\x80" + text.encode() + "错".encode()[:2],
}


@pytest.mark.parametrize("way", BYTES)
def test_bytes_are_read_whoever_wrote_them(way):
    for case in CASES:
        page, _, text = case.values
        if text.isascii() or way != "no-mark":
            assert pages(explain(BYTES[way](text)))[:1] == [page], case.id


@pytest.mark.parametrize(("page", "piece"), PIECES)
def test_a_piece_is_of_one_page_only(both, page, piece):
    text = piece.replace("…", "torch.Size([3, 4])")
    assert [entry.page for entry in both(f"RuntimeError: {text}").found] == [page]
    assert squeezed(text) in squeezed(WAYS["narrow"](text))


@pytest.mark.parametrize(("page", "piece"), PIECES)
def test_a_message_cut_off_is_known_from_25_characters_on(both, page, piece):
    piece = piece.partition("…")[0]
    for length in range(27, len(piece), 9):
        for end in ("", '...")'):
            cut = both(f"Traceback:\nRuntimeError: {piece[:length]}{end}")
            assert page in [entry.page for entry in cut.found], piece[:length]
            assert length < 40 or cut.found[0].page == page, piece[:length]


def test_a_gap_is_200_characters_at_most(both):
    for length, found in (10, 1), (180, 1), (220, 0):
        text = f"Given groups={'x' * length} channels, but got"
        assert len(both(text).found) == found
    near = "channels, but got Given groups=1 Given groups=2 channels, but got"
    assert len(both(near).found) == 1


DRIFT = [
    (
        "modified-by-inplace",
        "{} [torch.FloatTensor [3]], which is output 0 of Sigmoid, is at version 1",
    ),
    (
        "modified-by-inplace",
        "{} [torch.FloatTensor [3]], which is output 0 of SigmoidBackward0, is at version 1",
    ),
    (
        "modified-by-inplace",
        "{} [torch.FloatTensor [3]], which is output 0 of AsStridedBackward0",
    ),
    (
        "unused-in-graph",
        "One of the differentiated Tensors appears to not have been used in the graph.",
    ),
    (
        "unused-in-graph",
        "The differentiated Tensor at index 1 appears to not have been used in the graph.",
    ),
    (
        "cross-entropy-target",
        "Expected object of scalar type Long but got scalar type Float for argument #2",
    ),
    ("cross-entropy-target", "expected scalar type Long but found Float"),
    ("cross-entropy-target", "expected target dtype to be Long or Byte, but got Float"),
    (
        "backward-twice",
        "Trying to backward …, but the buffers have already been freed.",
    ),
    ("backward-twice", "but the saved intermediate results have already been freed"),
    (
        "backward-twice",
        "(or directly access saved tensors after they have already been freed)",
    ),
    (
        "leaf-inplace",
        "a leaf Variable that requires grad has been used in an in-place operation.",
    ),
    (
        "leaf-inplace",
        "a leaf Variable that requires grad is being used in an in-place operation.",
    ),
    ("matmul-shapes", "size mismatch, m1: [1 x 2], m2: [3 x 4]"),
    ("matmul-shapes", "mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)"),
    (
        "does-not-require-grad",
        "element 0 of variables does not require grad and does not have a grad_fn",
    ),
    (
        "does-not-require-grad",
        "element 0 of tensors does not require grad and does not have a grad_fn",
    ),
    (
        "numpy-requires-grad",
        "Can't call numpy() on Variable that requires grad. Use var.detach().numpy()",
    ),
    ("state-dict-keys", "KeyError: 'unexpected key \"module.fc.bias\" in state_dict'"),
]
START = "one of the variables needed for gradient computation has been modified by an inplace operation:"


@pytest.mark.parametrize(("page", "text"), DRIFT)
def test_old_and_new_wordings_are_known(both, page, text):
    assert pages(both(f"RuntimeError: {text.format(START)}")) == [page]


TWICE = "RuntimeError: Trying to backward through the graph a second time\n"
LEAF = "RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.\n"
WARNING = (
    "UserWarning: Detected call of `lr_scheduler.step()` before `optimizer.step()`.\n"
)


@pytest.mark.parametrize(
    "between",
    [
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    ],
)
def test_the_last_exception_of_a_chain_comes_first(both, between):
    text = "{}\n" + between + "\n\nTraceback (most recent call last):\n{}"
    assert pages(both(text.format(TWICE, LEAF))) == ["leaf-inplace", "backward-twice"]
    assert pages(both(text.format(LEAF, TWICE))) == ["backward-twice", "leaf-inplace"]


def test_an_error_comes_before_a_warning_and_the_special_before_the_general(both):
    assert pages(both(TWICE + WARNING)) == ["backward-twice", "scheduler-order"]
    assert pages(both(WARNING + TWICE)) == ["backward-twice", "scheduler-order"]
    view = "RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation"
    assert both(view).found[0].causes[0].at == "view-of-leaf"
    assert both(LEAF).found[0].causes[0].at == "manual-update"


def test_hints_count_near_the_message_only(both):
    far, near = "lstm(x)\n" + "." * 30_000, "lstm(x)\n" + "." * 300
    assert both(near + TWICE).found[0].causes[0].at == "hidden-state"
    assert both(far + TWICE).found[0].causes[0].at == "two-calls"


def test_an_exception_is_explained_with_what_led_to_it():
    with pytest.raises(ValueError, match="cannot train") as caught:
        raise ValueError("cannot train") from RuntimeError(TWICE)
    assert pages(explain(caught.value)) == ["backward-twice"]
    assert pages(explain(ValueError("cannot train"))) == []


@pytest.mark.parametrize(
    "text", ["", " \n", "KeyError: 'lr'", "gradient", "\ud800", "(" * 99]
)
def test_what_is_not_in_the_table_is_not_claimed(both, text):
    answer = both(text)
    assert answer.found == ()
    assert len(answer.near) <= 3


def test_the_nearest_entries_are_named_instead(both):
    near = both("RuntimeError: grad can be made only for a scalar output").near
    assert near[0].page == "errors/scalar-outputs"


STRANGERS = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB",
    "RuntimeError: CUDA error: device-side assert triggered",
    "RuntimeError: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0",
    "IndexError: Dimension out of range (expected to be in range of [-1, 0], but got 1)",
    "ValueError: optimizer got an empty parameter list",
    "RuntimeError: stack expects each tensor to be equal size",
)


@pytest.mark.parametrize("text", STRANGERS)
def test_no_entry_is_near_for_a_few_words_in_common(both, text):
    assert both(text).near == ()


def test_what_cannot_be_explained_is_refused_in_words():
    with pytest.raises(TypeError, match="expected str, bytes or an exception, got int"):
        explain(3)
    with pytest.raises(ValueError, match="lang must be en or zh, got 'fr'"):
        explain("", "fr")


FRAGMENTS = st.one_of(
    st.sampled_from([piece for _, piece in PIECES]),
    st.sampled_from([piece[:30] for _, piece in PIECES]),
    st.sampled_from([part for _, piece in PIECES for part in piece.split("…")]),
    st.sampled_from(
        [
            "RuntimeError: ",
            "Warning: ",
            "exception:",
            "\n",
            "\r\n> ",
            "│ 3 │",
            "----> 3 ",
        ]
    ),
    st.sampled_from(
        [
            "\x1b[31m",
            "\x1b]8;;",
            "\x07",
            "[0m",
            "^[[1m",
            "\0",
            "\u202e",
            "İ",
            "K",
            "ß",
            "ſ",
            "．",
        ]
    ),
    st.sampled_from(
        [hint for row in TABLE for cause in row["causes"] for hint in cause["hints"]]
    ),
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.integers(1, 250).map("x".__mul__),
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FRAGMENTS, max_size=12))
@example(["Given groups=", "x" * 201, "channels, but got"])
def test_any_text_is_answered_and_in_both_languages_alike(both, fragments):
    both("".join(fragments))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data):
    explain(data)
    explain(b"\xff\xfe" + data)


def test_both_read_the_same_parts_of_a_very_long_text(both):
    junk = "x y" * MEGABYTE
    for text in (
        TWICE + junk,
        junk + TWICE + junk,
        junk + TWICE,
        LEAF + junk + TWICE + junk,
    ):
        assert pages(both(text))[0] == "backward-twice"
    assert pages(both(junk + TWICE[14:] + junk)) == []
    assert pages(both(junk + (TWICE * 1500) + junk)) == ["backward-twice"]


HOSTILE = {
    "brackets": "[",
    "nested": "[{(",
    "nulls": "\0",
    "lines": "\n",
    "short-lines": "\na",
    "quotes": "\n> a",
    "dashes": "\n---",
    "escapes": "\x1b[",
    "half-escapes": "\x1b]ab",
    "html": '<div><p class="a">&nbsp;</p><script>x</script></div>\n',
    "right-to-left": "\u202ea\u200f",
    "wide": "（",
    "growing": "İ",
    "blanks": "a ",
    "errors": "Error: ",
    "beginnings": " ".join(piece[: len(piece) // 2] for _, piece in PIECES),
    "almost": " ".join(piece.partition("…")[0][:-1] for _, piece in PIECES),
    "messages": "\n".join(piece for _, piece in PIECES),
    "gaps": "Given groups=" + "a" * 300 + " channels, but got ",
    "one-letter": "a",
    "dots": ".",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_ten_megabytes_take_less_than_a_second_and_at_most_twice_their_share(
    engine, unit
):
    ready, run = engine.get("ready"), engine.get("run")
    spent = {}
    for size in (1, 10):
        times = size * MEGABYTE // len(unit.encode())
        text = unit * times
        ready(json.dumps(unit), times)
        mine, answer = fastest(lambda text=text: explain(text))
        script, said = fastest(run)
        assert json.loads(said) == plain(answer)
        spent[size] = mine, script
    for short, long in zip(spent[1], spent[10], strict=True):
        assert long < 1
        assert long <= 20 * max(short, 0.01)


def fastest(call):
    """Return the processor time of a call, of another if it was slow, and its answer."""
    seconds = []
    while not seconds or (min(seconds) > 0.5 and len(seconds) < 3):
        start = time.process_time()
        answer = call()
        seconds.append(time.process_time() - start)
    return min(seconds), answer


def command(*arguments, text=b"", **environment):
    """Run the module as a reader does, in no particular language."""
    kept = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL")}
    return subprocess.run(
        [sys.executable, "-m", "chainrule.explain", *arguments],
        input=text,
        capture_output=True,
        env=kept | {"PYTHONIOENCODING": "utf-8"} | environment,
        timeout=60,
    )


def test_the_command_explains_its_standard_input():
    finished = command(text=TWICE.encode())
    assert finished.returncode == 0
    assert finished.stdout.decode().splitlines() == [
        "Trying to backward through the graph a second time",
        "",
        f"What happened: {TABLE[2]['en']['what']}",
        "Likely cause: two calls on a shared part",
        f"Fix: {TABLE[2]['causes'][0]['en']['fix']}",
        "Page: errors/backward-twice/#two-calls",
        "",
        "Other causes of this message:",
        f"- hidden state carried across steps: {TABLE[2]['causes'][1]['en']['fix']}",
        "  errors/backward-twice/#hidden-state",
    ]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--lang", "zh"], {"LANG": "en_US.UTF-8"}),
        ([], {"LANG": "zh_CN.UTF-8"}),
        ([], {"LC_ALL": "zh_TW.UTF-8", "LANG": "en_US.UTF-8"}),
    ],
)
def test_the_command_speaks_the_language_of_its_reader(arguments, environment):
    said = command(*arguments, text=(TWICE + LEAF).encode(), **environment).stdout
    assert TABLE[4]["zh"]["what"] in said.decode()
    assert "zh/errors/leaf-inplace/#manual-update" in said.decode()
    assert "文本里的其他报错：\n- Trying to backward" in said.decode()


def test_the_command_links_to_a_site():
    said = command("--site", "https://example.org/x", text=TWICE.encode()).stdout
    assert b"https://example.org/x/errors/backward-twice/#two-calls" in said


def test_the_command_says_so_when_it_knows_nothing():
    finished = command(text=b"RuntimeError: grad can be made only for a scalar output")
    assert finished.returncode == 1
    said = finished.stdout.decode()
    assert said.startswith("No message of the catalogue is in the text.\n")
    assert "- grad can be implicitly created only for scalar outputs\n" in said
    assert said.endswith("All messages: errors/\n")


def test_the_command_reads_any_bytes_and_writes_to_any_terminal():
    assert command(text=bytes(range(256)) * 99).returncode == 1
    said = command("--lang", "zh", text=TWICE.encode(), PYTHONIOENCODING="ascii")
    assert said.returncode == 0
    assert b"errors/backward-twice/#two-calls" in said.stdout
    chinese = f"运行出错：{TWICE}".encode("gbk")
    assert command(text=chinese).returncode == 0


DYING = """
import sys
print("said", *sys.argv[1:])
print("warned", file=sys.stderr)
{}
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that runs a script under the command."""

    def run(last, *arguments, lang="en"):
        path = tmp_path / "train.py"
        path.write_text(DYING.format(last), encoding="utf-8")
        alone = subprocess.run(
            [sys.executable, path, *arguments], capture_output=True, timeout=60
        )
        return alone, command("--lang", lang, str(path), *arguments)

    return run


def test_a_script_that_dies_is_explained_below_its_own_traceback(script):
    last = f"raise RuntimeError({TWICE.split(': ')[1].strip()!r})"
    for lang, title in (("en", "What happened: "), ("zh", "发生了什么：")):
        alone, ours = script(last, "--lang", "fr", lang=lang)
        assert ours.returncode == alone.returncode == 1
        assert ours.stdout == alone.stdout == b"said --lang fr\n"
        assert ours.stderr.startswith(alone.stderr)
        assert b"Traceback (most recent call last):" in alone.stderr
        assert title in ours.stderr.removeprefix(alone.stderr).decode()


def test_a_script_that_ends_well_is_left_alone(script):
    alone, ours = script("")
    assert (ours.returncode, ours.stdout, ours.stderr) == (0, b"said\n", b"warned\n")
    assert alone.stderr == ours.stderr


def test_a_script_keeps_its_exit_status(script):
    assert script("sys.exit(3)")[1].returncode == 3
    killed = script("import os; os.kill(os.getpid(), 9)")[1]
    assert killed.returncode == 128 + 9
    assert b"No message of the catalogue" in killed.stderr


def test_nothing_of_a_text_is_run_and_torch_is_not_imported(tmp_path):
    program = """
import sys
import chainrule.explain.__main__
chainrule.explain.explain("")
seen = []
sys.addaudithook(lambda event, args: seen.append(event))
chainrule.explain.explain("__import__('os').system('true')\\nRuntimeError: " + "x" * 99)
print("torch" in sys.modules, {e for e in seen if e in {"exec", "compile", "os.system", "socket.connect"}})
"""
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert finished.stdout == "False set()\n", finished.stderr


def test_the_table_is_whole():
    assert len({row["page"] for row in TABLE}) == len(TABLE) == 16
    assert len(PIECES) == len({squeezed(piece) for _, piece in PIECES})
    for _, piece in PIECES:
        assert piece.count("…") <= 1, piece
        assert all(len(squeezed(part)) >= 10 for part in piece.split("…")), piece
    for row in TABLE:
        places = [cause["at"] for cause in row["causes"]]
        assert len(places) == len(set(places))
        for lang in LANGUAGES:
            assert set(row[lang]) == {"title", "what"}
            assert all(row[lang].values())
        for cause in row["causes"]:
            assert cause["hints"]
            assert all(len(squeezed(hint)) >= 2 for hint in cause["hints"]), cause
            for lang in LANGUAGES:
                assert set(cause[lang]) == {"title", "fix"}
                assert all(cause[lang].values())


def test_texts_are_in_their_language_and_pairs_name_the_same_code():
    for row in TABLE:
        for text in [row, *row["causes"]]:
            english, chinese = (" ".join(text[lang].values()) for lang in LANGUAGES)
            assert not re.search("[\u3000-\u9fff\uff00-\uffef]", english)
            assert re.search("[\u4e00-\u9fff]", chinese)
            assert not re.search("[\u4e00-\u9fff][,;:?!]", chinese)
            assert english.count("`") % 2 == chinese.count("`") % 2 == 0


@pytest.mark.parametrize(("page", "cause"), CAUSES)
def test_every_cause_is_a_section_of_its_page(page, cause):
    text = Path("docs", page).read_text(encoding="utf-8")
    assert len(re.findall(rf"^# ### .*{{#{cause}}}$", text, re.M)) == len(LANGUAGES)


def test_the_title_is_the_heading_of_the_page():
    for row in TABLE:
        first = Path("docs", row["page"]).read_text(encoding="utf-8").splitlines()[1]
        assert first.startswith(f"# # {row['en']['title']} {{#"), first
        assert row["en"]["title"] == row["zh"]["title"]


def sections(lesson):
    """Yield each code cell with the id of the heading above it."""
    at = None
    for cell in lesson.cells:
        if cell.kind == "code":
            yield at, cell
        elif cell.lang == LANGUAGES[0]:
            for heading in HEADING.findall(cell.text):
                at = HEADING_ID.search(heading)[1]


def shown(run, cell):
    return "\n".join(as_text(output) for output in run.outputs[cell.number])


def test_what_a_cause_raises_on_its_page_is_recognised_as_its_page(lessons, runs):
    for page, cause in CAUSES:
        lesson, run = lessons[Path("docs", page)], runs[Path("docs", page)]
        cells = [cell for at, cell in sections(lesson) if at == cause]
        first = [explain(shown(run, cell)).found[:1] for cell in cells]
        found = [entry.page for entries in first for entry in entries]
        assert page.removesuffix(".py") in found, f"{page}#{cause}"


def test_no_page_raises_in_its_causes_what_another_page_claims(lessons, runs):
    for row in TABLE:
        page = row["page"]
        own = {"why", "fix", "causes", Path(page).stem}
        own |= {cause["at"] for cause in row["causes"]}
        lesson, run = lessons[Path("docs", page)], runs[Path("docs", page)]
        for at, cell in sections(lesson):
            if cell.raises and at in own:
                found = explain(shown(run, cell)).found
                others = {entry.page for entry in found} - {page.removesuffix(".py")}
                assert others == set(), lesson.at(cell)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_box_holds_its_table_as_data(lang):
    html = catalogue.box(lang, "../")
    assert "\n\n" not in html
    data = re.search(
        r'<script type="application/json" id="causes">(.*?)</script>', html
    )
    assert json.loads(data[1])["entries"] == catalogue.entries(lang)
    assert "<" not in data[1]
    assert re.findall(r"<(?:script|style)[^>]*>|\son\w+=|style=", html) == [
        '<script src="../assets/explain.js" defer>',
        '<script type="application/json" id="causes">',
    ]
    assert '<label for="traceback">' in html
    assert html.count("<noscript>") == 1


def test_an_end_tag_in_the_table_does_not_end_the_data(monkeypatch):
    rows = [{"says": ["</script><script>alert(1)"]}]
    monkeypatch.setattr(catalogue, "entries", lambda lang: rows)
    assert "</script><script>" not in catalogue.box("en", "")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_names_every_message_and_links_every_cause(lang):
    lines = catalogue.listing(lang).splitlines()
    assert len(lines) == len(TABLE) + len(CAUSES)
    linked = {link for line in lines for link in re.findall(r"\]\(([^)\s]+)\)", line)}
    pages = {Path(row["page"]).name for row in TABLE}
    assert linked == pages | {f"{Path(page).name}#{cause}" for page, cause in CAUSES}
    assert "(errors/backward-twice.py)" in catalogue.listing(lang, "errors/")


PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>Box</title>{box}<script>{script}</script>"


@pytest.fixture
def open_box(browser, tmp_path):
    """Return a function that shows the box of one language and notes its mistakes."""
    opened = []

    def open_box(lang="en", **options):
        page = browser.new_context(**options).new_page()
        opened.append(page)
        page.wrongs = []
        page.on("pageerror", lambda error: page.wrongs.append(str(error)))
        file = tmp_path / f"{lang}.html"
        box = catalogue.box(lang, "../")
        file.write_text(PAGE.format(box=box, script=SCRIPT), encoding="utf-8")
        page.goto(file.as_uri())
        page.on("request", lambda request: page.wrongs.append(request.url))
        return page

    yield open_box
    for page in opened:
        assert page.wrongs == []
        page.context.close()


def test_the_box_answers_a_click_a_key_and_a_paste(open_box):
    for lang, said in (("en", "What happened"), ("zh", "发生了什么")):
        page = open_box(lang, permissions=["clipboard-read", "clipboard-write"])
        box, result = page.get_by_role("textbox"), page.locator("[aria-live=polite]")
        assert page.get_by_label(catalogue._words(lang)["label"]).is_visible()
        box.fill(TWICE)
        page.get_by_role("button").click()
        assert said in result.inner_text()
        link = result.get_by_role("link").first
        assert link.get_attribute("href") == "../errors/backward-twice/#two-calls"
        box.fill(LEAF)
        box.press("Control+Enter")
        assert LEAF[14:40] in result.inner_text()
        box.fill("")
        box.press("Meta+Enter")
        assert result.inner_text() == ""
        page.evaluate(
            """(text) => {
            const area = document.querySelector("textarea");
            area.value = text;
            area.dispatchEvent(new Event("paste"));
        }""",
            WARNING,
        )
        page.wait_for_function("document.querySelector('[aria-live]').textContent")
        assert (
            "optimizer.step()"
            in result.locator("code").first.inner_text() + result.inner_text()
        )


def test_what_is_pasted_stays_text(open_box):
    page = open_box()
    page.get_by_role("textbox").fill(
        '<img src=x onerror="document.title=1">RuntimeError: grad can be made'
    )
    page.get_by_role("button").click()
    result = page.locator("[aria-live=polite]")
    assert "No message of the catalogue" in result.inner_text()
    assert result.locator("img").count() == 0
    assert page.title() == "Box"


def test_without_javascript_there_is_a_sentence_and_no_box(open_box):
    page = open_box(java_script_enabled=False)
    assert not page.get_by_role("textbox").is_visible()
    assert page.locator("noscript p").is_visible()


@pytest.mark.parametrize(
    "word",
    [
        "innerHTML",
        "outerHTML",
        "eval(",
        "Function(",
        "fetch(",
        "http",
        "import",
        "document.write",
        "Storage",
        "cookie",
    ],
)
def test_the_script_neither_runs_nor_sends_nor_keeps_what_it_reads(word):
    assert word not in SCRIPT
