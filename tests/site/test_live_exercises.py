"""Exercises that run in the page, in a real browser: a small site of their own, with one chapter.

Its page runs the exercises of all chapters, by one start of Python. Its
files come by npm, as in the build of the book.
"""

from __future__ import annotations

import json
import re
import runpy
import shutil
from collections.abc import Iterator

import pytest
import test_accessibility
import yaml
from playwright.sync_api import Browser, Locator, Page, expect
from small_site import REPOSITORY, build_small_site

from fetalseg_book.exercises import CHAPTERS, plain_exercises_of
from fetalseg_book.exercises.page import MOST, run
from fetalseg_book.exercises.write import exercise_cells
from fetalseg_book.publishing.live import exercise_list, make
from fetalseg_book.publishing.screens import PATIENCE_MS, Theme, Visit
from fetalseg_book.publishing.site import ROOT, served

axe = test_accessibility.axe
MENDS = runpy.run_path(str(ROOT / "book" / "_ext" / "site_mends.py"))
MADE = ROOT / "_build" / "exercises"
LIVE = [(chapter, exercise) for chapter in CHAPTERS for exercise in plain_exercises_of(chapter)]
RIGHT = "def largest_full_rate(side):\n    return (side - 1) // 2\n"
expect.set_options(timeout=PATIENCE_MS)  # a busy machine is slow, not broken
pytestmark = pytest.mark.xdist_group("live exercises")


@pytest.fixture(scope="module")
def live_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The book's theme, settings and scripts, with the exercises of one chapter, and their list."""
    try:
        make(ROOT / "book" / "exercises", MADE)
    except OSError as error:
        pytest.skip(str(error).splitlines()[0])
    source = tmp_path_factory.mktemp("book")
    shutil.copytree(ROOT / "book" / "_static", source / "_static")
    shutil.copytree(MADE, source / "_static" / "exercises", dirs_exist_ok=True)
    (source / "notebooks").mkdir()
    (source / "book").mkdir()
    kinds = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    title = {"cell_type": "markdown", "metadata": {}, "source": "# A chapter"}
    cells = [title, *exercise_cells("aspp")]
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": kinds, "cells": cells}
    (source / "notebooks" / "aspp.ipynb").write_text(json.dumps(notebook))
    (source / "index.md").write_text("# Book\n\n```{toctree}\nnotebooks/aspp\nbook/exercises\n```\n")
    page = (ROOT / "book" / "exercises.md").read_text(encoding="utf-8")
    listed = "\n".join(line for line in exercise_list().splitlines() if "aspp.ipynb" in line)
    (source / "book" / "exercises.md").write_text(page.replace("{{ exercise_list }}", listed))
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    out = build_small_site(
        source,
        extensions=["myst_nb", "sphinx_book_theme", "sphinx-mathjax-offline"],
        source_suffix={".md": "myst-nb", ".ipynb": "myst-nb"},  # whatever another build left
        myst_enable_extensions=settings["parse"]["myst_enable_extensions"],
        myst_heading_anchors=3,
        nb_execution_mode="off",
        nb_ipywidgets_js={},
        html_static_path=["_static"],
        html_theme_options=REPOSITORY
        | {"launch_buttons": {"colab_url": "https://colab.research.google.com"}},
    )
    for written in out.rglob("*.html"):
        written.write_text(MENDS["mend"](written.read_text(encoding="utf-8")), encoding="utf-8")
    with served(out) as address:
        yield address


@pytest.fixture(scope="module")
def visit(live_site: str, browser: Browser) -> Iterator[Visit]:
    """The chapter, its editor at hand; Python starts with the first run, and stays."""
    with Visit(browser) as visit:
        visit.open(f"{live_site}/notebooks/aspp.html")
        visit.page.locator(".tag_live-exercise").scroll_into_view_if_needed()
        expect(button(visit.page, "Run")).to_be_visible()
        yield visit


@pytest.fixture
def page(visit: Visit) -> Page:
    """The same page, with the stub again."""
    button(visit.page, "Reset").click()
    return visit.page


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"{name} largest_full_rate")


def write(page: Page, code: str) -> None:
    page.get_by_role("textbox", name="Your code for largest_full_rate").fill(code)


def said(page: Page, code: str) -> Locator:
    """What is said to this code."""
    write(page, code)
    button(page, "Run").click()
    expect(page.locator(".answer")).not_to_be_empty()
    return page.locator(".answer")


def test_python_is_loaded_by_the_first_run_and_not_before(visit: Visit) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.page.reload()
    visit.page.locator(".tag_live-exercise").scroll_into_view_if_needed()
    expect(button(visit.page, "Run")).to_be_visible()
    assert not [url for url in asked if "pyodide" in url or url.endswith((".zip", ".py"))]
    assert [url for url in asked if url.endswith("vendored/editor.js")]
    assert (MADE / "vendored" / "editor.js").stat().st_size < 400_000
    expect(said(visit.page, RIGHT)).to_contain_text("Right.")
    assert [url for url in asked if url.endswith("pyodide.asm.wasm")]
    expect(visit.page.locator(".answer mjx-container").first).to_be_visible()
    assert visit.wanted == visit.refused == visit.failed == visit.errors == []


def test_each_solution_stub_and_mistake_is_judged_as_in_python(page: Page) -> None:
    """A mistake is a function of the chapter: the code finds it there."""
    asked, expected = [], []
    for chapter, exercise in LIVE:
        found = f"{exercise.name} = find_exercise({chapter!r}, {exercise.name!r})"
        mistakes = [
            f"from fetalseg_book.exercises import find_exercise\n{found}.mistakes[{number}].answer"
            for number in range(len(exercise.mistakes))
        ]
        for code in (exercise.code, exercise.stub, *mistakes):
            asked.append({"chapter": chapter, "name": exercise.name, "code": code})
            expected.append(json.loads(run(chapter, exercise.name, code)))
        assert [answer["right"] for answer in expected[-len(mistakes) - 2 :]] == [
            True,
            *[False] * (1 + len(mistakes)),
        ]
        hints = [mistake.hint for mistake in exercise.mistakes]
        assert all(a["why"].endswith(h) for a, h in zip(expected[-len(hints) :], hints, strict=True))
    found = page.evaluate(
        """async ([address, tasks]) => {
          const python = await import(address);
          const nothing = () => {}, tell = {loaded: nothing, running: nothing, printed: nothing};
          const answers = [];
          for (const task of tasks) answers.push(await python.run(task, tell));
          return answers;
        }""",
        [page.url.split("/notebooks/")[0] + "/_static/exercises/python.js", asked],
    )
    assert [without_message(answer) for answer in found] == [without_message(answer) for answer in expected]


def without_message(answer: dict[str, object]) -> dict[str, object]:
    """An error's own message is not the same in all versions of Python."""
    return answer | {
        "why": re.sub(
            r"(?<= with ValueError: )(math domain error|expected .*?, got [\d.]+)\.", "", str(answer["why"])
        )
    }


def test_an_error_shows_its_line(page: Page) -> None:
    expect(said(page, "x = 1\ny = x +\n")).to_contain_text("Line 2: y = x + is no Python: invalid syntax.")
    expect(said(page, "x = 1\n\n1 / 0\n")).to_contain_text("Line 3: 1 / 0 stops with ZeroDivisionError")
    code = "def largest_full_rate(side):\n    return sid\n"
    expect(said(page, code)).to_contain_text("stops in line 2 with NameError: name 'sid' is not defined")
    expect(said(page, "pass")).to_contain_text("largest_full_rate is not defined.")


def test_what_is_printed_shows(page: Page) -> None:
    answer = said(page, "print('before')\n" + RIGHT.replace("    return", "    print(side)\n    return"))
    expect(answer).to_contain_text("Right.")
    expect(page.get_by_role("region", name="Printed")).to_have_text("before\n3\n8\n33\n")


def test_a_namespace_is_fresh_for_each_run(page: Page) -> None:
    said(page, "left = 1\n" + RIGHT)
    expect(said(page, "print(left)\n" + RIGHT)).to_contain_text("name 'left' is not defined")


def test_an_endless_loop_is_stopped_by_the_clock_and_the_next_run_is_right(page: Page) -> None:
    expect(said(page, "while True:\n    pass\n")).to_contain_text("Stopped after 10 seconds.")
    expect(said(page, RIGHT)).to_contain_text("Right.")


def test_an_endless_print_is_cut_and_stopped_by_a_button(page: Page) -> None:
    write(page, "def largest_full_rate(side):\n    while True:\n        print('again ' * 20)\n")
    button(page, "Run").focus()
    page.keyboard.press("Enter")
    printed = page.get_by_role("region", name="Printed")
    expect(printed).to_contain_text("which is not shown")
    page.keyboard.press("Enter")  # the focus went to Stop
    expect(page.locator(".answer")).to_have_text("Stopped.")
    assert MOST < len(printed.inner_text()) < MOST + 100
    expect(button(page, "Run")).to_be_focused()


def test_an_endless_recursion_is_told_and_the_next_run_is_right(page: Page) -> None:
    code = "def largest_full_rate(side):\n    return largest_full_rate(side)\n"
    expect(said(page, code)).to_contain_text("recursion")
    expect(said(page, RIGHT)).to_contain_text("Right.")


def test_a_keyboard_is_enough(page: Page) -> None:
    page.get_by_role("textbox").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("def largest_full_rate(side):\n")
    page.keyboard.type("half = side / 2\nreturn math.ceil(half) - 1")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".answer")).to_contain_text("Right.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox")).to_be_focused()  # it indents
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(button(page, "Run")).to_be_focused()


def test_a_closed_tab_comes_back_and_the_contents_count_what_is_right(
    live_site: str, browser: Browser
) -> None:
    with Visit(browser) as visit:
        first = visit.open(f"{live_site}/notebooks/aspp.html")
        first.locator(".tag_live-exercise").scroll_into_view_if_needed()
        expect(said(first, RIGHT)).to_contain_text("Right.")
        write(first, f"# mine\n{RIGHT}")
        second = first.context.new_page()
        first.close()
        second.goto(f"{live_site}/notebooks/aspp.html")
        second.locator(".tag_live-exercise").scroll_into_view_if_needed()
        expect(second.get_by_role("textbox")).to_contain_text("# mine")
        expect(second.locator(".live-exercise")).to_have_attribute("data-right", "true")
        second.goto(f"{live_site}/book/exercises.html")
        expect(second.get_by_text("1 of 1 are right in this browser.")).to_be_visible()
        expect(second.locator(".bd-sidebar-primary .score")).to_have_text("1/1")
        with second.expect_download() as download:
            second.get_by_role("button", name="Export what I wrote").click()
        exported = download.value.path().read_text(encoding="utf-8")
        assert exported == f"# /notebooks/aspp.html: largest_full_rate (right)\n# mine\n{RIGHT}"
        second.once("dialog", lambda dialog: dialog.accept())
        second.get_by_role("button", name="Clear all that I wrote").click()
        expect(second.get_by_text("0 of 1 are right in this browser.")).to_be_visible()
        expect(second.locator(".bd-sidebar-primary .score")).to_have_count(0)
        second.goto(f"{live_site}/notebooks/aspp.html")
        second.locator(".tag_live-exercise").scroll_into_view_if_needed()
        expect(second.get_by_role("textbox")).not_to_contain_text("# mine")


def test_what_needs_arrays_says_where_it_runs(page: Page) -> None:
    note = page.locator(".exercise-note").first
    expect(note).to_contain_text("needs NumPy, SciPy or PyTorch")
    expect(note.get_by_role("link", name="Colab")).to_have_attribute("href", re.compile("^https://colab"))
    expect(note.get_by_role("link", name="notebook file")).to_have_attribute(
        "href", re.compile("aspp.ipynb$")
    )
    expect(note).to_contain_text("make lab")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_scrolls_down_alone(
    live_site: str, browser: Browser, axe: str, theme: Theme
) -> None:
    with Visit(browser, theme=theme, width=390, height=844) as visit:
        for name in ("notebooks/aspp", "book/exercises"):
            page = visit.open(f"{live_site}/{name}.html")
            if name.endswith("aspp"):
                page.locator(".tag_live-exercise").scroll_into_view_if_needed()
                expect(said(page, "print(1)\n" + RIGHT.replace("1", "2.0"))).to_contain_text("Not yet.")
            else:
                expect(page.locator(".exercise-list .state")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            found = test_accessibility.grave_findings(page, axe)
            assert [finding for finding in found if "exercise" in finding or "cm-" in finding] == []


def opened_without(file: str, visit: Visit, site: str) -> Page:
    """The chapter at its exercise, with one file of the site missing."""
    visit.page.route(f"**/{file}", lambda route: route.fulfill(status=404))
    visit.page.goto(f"{site}/notebooks/aspp.html")
    visit.page.locator(".tag_live-exercise").scroll_into_view_if_needed()
    return visit.page


def test_without_python_the_page_says_so(live_site: str, browser: Browser) -> None:
    with Visit(browser) as visit:
        page = opened_without("exercises/files.json", visit, live_site)
        expect(said(page, RIGHT)).to_contain_text("Python is not part of this copy of the book.")


def test_without_the_editor_the_stub_stays_and_the_page_says_why(live_site: str, browser: Browser) -> None:
    with Visit(browser) as visit:
        page = opened_without("vendored/editor.js", visit, live_site)
        expect(page.get_by_text("The editor is not part of this copy of the book")).to_be_visible()
        expect(page.get_by_text('exercises.check("aspp", largest_full_rate)')).to_be_visible()
        assert visit.errors == []


def test_without_scripts_the_stub_stays(live_site: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_site}/notebooks/aspp.html")
    expect(page.get_by_text('exercises.check("aspp", largest_full_rate)')).to_be_visible()
    context.close()
