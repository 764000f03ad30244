"""Download HC18 from its Zenodo record: resumed where it broke off, verified, unpacked safely.

The record is doi:10.5281/zenodo.1327317, CC BY 4.0, 176 MB in four files.
"""

from __future__ import annotations

import filecmp
import hashlib
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import requests
from tqdm import tqdm

from fetalseg_lib.data.archive import extract
from fetalseg_lib.data.hc18 import DEFAULT_ROOT, ENVIRONMENT_VARIABLE
from fetalseg_lib.data.layout import FILENAME, TEST, TRAINING, Part, annotation_name
from fetalseg_lib.data.sample import DataError, about
from fetalseg_lib.files import clear, flush, flush_names, no_link, only_one
from fetalseg_lib.names import beside

RECORD = "https://zenodo.org/records/1327317"

CHUNK_BYTES = 1 << 14
"""What a broken connection loses at most: the piece that was on its way."""

_TIMEOUT_SECONDS = 30
_BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_DRAFT = ".unpacking"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A file of the record; ``part`` is the half of HC18 that a ZIP archive holds the images of."""

    name: str
    size: int
    md5: str
    part: Part | None = None


FILES = (
    RemoteFile(TRAINING.index, 33_688, "c0761518fece2bd2d2ad4218f2cd9777"),
    RemoteFile(TEST.index, 9_096, "8476dc198cc6542f26c57e87faeee033"),
    RemoteFile("training_set.zip", 132_926_838, "00eb8198b9a505b2b3a6dfc740382497", TRAINING),
    RemoteFile("test_set.zip", 43_518_463, "8402af5d137ef40a2888c1011ef3fe7e", TEST),
)


def download(
    destination: str | Path | None = None,
    *,
    files: Sequence[RemoteFile] = FILES,
    record: str = RECORD,
    progress: bool = True,
) -> Path:
    """Download HC18 into ``destination`` and return it; what is there already is not fetched again.

    Without ``destination`` it goes where :func:`fetalseg_lib.data.hc18.load` looks. Called again after a
    broken connection or a kill, it goes on where it stopped. Raises ``DataError`` where the record cannot be
    reached, what came is not what its MD5 says, or an archive holds anything but plain files; ``ValueError``
    where other files would be overwritten, or another process is downloading there.
    """
    root = Path(destination or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_ROOT).expanduser()
    with only_one(root):
        root.mkdir(parents=True, exist_ok=True)
        for file in files:
            if file.part is None:
                _fetch(file, root / file.name, record, progress=progress)
                continue
            archive = root / f".{file.name}"  # hidden: it is not to stay
            if not _complete(root, file.part):
                _fetch(file, archive, record, progress=progress)
                _unpack(archive, root / file.part.folder, draft=root / _DRAFT)
            clear(root / _DRAFT)
            archive.unlink(missing_ok=True)
    return root


def _fetch(file: RemoteFile, path: Path, record: str, *, progress: bool) -> None:
    """Download one file to ``path`` if its verified copy is not there."""
    if path.is_file():
        if _md5(path) == file.md5:
            return
        if file.part is None:
            raise _foreign(path)
    url, part = f"{record}/files/{file.name}", beside(path, ".part")
    with about(url):
        try:
            fetch_resumed(url, part, size=file.size, progress=progress)
        except requests.RequestException as error:
            mend = (
                "Run the same command again, it goes on where it stopped; or fetch the four files of "
                f"{record} by a browser and unpack them into {path.parent}."
            )
            raise DataError(f"it cannot be downloaded ({error})", mend) from error
        if (found := _md5(part)) != file.md5:
            part.unlink()
            problem = f"what came is not the record's file (MD5 {found}, expected {file.md5})"
            mend = "Run the same command again; if it stays so, something on the way alters the download."
            raise DataError(problem, mend)
    flush(part)
    part.replace(path)
    flush_names(path.parent)


def fetch_resumed(url: str, part: Path, *, size: int, attempts: int = 5, progress: bool = True) -> None:
    """Bring ``part`` to ``size`` bytes of ``url``: what is there is kept, the server is asked for the rest.

    A connection that breaks is tried again, ``attempts`` times in all. Raises ``requests.RequestException``.
    """
    for attempt in range(1, attempts + 1):
        try:
            _continue(url, part, size=size, progress=progress)
            return
        except _BROKEN as error:
            if attempt == attempts:
                raise
            logger.warning("%s broke off (%s); trying again", url, error)
            time.sleep(attempt)


def _continue(url: str, part: Path, *, size: int, progress: bool) -> None:
    """Append to ``part`` what is missing from it, and never more, whatever the server sends."""
    have = part.stat().st_size if part.exists() else 0
    if have >= size:  # whole, or wrong: the checksum tells
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            have = 0
        name = part.name.removeprefix(".").removesuffix(".part")
        with (
            open(part, "ab" if have else "wb", opener=no_link) as file,
            tqdm(desc=name, total=size, initial=have, unit="B", unit_scale=True, disable=not progress) as bar,
        ):
            for chunk in response.iter_content(CHUNK_BYTES):
                have += file.write(chunk[: size - have])
                bar.update(len(chunk))
                if have >= size:
                    return
    raise requests.ConnectionError(f"the server stopped at {have} of {size} bytes")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _complete(root: Path, part: Part) -> bool:
    """Whether every file that the CSV of ``part`` (already there) speaks of lies in its folder."""
    folder = root / part.folder
    present = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    images = pd.read_csv(root / part.index)[FILENAME]
    outlines = images.map(annotation_name) if part.labelled else images
    return present.issuperset(images) and present.issuperset(outlines)


def _unpack(archive: Path, folder: Path, *, draft: Path) -> None:
    """Extract to ``draft``, then move the images in one by one: none is ever there in part."""
    folder.mkdir(exist_ok=True)
    clear(draft)  # what a killed download left
    images = {
        file.name: file
        for file in extract(archive, draft)
        if file.suffix == ".png" and not file.name.startswith(".")
    }
    for there in folder.glob("[!.]*"):
        if there.name not in images or not filecmp.cmp(there, images[there.name], shallow=False):
            clear(draft)  # the archive stays, and the images come out of it anew
            raise _foreign(there)
    flush(draft)
    for name, file in images.items():
        file.replace(folder / name)
    flush_names(folder)


def _foreign(path: Path) -> ValueError:
    return ValueError(
        f"{path.parent}: expected an empty folder or a download that was broken off, but {path.name} is "
        "another file than HC18's; choose another folder, or delete it"
    )
