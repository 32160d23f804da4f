"""Serve a site as a good host does: compressed, kept alive, and kept by the browser."""

import gzip
import http.server
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PACKED = {".css", ".html", ".js", ".json", ".svg", ".txt", ".webmanifest", ".xml"}


@cache
def _body(path, _when):
    """Return what is sent for a file, and whether it is compressed."""
    content = path.read_bytes()
    if path.suffix in PACKED:
        return gzip.compress(content, 9, mtime=0), True
    return content, False


class Compressing(http.server.SimpleHTTPRequestHandler):
    """Answers with gzip and lets browsers keep everything for an hour."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        found = path.is_file()
        path = path if found else Path(self.directory, "404.html")
        body, packed = _body(path, path.stat().st_mtime_ns)
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        head = sum(map(len, self._headers_buffer))
        self.server.sent.append((self.path, head + len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """Serve a folder; the server notes in `sent` each path and the bytes it took."""

    def handler(*args):
        return Compressing(*args, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.sent, server.daemon_threads = [], True
        server.block_on_close = False  # a browser keeps connections open
        server.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
