"""A stand-in for the record that HC18 is downloaded from: a server on this machine, with phantoms."""

from __future__ import annotations

import functools
import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fetalseg_lib.data import phantom
from fetalseg_lib.data.download import RemoteFile
from fetalseg_lib.data.layout import TRAINING
from fetalseg_lib.data.sample import Sample

PAGE = 1 << 14


class Record(ThreadingHTTPServer):
    """A record of files that can break a connection off, ignore ranges, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.contents: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.break_after: list[int] = []
        self.ranges = True
        self.pause_seconds = 0.0  # before each page of 16 KiB

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Record

    def do_GET(self) -> None:
        name, wanted = self.path.rpartition("/")[2], self.headers.get("Range")
        self.server.asked.append((name, wanted))
        content = self.server.contents.get(name)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = start + self.server.break_after.pop(0) if self.server.break_after else len(content)
        while start < stop:
            time.sleep(self.server.pause_seconds)
            start += self.wfile.write(content[start : min(stop, start + PAGE)])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Record]:
    """Answer until the block ends."""
    with Record() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:  # also where a test fails: a server whose socket is closed would spin
            server.shutdown()
            thread.join()


@functools.cache
def _drawn() -> list[Sample]:
    return list(phantom.generate(3, seed=0, size=(324, 480)))


def phantom_files(record: Record, folder: Path) -> list[RemoteFile]:
    """Fill a record with three phantoms as HC18 has them: the CSV, and an archive of the images."""
    root = phantom.write_folder(_drawn(), folder)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir(TRAINING.folder)
        for path in sorted((root / TRAINING.folder).iterdir()):
            archive.write(path, f"{TRAINING.folder}/{path.name}")
        archive.writestr("__MACOSX/._000_HC.png", b"litter")
    record.contents = {
        TRAINING.index: (root / TRAINING.index).read_bytes(),
        "training_set.zip": packed.getvalue(),
    }
    return [
        RemoteFile(name=name, size=len(content), md5=hashlib.md5(content).hexdigest(), part=part)
        for (name, content), part in zip(record.contents.items(), (None, TRAINING), strict=True)
    ]
