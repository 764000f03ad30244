"""A headless Chromium that reaches this machine and nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_MS = 180_000  # a busy machine is slow, not broken
Theme = Literal["light", "dark"]
ELSEWHERE = re.compile(r"^(?!http://127\.0\.0\.1:|file:|data:|blob:)")
"""Only such a request is asked about: what comes from this machine need not wait for an answer."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the Chromium or Chrome of this machine, or the one that ``playwright install`` brought."""
    with sync_playwright() as playwright:
        installed = next(filter(None, map(shutil.which, NAMES)), None)
        browser = playwright.chromium.launch(
            executable_path=installed,
            args=["--no-sandbox"],  # without which it refuses to run as root, as in a container
        )
        yield browser
        browser.close()


class Visit:
    """One page, opened with the network off, and what went wrong on the way.

    ``width`` and ``height`` in CSS pixels; ``theme`` is what the reader's system asks for.
    ``wanted`` lists requests that would have left this machine, ``failed`` the local ones without an answer,
    ``errors`` what the page's scripts complained of, ``refused`` what the browser did not do because of the
    page's content-security policy: such a request is not in ``wanted``, since it never sets out.
    """

    def __init__(
        self, browser: Browser, *, theme: Theme = "light", width: int = 1280, height: int = 900
    ) -> None:
        self.wanted: list[str] = []
        self.failed: list[str] = []
        self.errors: list[str] = []
        self.refused: list[str] = []
        self._context = browser.new_context(
            color_scheme=theme, viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self._context.route(ELSEWHERE, self._refuse)
        self.page: Page = self._context.new_page()
        self.page.on("requestfailed", self._note_failure)
        self.page.on("response", lambda answer: self._note_answer(answer.url, answer.status))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note_refusal)

    def open(self, url: str) -> Page:
        """Go to ``url`` and wait until its files are there, its theme is chosen and its formulas are set."""
        self.page.goto(url, wait_until="networkidle")
        # Not wait_for_function: it runs text as a script, which the page's policy forbids.
        self.page.locator("html:not([data-theme=''])").wait_for(state="attached")
        self.page.evaluate("window.MathJax?.startup?.promise")
        return self.page

    def close(self) -> None:
        """Close the page and forget its cookies."""
        self._context.close()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse(self, route: Route) -> None:
        self.wanted.append(route.request.url)
        route.abort()

    def _note_refusal(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.refused.append(message.text)

    def _note_failure(self, request: Request) -> None:
        # An answer to HEAD has no body, which Chromium calls aborted; a bad one is noted by its status.
        if request.url not in self.wanted and request.method != "HEAD":
            self.failed.append(f"{request.url}: {request.failure}")

    def _note_answer(self, url: str, status: int) -> None:
        if status >= 400:
            self.failed.append(f"{url}: {status}")
