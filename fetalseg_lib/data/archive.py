"""Unpack a ZIP archive that came from elsewhere without letting it write where it should not."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from fetalseg_lib.data.sample import DataError

MAX_FILES = 10_000
MAX_BYTES = 2_000_000_000
"""Ten times what HC18 unpacks to: more is no HC18, and might be meant to fill the disk."""


def extract(
    archive: Path, directory: Path, *, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES
) -> list[Path]:
    """Extract ``archive`` into ``directory`` and return the files written.

    Everything is looked at before anything is written. Raises ``DataError`` where the archive is damaged,
    encrypted, or larger than ``max_files`` and ``max_bytes`` allow, and where a member is a link or
    would land outside ``directory``, or two are one file.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check(archive, members, max_files, max_bytes)
            return [_write(opened, member, directory) for member in members]
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise _refused(archive, f"it is no intact ZIP archive ({error})") from error


def _check(archive: Path, members: list[zipfile.ZipInfo], max_files: int, max_bytes: int) -> None:
    """Raise ``DataError`` for the first thing that no honest archive of images has."""
    total = sum(member.file_size for member in members)
    if len(members) > max_files or total > max_bytes:
        raise _refused(
            archive,
            f"it holds {len(members)} files of {total} bytes, expected at most {max_files} of {max_bytes}",
        )
    seen: set[str] = set()
    for member in members:
        name = member.filename
        kind = stat.S_IFMT(member.external_attr >> 16)
        windows = PureWindowsPath(name)
        if PurePosixPath(name).is_absolute() or windows.drive or windows.root:
            raise _refused(archive, f"its member {name!r} has an absolute path")
        if ".." in windows.parts:
            raise _refused(archive, f"its member {name!r} leads out of the folder by '..'")
        if kind not in (0, stat.S_IFREG):
            raise _refused(archive, f"its member {name!r} is a link or a device, not a file")
        if member.flag_bits & 0x1:
            raise _refused(archive, f"its member {name!r} is encrypted")
        if name.casefold() in seen:
            raise _refused(archive, f"its member {name!r} occurs twice")
        seen.add(name.casefold())


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> Path:
    path = directory.joinpath(*PureWindowsPath(member.filename).parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    return path


def _refused(archive: Path, problem: str) -> DataError:
    return DataError(file=archive, problem=problem, mend="Delete it and download it again from the record.")
