"""Each solution passes its check, each stub and each known mistake fails it; the notebooks are in step."""

from __future__ import annotations

import ast
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fetalseg_lib.exercises import CHAPTERS, Case, Exercise, Mistake, check, exercises_of, judge
from fetalseg_lib.exercises.compare import agrees, shown
from fetalseg_lib.exercises.write import exercise_cells, write_exercises

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TOURS = {"first-result"}  # five minutes, with things to try instead of exercises
SHOWN = [chapter for chapter in CHAPTERS if (NOTEBOOKS / f"{chapter}.ipynb").is_file()]
ALL = [(chapter, exercise) for chapter in SHOWN for exercise in exercises_of(chapter)]
each_exercise = pytest.mark.parametrize(
    ("chapter", "exercise"), ALL, ids=[f"{chapter}-{exercise.name}" for chapter, exercise in ALL]
)
each_chapter = pytest.mark.parametrize("chapter", SHOWN)


def cells_of(chapter: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((NOTEBOOKS / f"{chapter}.ipynb").read_text("utf-8"))["cells"]
    return loaded


def imports_of(chapter: str) -> dict[str, Any]:
    """What a student has at hand in the chapter's notebook: all that it imports."""
    names: dict[str, Any] = {}
    for cell in cells_of(chapter):
        if cell["cell_type"] == "code" and cell["id"] != "first-cell":  # that one speaks to IPython
            nodes = ast.parse("".join(cell["source"])).body
            imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
            exec(compile(ast.Module(body=imports, type_ignores=[]), chapter, "exec"), names)
    return names


# Every exercise


@each_exercise
def test_the_solution_as_it_stands_on_the_page_is_right(chapter: str, exercise: Exercise) -> None:
    names = imports_of(chapter)
    exec(exercise.code, names)
    answer = check(chapter, names[exercise.name])
    assert answer.right, answer.why
    assert answer.why == exercise.why


def _words(function: Any) -> list[str]:
    return str(function.__doc__).replace("`", "").split()


@each_exercise
def test_the_stub_runs_and_is_not_yet_right(chapter: str, exercise: Exercise) -> None:
    names = imports_of(chapter)
    exec(exercise.stub, names)
    assert _words(names[exercise.name]) == _words(exercise.solution)
    answer = check(chapter, names[exercise.name])
    assert not answer.right
    assert "three dots" in answer.why


@each_exercise
def test_each_plausible_mistake_fails_with_its_own_hint(chapter: str, exercise: Exercise) -> None:
    assert exercise.mistakes
    for mistake in exercise.mistakes:
        answer = judge(exercise, mistake.answer)
        assert not answer.right
        assert answer.why.endswith(mistake.hint), f"{mistake.hint!r} was not said, but {answer.why!r}"


@each_exercise
def test_an_answer_that_nobody_foresaw_gets_the_general_hint(chapter: str, exercise: Exercise) -> None:
    assert judge(exercise, lambda *arguments: "no idea").why.endswith(exercise.hint)


# Every chapter


def test_every_notebook_has_exercises() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} - TOURS == set(SHOWN)


@each_chapter
def test_notebook_is_in_step_with_its_exercises(chapter: str) -> None:
    there = [cell for cell in cells_of(chapter) if cell["id"].startswith("exercise-")]
    assert there == exercise_cells(chapter), "renew it with: python -m fetalseg_lib.exercises.write notebooks"


def sections_of(chapter: str) -> dict[str, str]:
    """The text of each second-level section, code left out."""
    texts = ["".join(cell["source"]) for cell in cells_of(chapter) if cell["cell_type"] == "markdown"]
    parts = re.split(r"^## (.+)$", "\n\n".join(texts), flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@each_chapter
def test_chapter_has_all_that_a_chapter_needs(chapter: str) -> None:
    sections = sections_of(chapter)
    assert "After this chapter you can" in sections[""]
    assert re.search(r"^You need ", sections[""], re.M)
    assert len(exercises_of(chapter)) >= 3
    questions = re.findall(
        r"^````\{admonition\} [^`\n]+\?\n:class: dropdown$", sections["Test yourself"], re.M
    )
    assert 3 <= len(questions) <= 5
    assert sections["Test yourself"].count("{admonition}") == len(questions), (
        "each folded answer has its question"
    )
    assert len(re.findall(r"^- ", sections["Take away"], re.M)) >= 3
    assert ":filter: docname in docnames" in sections["References"]
    assert list(sections)[-4:] == ["Exercises", "Test yourself", "Take away", "References"]


# The machinery

HALF = Exercise(
    title="",
    prompt="",
    solution=lambda number: number / 2,
    cases=lambda: [
        Case(arguments=(4,), expected=2.0),
        Case(arguments=([1, 2],), expected=[0.5, 1], given="Two:"),
    ],
    hint="Divide.",
    mistakes=(Mistake(answer=lambda number: 2 * number, hint="Other way."),),
    why="So it is.",
)


def wreck(numbers: Any) -> Any:
    if isinstance(numbers, int):
        return numbers / 2
    numbers.clear()
    return "gone"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda number: 8, "(4)` gives 8. Expected: 2. Other way."),
        (lambda number: 7.0, "(4)` gives 7. Expected: 2. Divide."),
        (lambda number: None, "Put your code in place of the three dots."),
        (lambda number: 1 / 0, "(4)` stops with ZeroDivisionError: division by zero. Divide."),
        (lambda: 2, "stops with TypeError"),
        (wreck, "Two: gives 'gone'. Expected: [0.5, 1]. Divide."),
    ],
)
def test_what_came_and_what_was_expected_are_said(answer: Any, words: str) -> None:
    judged = judge(HALF, answer)
    assert not judged.right
    assert words in judged.why


def test_the_notebooks_own_random_numbers_go_on_undisturbed() -> None:
    def draws() -> float:
        return float(torch.rand(1))

    torch.manual_seed(3)
    expected = [draws(), draws()]
    torch.manual_seed(3)
    first = draws()
    check("aspp", exercises_of("aspp")[2].solution)
    assert [first, draws()] == expected


@pytest.mark.parametrize(
    ("chapter", "name", "message"),
    [
        ("encodr", "pair_saves", "did you mean 'encoder'"),
        ("encoder", "pair_save", "did you mean 'pair_saves'"),
        ("encoder", "zzz", "keep the name of the stub"),
    ],
)
def test_an_unknown_exercise_is_refused(chapter: str, name: str, message: str) -> None:
    def answer() -> None: ...

    answer.__name__ = name
    with pytest.raises(ValueError, match=message):
        check(chapter, answer)


def test_a_solution_without_words_is_refused() -> None:
    def silent() -> int:
        return 1

    exercise = Exercise(title="", prompt="", solution=silent, cases=lambda: [], hint="", mistakes=(), why="")
    with pytest.raises(ValueError, match="silent: expected a function with a docstring"):
        _ = exercise.stub


@pytest.mark.parametrize(
    ("came", "expected", "same"),
    [
        (0.3, 0.1 + 0.2, True),
        (7, 7.0, True),
        (np.float32(0.5), 0.5, True),
        (torch.tensor([1.0, 2.0], requires_grad=True), [1, 2], True),
        (pd.Series([1.0, 2.0]), (1, 2), True),
        (np.bool_(True), True, True),
        (["a"], {"a"}, True),
        (("a", 1), ["a", 1], True),
        ({"a": 1.0}, {"a": 1}, True),
        (math.inf, math.inf, True),
        (0.31, 0.3, False),
        (math.nan, 0.3, False),
        (math.inf, 100.0, False),
        (1, True, False),
        (True, 1, False),
        ("1", 1, False),
        ([1, 2], [[1, 2]], False),
        ([1, 2], [1, 2, 3], False),
        ([1.0, 1.0], 1.0, False),
        (["a", "b"], {"a"}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ("a", {"a"}, False),
        (object(), 1, False),
    ],
)
def test_the_same_numbers_are_the_same_in_whatever_they_come(came: Any, expected: Any, same: bool) -> None:
    assert agrees(came, expected, tolerance=1e-6) is same


def test_a_long_answer_is_shown_by_its_shape_or_cut_short() -> None:
    assert shown(np.zeros((3, 400))) == "numbers of shape (3, 400)"
    assert len(shown("a" * 1000)) == 120


# The writer


def notebook(path: Path, ids: list[str]) -> Path:
    cells = [{"cell_type": "markdown", "id": name, "metadata": {}, "source": ["é\n", "x"]} for name in ids]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def test_writing_replaces_old_exercises_where_they_stand_and_nothing_else(tmp_path: Path) -> None:
    path = notebook(tmp_path / "cost.ipynb", ["first", "exercise-old", "exercise-9-answer", "last"])
    assert write_exercises(path)
    ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert (ids[0], ids[-1]) == ("first", "last")
    assert ids[1:-1] == [cell["id"] for cell in exercise_cells("cost")]
    assert "é" in path.read_text(encoding="utf-8")
    assert not write_exercises(path), "a second time there is nothing to do"


def test_a_notebook_without_a_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cost\.ipynb: no place for exercises"):
        write_exercises(notebook(tmp_path / "cost.ipynb", ["first"]))
