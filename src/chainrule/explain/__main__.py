"""Explain a traceback, or what a script dies of.

python -m chainrule.explain < traceback.txt
python -m chainrule.explain train.py --its --own --arguments
"""

import argparse
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import BinaryIO, TextIO

from chainrule.explain import LANGUAGES, explain
from chainrule.explain.report import report, words

KEPT = 10_000_000
"""Bytes: of what a script says on its way, the last of it is enough."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says.

    Args:
        arguments: Of the command.

    Returns:
        The exit status: that of the script; without one 0 if a message was found, or 1.

    Raises:
        SystemExit: If the command line makes no sense, or asks for help.

    Examples:
        >>> from chainrule.explain.__main__ import main
        >>> main(["--help"])
        Traceback (most recent call last):
        SystemExit: 0
    """
    options = _options(arguments)
    if options.script:
        status, text = _run([sys.executable, *options.script])
        if status:
            _tell(text, options, sys.stderr, "\n")
        return status
    if sys.stdin.isatty():
        sys.stderr.write(words(options.lang)["keys"] + "\n")
    return _tell(sys.stdin.buffer.read(), options, sys.stdout)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    named = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    reader = next(filter(None, named), "")[:2].lower()
    parser = argparse.ArgumentParser(
        prog="python -m chainrule.explain",
        usage="%(prog)s [--lang {en,zh}] [--site URL] [SCRIPT [ARGUMENT ...]]",
        description="Explain the traceback on standard input, or what SCRIPT dies of.",
    )
    default = reader if reader in LANGUAGES else LANGUAGES[0]
    parser.add_argument("--lang", choices=LANGUAGES, default=default)
    parser.add_argument(
        "--site", metavar="URL", default="", help="put before each page"
    )
    parser.add_argument("script", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def _run(command: list[str]) -> tuple[int, bytes]:
    said = bytearray()
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    pipes = process.stderr, said
    reader = threading.Thread(target=_pass_on, args=pipes, daemon=True)
    reader.start()
    status = None
    while status is None:
        with contextlib.suppress(KeyboardInterrupt):
            status = process.wait()
    reader.join(timeout=2)
    return (128 - status if status < 0 else status), bytes(said)


def _pass_on(pipe: BinaryIO, said: bytearray) -> None:
    with pipe:
        while chunk := pipe.read1():
            said += chunk
            del said[:-KEPT]
            with contextlib.suppress(OSError):
                sys.stderr.buffer.write(chunk)
                sys.stderr.buffer.flush()


def _tell(text: bytes, options: argparse.Namespace, out: TextIO, gap: str = "") -> int:
    answer = explain(text, options.lang)
    out.reconfigure(errors="replace")
    out.write(gap + report(answer, options.lang, options.site))
    return int(not answer.found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
