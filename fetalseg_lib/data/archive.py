"""Unpack a ZIP archive that came from elsewhere without letting it write where it should not."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

from fetalseg_lib.data.sample import DataError, about

MAX_FILES = 10_000
MAX_BYTES = 2_000_000_000
"""Ten times what HC18 unpacks to: more is no HC18, and might be meant to fill the disk."""

_AGAIN = "Delete it and download it again from the record."


def extract(
    archive: Path, directory: Path, *, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES
) -> list[Path]:
    """Extract ``archive`` into ``directory`` and return the files written.

    Everything is looked at before anything is written. Raises ``DataError`` where the archive is damaged,
    encrypted, or larger than ``max_files`` and ``max_bytes`` allow, and where a member is a link or
    would land outside ``directory``, or two are one file.
    """
    try:
        with about(archive), zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            total = sum(member.file_size for member in members)
            if len(members) > max_files or total > max_bytes:
                problem = f"it holds {len(members)} files of {total} bytes, expected at most {max_files} of"
                raise DataError(f"{problem} {max_bytes}", _AGAIN)
            names = Counter(member.filename.casefold() for member in members)
            for member in members:
                if problem := _problem(member, names):
                    raise DataError(f"its member {member.filename!r} {problem}", _AGAIN)
            return [_write(opened, member, directory) for member in members]
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DataError(f"it is no intact ZIP archive ({error})", _AGAIN, file=archive) from error


def _problem(member: zipfile.ZipInfo, names: Mapping[str, int]) -> str:
    """What no member of an honest archive of images has."""
    path = PureWindowsPath(member.filename)  # it knows both slashes
    if path.drive or path.root:
        return "has an absolute path"
    if ".." in path.parts:
        return "leads out of the folder by '..'"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link or a device, not a file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    return "occurs twice" if names[member.filename.casefold()] > 1 else ""


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> Path:
    path = directory.joinpath(*PureWindowsPath(member.filename).parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    return path
