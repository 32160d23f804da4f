"""The process that has imported PyTorch and forks one process a lesson.

Importing PyTorch takes longer than most lessons. This process imports it once, when the
first lesson needs it, computes nothing, and forks a child for each lesson. The child
starts with everything imported, and takes with it all that the lesson changes: seeds,
global modes, the current folder.

It reads a request a line from standard input and writes an answer a line to standard
output, both as JSON; `run` is the other end. A request has a `name`, the `steps` to
run, the `imports` to make first and the limits. Its `name` alone says that it starts.
An answer has the `name`, the `seconds` and the `megabytes` it took, and either the
`results` of `execute` and the files it `reads`, or `died`, a sentence, with the `cell`
and, where it is known, its `line`. When the requests end, so does everything.
"""

import contextlib
import ctypes
import faulthandler
import gc
import importlib
import json
import os
import re
import resource
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import deque
from pathlib import Path

from .clean import Cleaner
from .fence import Fence

ROOT = Path.cwd()
FILE_LIMIT = 1 << 28
"""Bytes of the largest file a lesson may write; its output goes to a file, too."""
WHERE = re.compile(r'File "<ipython-input-[^"]*", line (\d+)')


def serve(requests: int, answers: int, jobs: int) -> None:
    """Answer requests until they end.

    Args:
        requests: The file descriptor to read from.
        answers: The file descriptor to write to.
        jobs: How many lessons run at once; the others wait here.
    """
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    os.set_blocking(answers, False)  # a reader who is busy does not hold up lessons
    waiting, running, unread, unsent = deque(), {}, b"", b""

    def say(message):
        nonlocal unsent
        if not unsent:
            selector.register(answers, selectors.EVENT_WRITE)
        unsent += _line(message)

    while True:
        free = waiting and len(running) < jobs
        soonest = min((child.deadline for child in running.values()), default=None)
        wait = None if soonest is None else max(0, soonest - time.monotonic())
        events = selector.select(0 if free else wait)
        for key, _ in events:
            if key.fd == answers:
                unsent = unsent[os.write(answers, unsent) :]
                if not unsent:
                    selector.unregister(answers)
            elif key.fd != requests:
                key.data.hear(key.fd)
            elif part := os.read(requests, 1 << 20):
                *lines, unread = (unread + part).split(b"\n")
                waiting.extend(map(json.loads, lines))
            else:
                for child in running.values():
                    child.end()
                return
        if free and not events:  # all requests are read before the first long import
            request = waiting.popleft()
            _load(["chainrule_site.execute", *request["imports"]])
            say({"name": request["name"]})
            child = running[id(request)] = _Child(request, close=[requests, answers])
            for descriptor in child.watched:
                selector.register(descriptor, selectors.EVENT_READ, child)
        for name, child in list(running.items()):
            if child.ended or time.monotonic() > child.deadline:
                for descriptor in child.watched:
                    selector.unregister(descriptor)
                del running[name]
                say(child.end())


class _Child:
    """One lesson, in a process and a folder of its own."""

    def __init__(self, request, close):
        self.request = request
        self.folder = Path(tempfile.mkdtemp(prefix="lesson-"))
        self.pipe, writer = os.pipe()
        self.said, self.ended = b"", False
        self.started = time.monotonic()
        self.deadline = self.started + request["seconds"]
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (*close, self.pipe):
                os.close(descriptor)
            _run(request, self.folder, writer)
        os.close(writer)
        # a process it leaves behind can hold the pipe open when it has ended itself
        self.exit = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None
        self.watched = [self.pipe] if self.exit is None else [self.pipe, self.exit]

    def hear(self, descriptor):
        """Take what the child wrote, or note that it has ended."""
        if descriptor == self.exit:
            self._hear_the_rest()
        elif part := os.read(self.pipe, 1 << 20):
            self.said += part
        else:
            self.ended = True

    def _hear_the_rest(self):
        """Take what is left in the pipe of a process that has ended."""
        os.set_blocking(self.pipe, False)
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.pipe, 1 << 20):
                self.said += part
        self.ended = True

    def end(self):
        """End the process and all it started, and say how it went."""
        took = time.monotonic() - self.started
        if not self.ended:
            self._ask_where()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        for descriptor in self.watched:
            os.close(descriptor)
        stack = _read(self.folder / "stack")
        shutil.rmtree(self.folder, ignore_errors=True)
        answer = {"name": self.request["name"], "seconds": round(took, 3)}
        answer["megabytes"] = usage.ru_maxrss // 1024
        last = [{}, *map(json.loads, self.said.split(b"\n")[:-1])][-1]
        if "results" in last or "died" in last:
            return answer | last
        if line := WHERE.search(stack):
            last["line"] = int(line[1])
        return answer | last | {"died": self._reason(status)}

    def _ask_where(self):
        """Have a process that does not end write where it is; see `_run`."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)
        until = time.monotonic() + 0.5
        while not _read(self.folder / "stack") and time.monotonic() < until:
            time.sleep(0.01)

    def _reason(self, status):
        if not self.ended:
            return f"did not end within {self.request['seconds']:g} s"
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXFSZ:
            return f"wrote more than {FILE_LIMIT >> 20} MB to a file or to its output"
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended by itself with status {code}, before the lesson did"


def _run(request, folder, writer):
    """Be the child: run the lesson, send what it showed, and end."""
    try:
        os.setsid()
        die_with_parent()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        stack = (folder / "stack").open("w")
        faulthandler.enable(stack, all_threads=False)
        faulthandler.register(signal.SIGUSR1, stack, all_threads=False)
        sys.dont_write_bytecode = True  # children would race for the same files
        for name in ("lesson", "tmp"):
            (folder / name).mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "tmp")
        os.chdir(folder / "lesson")
        _limit_memory(request["megabytes"])
        fence = Fence(ROOT, folder)
        results = sys.modules["chainrule_site.execute"].execute(
            request["steps"],
            cleaner=Cleaner(os.getcwd(), os.environ["TMPDIR"], str(ROOT), sys.prefix),
            kilobytes=request["kilobytes"],
            tell=lambda message: _write(writer, message),
        )
        said = {"results": results, "reads": fence.reads()}
    except BaseException:
        said = {"died": f"the engine failed\n{traceback.format_exc()}"}
    _write(writer, said)
    os._exit(0)


def die_with_parent():
    """Ask Linux to end this process when the one that forked it is killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _limit_memory(megabytes):
    """Count what the lesson allocates, and not what was there when it started."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    used = re.search(r"VmData:\s*(\d+) kB", _read(Path("/proc/self/status")))
    if used:
        limit = (int(used[1]) << 10) + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _load(names):
    """Import what the next lessons need, once for all of them."""
    new = [name for name in names if name not in sys.modules]
    if not new:
        return
    gc.disable()  # looking for garbage in modules takes a fifth of their import
    with warnings.catch_warnings():  # and not once and for all: lessons show warnings
        warnings.simplefilter("ignore")
        for name in new:
            importlib.import_module(name)
    gc.freeze()  # a child that collects garbage need not copy these pages
    gc.enable()


def _read(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _line(message):
    return json.dumps(message).encode() + b"\n"


def _write(descriptor, message):
    data = _line(message)
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other end closes the pipe
    answers = os.dup(1)
    os.dup2(2, 1)  # what an import prints is no answer
    serve(0, answers, int(sys.argv[1]))
