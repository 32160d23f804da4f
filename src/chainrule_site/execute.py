"""Run the cells of one lesson as Jupyter would, and keep what they show.

Runs in a process of its own, which ends with the lesson. What a cell shows is kept as
Jupyter's own output types: `stream`, `execute_result`, `display_data` and `error`.
"""

import io
import os
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .clean import Cleaner
from .figure import STYLE

INLINE = "module://matplotlib_inline.backend_inline"
SOURCE = f"{os.sep}src{os.sep}chainrule{os.sep}"
"""The reference package: a reader can look its lines up, unlike those of a library."""
DEEP = 12
"""Lines of a traceback; of a deeper one the first and the last are shown."""


def execute(
    steps: list[dict],
    *,
    cleaner: Cleaner,
    kilobytes: int,
    tell: Callable[[dict], None],
) -> list:
    """Run the steps of a lesson in order, in the current folder.

    Args:
        steps: `{"cell": number, "code": text, "raises": bool}`, or for a text cell
            `{"cell": number, "values": [expression, …]}`.
        cleaner: Takes from outputs what no page should show.
        kilobytes: How much all cells together may print.
        tell: Is told the cell that runs, and why the process is about to end.

    Returns:
        One result a step: the outputs of a code cell, or each expression's text, or
        for an expression that raises `{"error": text}`. A failure nobody asked for
        ends the run; the list then ends with it.
    """
    results = []
    with _Capture(kilobytes << 10, tell) as capture:
        shell = _shell(capture)
        for step in steps:
            capture.begin(step["cell"])
            if "values" in step:
                result = [_value(shell, text, cleaner) for text in step["values"]]
                failed = any(isinstance(value, dict) for value in result)
            else:
                outcome = shell.run_cell(step["code"], store_history=True)
                result = [cleaner.output(_joined(o)) for o in capture.end()]
                failed = not outcome.success and not step["raises"]
            results.append(result)
            if failed:
                return results
        capture.check_left()
    return results


def _value(shell, expression, cleaner):
    try:
        return cleaner.text(str(eval(expression, shell.user_ns)))
    except Exception as error:
        return {"error": "".join(traceback.format_exception_only(error)).strip()}


def _shell(capture):
    """Make an IPython that writes nothing to disk."""
    config = Config()
    config.HistoryManager.enabled = False
    shell = _Shell.instance(
        config=config,
        ipython_dir=tempfile.gettempdir(),  # or it makes one in the reader's home
        displayhook_class=_Results,
        display_pub_class=_Display,
    )
    shell.capture = shell.displayhook.capture = shell.display_pub.capture = capture
    if "matplotlib" in sys.modules:
        _draw_inline(shell)
    return shell


def _draw_inline(shell):
    """Show a cell's figures under the cell, as Jupyter does, but as SVG."""
    import matplotlib
    from matplotlib import pyplot
    from matplotlib_inline import backend_inline

    shell.config.InlineBackend.figure_formats = {"svg"}
    matplotlib.use(INLINE, force=True)
    matplotlib.interactive(True)  # or the figure of a cell is not noticed
    backend_inline.configure_inline_support(shell, INLINE)
    pyplot.uninstall_repl_displayhook()  # it would draw each figure as pixels, too
    matplotlib.rcParams.update(STYLE)


class _Shell(InteractiveShell):
    colors = "nocolor"

    def init_hooks(self):
        super().init_hooks()
        warnings.formatwarning = lambda message, category, *_: (
            f"{category.__name__}: {message}\n"
        )

    def showtraceback(self, exc_tuple=None, **_):
        kind, error, trace = self._get_exc_info(exc_tuple)
        message = "".join(traceback.format_exception_only(error)).strip()
        frames = [frame for frame in traceback.extract_tb(trace) if _shown(frame)]
        own = [f.lineno for f in frames if f.filename.startswith("<ipython-input")]
        lines = [_frame(frame) for frame in frames]
        if len(lines) > DEEP:
            lines[DEEP // 2 : -DEEP // 2] = [f"  … {len(lines) - DEEP} more calls"]
        self.capture.add(
            {
                "output_type": "error",
                "ename": kind.__name__,
                "evalue": str(error),
                "traceback": [
                    "Traceback (most recent call last):",
                    *lines,
                    *message.splitlines(),
                ],
                "line": own[-1] if own else 1,
            }
        )


def _shown(frame):
    """Say whether a reader can see this line: it is in the lesson or its source."""
    return frame.filename.startswith("<ipython-input") or SOURCE in frame.filename


def _frame(frame):
    where = "" if frame.name == "<module>" else f"in {frame.name}: "
    return f"  {where}{frame.line}"


class _Results(DisplayHook):
    def __call__(self, result=None):
        if result is not None and not self.quiet():
            data, metadata = self.compute_format_data(result)
            self.update_user_ns(result)
            self.capture.add(
                {
                    "output_type": "execute_result",
                    "data": data,
                    "metadata": metadata,
                    "execution_count": self.prompt_count,
                }
            )
            self.fill_exec_result(result)


class _Display(DisplayPublisher):
    def publish(self, data, metadata=None, **_):
        self.capture.add(
            {"output_type": "display_data", "data": data, "metadata": metadata or {}}
        )

    def clear_output(self, wait=False):
        self.capture.outputs.clear()


def _joined(output):
    """Return a stream in one piece; adding to a long text would copy it each time."""
    if "parts" not in output:
        return output
    kept = {key: value for key, value in output.items() if key != "parts"}
    return kept | {"text": "".join(output["parts"])}


class _Capture:
    """Takes all that is written, by Python or below it, in the order it was written."""

    def __init__(self, limit, tell):
        self.limit, self.tell = limit, tell
        self.outputs, self.cell, self.size = [], None, 0
        self.threads = set(threading.enumerate())

    def __enter__(self):
        self.files = {}
        self.saved = [(number, os.dup(number)) for number in (1, 2)]
        self.before = sys.stdout, sys.stderr
        self.streams = _Stream(self, "stdout", 1), _Stream(self, "stderr", 2)
        sys.stdout, sys.stderr = self.streams
        for name, number in (("stdout", 1), ("stderr", 2)):
            file = self.files[name] = tempfile.TemporaryFile(buffering=0)
            os.dup2(file.fileno(), number)
        return self

    def __exit__(self, *_):
        sys.stdout, sys.stderr = self.before
        for number, saved in self.saved:
            os.dup2(saved, number)
            os.close(saved)
        for file in self.files.values():
            file.close()

    def begin(self, cell):
        """Start a cell: what it shows is its own."""
        self.outputs, self.cell = [], cell
        self.tell({"cell": cell})

    def end(self):
        """Return what the cell showed."""
        self.poll()
        if (sys.stdout, sys.stderr) != self.streams:
            self.give_up("left sys.stdout or sys.stderr replaced, so nothing shows")
        return self.outputs

    def check_left(self):
        """Refuse a lesson that goes on after its last cell."""
        left = [t.name for t in threading.enumerate() if t not in self.threads]
        if left:
            self.give_up(f"left a thread running: {', '.join(left)}")
        if left := _children():
            self.give_up(f"left a process running: {', '.join(left)}")

    def give_up(self, reason):
        """End the process here and now, whatever the cell would catch."""
        self.tell({"died": reason, "cell": self.cell})
        os._exit(0)

    def add(self, output):
        self.poll()
        self._count(sum(map(len, map(str, output.get("data", {}).values()))))
        self.outputs.append(output)

    def write(self, name, text):
        self.poll()
        self._append(name, text)

    def poll(self):
        """Take what C code and child processes wrote since the last time."""
        for name, file in self.files.items():
            if size := os.fstat(file.fileno()).st_size:
                text = os.pread(file.fileno(), size, 0).decode(errors="replace")
                os.ftruncate(file.fileno(), 0)
                os.lseek(file.fileno(), 0, os.SEEK_SET)
                self._append(name, text)

    def _append(self, name, text):
        self._count(len(text))
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["parts"].append(text)
        else:
            self.outputs.append(
                {"output_type": "stream", "name": name, "parts": [text]}
            )

    def _count(self, size):
        self.size += size
        if self.size > self.limit:
            self.give_up(f"showed more than {self.limit >> 10} KB")


def _children():
    """Return the names of the processes that this one started and that still run."""
    import multiprocessing
    from multiprocessing import resource_tracker

    named = {child.pid: child.name for child in multiprocessing.active_children()}
    kept = {resource_tracker._resource_tracker._pid}  # Python ends this one by itself
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            pids = [int(pid) for pid in file.read().split()]
    except OSError:  # not on Linux
        pids = list(named)
    return [
        named.get(pid, f"process {n}")
        for n, pid in enumerate(pids, 1)
        if pid not in kept
    ]


class _Stream(io.TextIOBase):
    encoding = "utf-8"

    def __init__(self, capture, name, number):
        self.capture, self.name, self.number = capture, name, number
        self.owner = os.getpid()

    def writable(self):
        return True

    def fileno(self):
        return self.number

    def write(self, text):
        if os.getpid() == self.owner:
            self.capture.write(self.name, text)
        else:  # a child that the lesson forked has a copy of the list
            os.write(self.number, text.encode())
        return len(text)
