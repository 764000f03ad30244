"""Download HC18 from its Zenodo record: resumed where it broke off, verified, unpacked safely.

The record is doi:10.5281/zenodo.1327317, CC BY 4.0, 176 MB in four files.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pooch
import requests
from tqdm import tqdm

from fetalseg_lib.data.archive import extract
from fetalseg_lib.data.hc18 import DEFAULT_ROOT, ENVIRONMENT_VARIABLE
from fetalseg_lib.data.layout import FILENAME, TEST, TRAINING, Part, annotation_name
from fetalseg_lib.data.sample import DataError

RECORD = "https://zenodo.org/records/1327317"

CHUNK_BYTES = 1 << 14
"""What a broken connection loses at most: the piece that was on its way."""

_TIMEOUT_SECONDS = 30

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file of the record; ``part`` is the half of HC18 that a ZIP archive holds the images of."""

    name: str
    size: int
    md5: str
    part: Part | None = None


FILES = (
    RemoteFile(name=TRAINING.index, size=33_688, md5="c0761518fece2bd2d2ad4218f2cd9777"),
    RemoteFile(name=TEST.index, size=9_096, md5="8476dc198cc6542f26c57e87faeee033"),
    RemoteFile(
        name="training_set.zip",
        size=132_926_838,
        md5="00eb8198b9a505b2b3a6dfc740382497",
        part=TRAINING,
    ),
    RemoteFile(name="test_set.zip", size=43_518_463, md5="8402af5d137ef40a2888c1011ef3fe7e", part=TEST),
)


def download(
    destination: str | Path | None = None,
    *,
    files: Sequence[RemoteFile] = FILES,
    record: str = RECORD,
    progress: bool = True,
) -> Path:
    """Download HC18 into ``destination`` and return it; what is there already is not fetched again.

    Without ``destination`` it goes where :func:`fetalseg_lib.data.hc18.load` looks: to the variable
    ``FETALSEG_HC18``, else to ``data/hc18``. Called again after a broken connection or a kill, it goes
    on where it stopped. Raises ``DataError`` where the record cannot be reached, where what came is not
    what the record's MD5 says, and where an archive holds anything but plain files.
    """
    root = Path(destination or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_ROOT).expanduser()
    root.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel(logging.WARNING)  # it prints what the progress bar shows already
    for file in files:
        if file.part is None:
            _fetch(file, root, record, progress=progress)
        elif not _complete(root, file.part):
            archive = _fetch(file, root, record, progress=progress)
            _unpack(archive, root / file.part.folder)
            archive.unlink()
    return root


def _fetch(file: RemoteFile, root: Path, record: str, *, progress: bool) -> Path:
    """Download one file if its verified copy is not there."""
    downloader = ResumingDownloader(part=root / f".{file.name}.part", size=file.size, progress=progress)
    url = f"{record}/files/{file.name}"
    try:
        path = pooch.retrieve(
            url, known_hash=f"md5:{file.md5}", fname=file.name, path=root, downloader=downloader
        )
    except requests.RequestException as error:
        raise DataError(
            file=url,
            problem=f"it cannot be downloaded ({error})",
            mend="Run the same command again, it goes on where it stopped; or fetch the four files of "
            f"{record} by a browser and unpack them into {root}.",
        ) from error
    except ValueError as error:
        raise DataError(
            file=url,
            problem=f"what came is not the record's file ({error})",
            mend="Run the same command again; if it stays so, something on the way alters the download.",
        ) from error
    return Path(path)


@dataclass(frozen=True, kw_only=True)
class ResumingDownloader:
    """A downloader for pooch that keeps what has come in ``part`` and asks the server only for the rest."""

    part: Path
    size: int
    attempts: int = 5
    pause_seconds: float = 1.0
    progress: bool = True

    def __call__(self, url: str, output_file: Any, pooch: object) -> None:
        """Download ``url`` to ``output_file``, pooch's own temporary file."""
        for attempt in range(1, self.attempts + 1):
            try:
                self._continue(url)
                break
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ) as error:
                if attempt == self.attempts:
                    raise
                logger.warning("%s broke off (%s); trying again", url, error)
                time.sleep(self.pause_seconds * attempt)
        shutil.move(self.part, output_file)

    def _continue(self, url: str) -> None:
        """Append to ``part`` what is missing from it."""
        have = self.part.stat().st_size if self.part.exists() else 0
        if have >= self.size:  # whole, or wrong: the checksum tells
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
            response.raise_for_status()
            resumed = response.status_code == requests.codes.partial_content
            with (
                self.part.open("ab" if resumed else "wb") as file,
                tqdm(
                    desc=self.part.name.removeprefix(".").removesuffix(".part"),
                    total=self.size,
                    initial=have if resumed else 0,
                    unit="B",
                    unit_scale=True,
                    disable=not self.progress,
                ) as bar,
            ):
                for chunk in response.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    bar.update(len(chunk))
        if self.part.stat().st_size < self.size:
            raise requests.ConnectionError(
                f"the server stopped at {self.part.stat().st_size} of {self.size} bytes"
            )


def _complete(root: Path, part: Part) -> bool:
    """Whether every file that the CSV of ``part`` (already there) speaks of lies in its folder."""
    folder = root / part.folder
    present = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    images = pd.read_csv(root / part.index)[FILENAME]
    outlines = images.map(annotation_name) if part.labelled else images
    return present.issuperset(images) and present.issuperset(outlines)


def _unpack(archive: Path, folder: Path) -> None:
    """Extract beside ``folder``, then move the images in one by one: none is ever there in part."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder.parent) as draft:
        for file in extract(archive, Path(draft)):
            if file.suffix == ".png" and not file.name.startswith("."):
                file.replace(folder / file.name)
