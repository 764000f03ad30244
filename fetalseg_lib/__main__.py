"""The start of ``fetalseg``: nothing heavy is loaded before an interruption is one line."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line (:func:`fetalseg_lib.cli.main`); returns the exit status."""
    try:
        from fetalseg_lib.cli import main as run

        return run()
    except KeyboardInterrupt:  # while loading: the commands have their own words
        print("fetalseg: stopped", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is the interpreter's own end


if __name__ == "__main__":
    raise SystemExit(main())
