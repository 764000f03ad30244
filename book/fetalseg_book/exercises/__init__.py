"""The exercises of the book: one source for the question, the stub, the solution and the check.

A chapter's exercises stand in ``chapters/``. ``python -m fetalseg_book.exercises.write notebooks`` writes
them into the notebooks; there the student's function goes to :func:`check`, which says right or not yet,
and why.
"""

from fetalseg_book.exercises.answer import Answer, check, judge
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_book.exercises.find import CHAPTERS, exercises_of, find_exercise

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
]
