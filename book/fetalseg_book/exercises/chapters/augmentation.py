"""Exercises on augmentation: move both, and count what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def flipped(
    image: list[list[int]],
    mask: list[list[int]],
) -> tuple[list[list[int]], list[list[int]]]:
    """Image and mask, both lists of rows, with left and right exchanged."""
    return [row[::-1] for row in image], [row[::-1] for row in mask]


def _pairs() -> Iterator[Case]:
    image, mask = [[1, 2], [3, 4]], [[0, 1], [0, 0]]
    expected = [[[2, 1], [4, 3]], [[1, 0], [0, 0]]]
    yield Case(
        given="The image [[1, 2], [3, 4]] with the mask [[0, 1], [0, 0]]:",
        arguments=(image, mask),
        expected=expected,
    )


def untouched(moves: int, probability: float) -> float:
    """Share of the images that none of so many independent moves changes."""
    return (1 - probability) ** moves


def _coins() -> Iterator[Case]:
    yield Case(arguments=(1, 0.5), expected=0.5)
    yield Case(arguments=(2, 0.1), expected=0.81)
    yield Case(arguments=(4, 0.5), expected=0.0625)


EXERCISES = (
    Exercise(
        title="Move both",
        prompt="Flip an image as a network sees it in training. What else must be flipped?",
        solution=flipped,
        cases=_pairs,
        hint="Turn each row around, in both. Give back the two in the order in which they came.",
        mistakes=(
            Mistake(
                lambda image, mask: ([row[::-1] for row in image], mask),
                "The mask stayed where it was. Now it says *head* where there is none.",
            ),
            Mistake(
                lambda image, mask: (image[::-1], mask[::-1]),
                "That is upside down. Left and right are columns.",
            ),
        ),
        why="If the mask stays behind, you train on wrong answers.",
    ),
    Exercise(
        title="How many stay as they are?",
        prompt="Four moves, each with probability one half. Which share of the images should come out "
        "untouched?",
        solution=untouched,
        cases=_coins,
        hint="Every one of the coins must say *no move*.",
        mistakes=(
            Mistake(
                lambda moves, probability: probability**moves,
                "That is the share in which *all* moves happen.",
            ),
            Mistake(
                lambda moves, probability: 1 - moves * probability,
                "Chances do not add up: with four coins you would get a negative share.",
            ),
        ),
        why="One in sixteen. If half of your images come out untouched, all moves share one coin.",
    ),
)
