"""``python -m fetalseg_lib`` is ``fetalseg``."""

from fetalseg_lib.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
