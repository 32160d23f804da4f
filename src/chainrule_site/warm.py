"""The process that has imported PyTorch and forks one process a lesson.

Importing PyTorch takes longer than most lessons. This process imports it once, when the
first lesson needs it, computes nothing, and forks a child for each lesson. The child
starts with everything imported, and takes with it all that the lesson changes: seeds,
global modes, the current folder.

It reads a request a line from standard input and writes an answer a line to standard
output, both as JSON; `run` is the other end. A request has a `name`, the `steps` to
run, how many `seconds` they may take and the `imports` to make first. An answer has the
`name`, the `seconds` it took and the `results` of `execute`, or `died`, a sentence.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings


def serve(requests: int, answers: int) -> None:
    """Answer requests until their end; as many lessons run at once as are asked for.

    Args:
        requests: The file descriptor to read from.
        answers: The file descriptor to write to.
    """
    _load(["chainrule_site.execute"])
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    running, unread, more = {}, b"", True
    while more or running:
        soonest = min((child.deadline for child in running.values()), default=None)
        wait = None if soonest is None else max(0, soonest - time.monotonic())
        for key, _ in selector.select(wait):
            part = os.read(key.fd, 1 << 20)
            if key.fd != requests:
                running[key.fd].hear(part)
                continue
            *lines, unread = (unread + part).split(b"\n")
            for line in lines:
                request = json.loads(line)
                _load(request["imports"])
                child = _Child(request, close=[requests, answers])
                running[child.pipe] = child
                selector.register(child.pipe, selectors.EVENT_READ)
            if not part:
                more = False
                selector.unregister(requests)
        for pipe, child in list(running.items()):
            if child.ended or time.monotonic() > child.deadline:
                selector.unregister(pipe)
                del running[pipe]
                _write(answers, child.finish())


class _Child:
    """One lesson, in a process and a folder of its own."""

    def __init__(self, request, close):
        self.name, self.seconds = request["name"], request["seconds"]
        self.folder = tempfile.mkdtemp(prefix="lesson-")
        self.pipe, writer = os.pipe()
        self.said, self.ended = b"", False
        self.started = time.monotonic()
        self.deadline = self.started + self.seconds
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (*close, self.pipe):
                os.close(descriptor)
            _run(request["steps"], self.folder, writer)
        os.close(writer)

    def hear(self, part):
        """Take what the child wrote; nothing means that it ended."""
        self.said += part
        self.ended = not part

    def finish(self):
        """End the process and all it started, and say how it went."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pipe)
        shutil.rmtree(self.folder, ignore_errors=True)
        answer = {"name": self.name, "seconds": time.monotonic() - self.started}
        if self.said.endswith(b"\n"):
            return answer | json.loads(self.said)
        if not self.ended:
            return answer | {"died": f"ran longer than {self.seconds:g} s"}
        code = os.waitstatus_to_exitcode(status)
        reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
        return answer | {"died": f"its process ended early ({reason})"}


def _run(steps, folder, writer):
    """Be the child: run the lesson, send what it showed, and end."""
    try:
        os.setsid()
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.dont_write_bytecode = True  # children would race for the same files
        said = {"results": sys.modules["chainrule_site.execute"].execute(steps)}
        said["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    except BaseException:
        said = {"died": f"the engine failed\n{traceback.format_exc()}"}
    _write(writer, said)
    os._exit(0)


def _load(names):
    """Import what the next lessons need, once for all of them."""
    new = [name for name in names if name not in sys.modules]
    with warnings.catch_warnings():  # and not once and for all: lessons show warnings
        warnings.simplefilter("ignore")
        for name in new:
            importlib.import_module(name)
    if new:
        gc.collect()
        gc.freeze()  # a child that collects garbage need not copy these pages


def _write(descriptor, message):
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other end closes the pipe
    answers = os.dup(1)
    os.dup2(2, 1)  # what an import prints is no answer
    serve(0, answers)
