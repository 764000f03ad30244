"""The exercises of the book: one source for the question, the stub, the solution and the check.

A chapter's exercises stand in ``chapters/``, or in ``arrays/`` where they need more than plain Python.
``python -m fetalseg_book.exercises.write notebooks`` writes them into the notebooks; there the student's
function goes to :func:`check`, which says right or not yet, and why. The built pages do the same with the
plain ones, by the same modules.
"""

from fetalseg_book.exercises.answer import Answer, check, judge
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_book.exercises.find import CHAPTERS, exercises_of, find_exercise, plain_exercises_of

__all__ = [
    "CHAPTERS",
    "Answer",
    "Case",
    "Exercise",
    "Mistake",
    "check",
    "exercises_of",
    "find_exercise",
    "judge",
    "plain_exercises_of",
]
