"""Keep of an output what is the same in every run and safe on any page."""

import base64
import os
import re

from .figure import tidy

# What differs from run to run or from machine to machine, and is never the point; then
# what a terminal obeys and a page must not.
NOISE = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"), ""),
    (re.compile(r" \(Triggered internally at [^)]*\)"), ""),
    (re.compile(r"\[([WEI])\d{4} \d\d:\d\d:\d\d\.\d+ [^\]\n]*\] "), r"[\1] "),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x…"),
    (re.compile(r"\r\n"), "\n"),
    (re.compile(r"[^\n]*\r(?!$)"), ""),  # a progress bar leaves its last state
    (re.compile(r"[\x00-\x08\x0b-\x1f\x7f]"), ""),
    (re.compile(r"[\ud800-\udfff]"), "\ufffd"),
    (re.compile(r"[\u202a-\u202e\u2066-\u2069]"), lambda m: f"\\u{ord(m[0]):04x}"),
)


class Cleaner:
    """Cleans the outputs of one lesson."""

    def __init__(self, *folders: str):
        self.folders = folders
        """Folders whose names say nothing to a reader; the lesson's own comes first."""

    def text(self, text: str) -> str:
        """Return text without noise and without the folders of this machine."""
        for pattern, replacement in NOISE:
            text = pattern.sub(replacement, text)
        for folder in self.folders:
            text = text.replace(f"{folder}{os.sep}", "").replace(folder, ".")
        return text

    def output(self, output: dict) -> dict:
        """Return an output as JSON can hold it."""
        if output["output_type"] == "stream":
            return output | {"text": self.text(output["text"])}
        if output["output_type"] == "error":
            return output | {
                "evalue": self.text(output["evalue"]),
                "traceback": [self.text(line) for line in output["traceback"]],
            }
        data = {}
        for kind, value in output["data"].items():
            if isinstance(value, bytes):
                data[kind] = base64.b64encode(value).decode()
            elif kind == "image/svg+xml":
                data[kind] = tidy(value)
            else:
                data[kind] = self.text(value) if isinstance(value, str) else value
        return output | {"data": data}
