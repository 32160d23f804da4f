"""Run the cells of one lesson as Jupyter would, and keep what they show.

Runs in a process of its own, which ends with the lesson. What a cell shows is kept as
Jupyter's own output types: `stream`, `execute_result`, `display_data` and `error`.
"""

import base64
import io
import os
import re
import sys
import tempfile
import traceback
import warnings

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .figure import STYLE, tidy

INLINE = "module://matplotlib_inline.backend_inline"
SOURCE = f"{os.sep}src{os.sep}chainrule{os.sep}"
"""The reference package: a reader can look its lines up, unlike those of a library."""


def execute(steps: list[dict]) -> list:
    """Run the steps of a lesson in order, in the current folder.

    A step is `{"code": text, "raises": bool}` or `{"values": [expression, …]}`.

    Returns:
        One result a step: the outputs of a code cell, or each expression's text, or
        for an expression that raises `{"error": text}`. A failure nobody asked for
        ends the run; the list then ends with it.
    """
    results = []
    with _Capture() as capture:
        shell = _shell(capture)
        for step in steps:
            capture.outputs = []
            if "values" in step:
                result = [_value(shell, text) for text in step["values"]]
                failed = any(isinstance(value, dict) for value in result)
            else:
                outcome = shell.run_cell(step["code"], store_history=True)
                capture.poll()
                result = [_cleaned(output) for output in capture.outputs]
                failed = not outcome.success and not step["raises"]
            results.append(result)
            if failed:
                break
    return results


def _value(shell, expression):
    try:
        return clean(str(eval(expression, shell.user_ns)))
    except Exception as error:
        return {"error": "".join(traceback.format_exception_only(error)).strip()}


def _shell(capture):
    """Make an IPython that writes nothing to disk."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.ipython_dir = tempfile.gettempdir()
    shell = _Shell.instance(
        config=config, displayhook_class=_Results, display_pub_class=_Display
    )
    shell.capture = shell.displayhook.capture = shell.display_pub.capture = capture
    if "matplotlib" in sys.modules:
        _draw_inline(shell)
    return shell


def _draw_inline(shell):
    """Show a cell's figures under the cell, as Jupyter does, but as SVG."""
    import matplotlib
    from matplotlib_inline import backend_inline

    shell.config.InlineBackend.figure_formats = {"svg"}
    matplotlib.use(INLINE, force=True)
    matplotlib.interactive(True)  # or the figure of a cell is not noticed
    backend_inline.configure_inline_support(shell, INLINE)
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
        self.capture.add(
            {
                "output_type": "error",
                "ename": kind.__name__,
                "evalue": str(error),
                "traceback": [
                    "Traceback (most recent call last):",
                    *(_frame(f) for f in traceback.extract_tb(trace) if _shown(f)),
                    *message.splitlines(),
                ],
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


class _Capture:
    """Takes all that is written, by Python or below it, in the order it was written."""

    def __enter__(self):
        self.outputs = []
        self.files = {}
        self.saved = [(number, os.dup(number)) for number in (1, 2)]
        self.streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self, "stdout", 1), _Stream(self, "stderr", 2)
        for name, number in (("stdout", 1), ("stderr", 2)):
            file = self.files[name] = tempfile.TemporaryFile(buffering=0)
            os.dup2(file.fileno(), number)
        return self

    def __exit__(self, *_):
        sys.stdout, sys.stderr = self.streams
        for number, saved in self.saved:
            os.dup2(saved, number)
            os.close(saved)
        for file in self.files.values():
            file.close()

    def add(self, output):
        self.poll()
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
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": text})


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


# What differs from run to run or from machine to machine, and is never the point.
NOISE = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
    (re.compile(r" \(Triggered internally at [^)]*\)"), ""),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x…"),
)


def clean(text: str) -> str:
    """Remove escape codes, addresses and the paths of this machine from output."""
    for pattern, replacement in NOISE:
        text = pattern.sub(replacement, text)
    return text.replace(f"{os.getcwd()}{os.sep}", "").replace(os.getcwd(), ".")


def _cleaned(output):
    """Return an output as JSON can hold it."""
    if output["output_type"] == "stream":
        return output | {"text": clean(output["text"])}
    if output["output_type"] == "error":
        return output | {
            "evalue": clean(output["evalue"]),
            "traceback": [clean(line) for line in output["traceback"]],
        }
    data = {}
    for kind, value in output["data"].items():
        if isinstance(value, bytes):
            data[kind] = base64.b64encode(value).decode()
        else:
            data[kind] = tidy(value) if kind == "image/svg+xml" else clean(value)
    return output | {"data": data}
