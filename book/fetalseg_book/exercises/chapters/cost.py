"""Exercises on what a network costs: operations, file, memory, time."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def conv_operations(
    kernel: int,
    channels_in: int,
    channels_out: int,
    rows: int,
    columns: int,
) -> int:
    """Operations of a square convolution that gives out ``rows`` × ``columns``; a multiply-add counts two."""
    return 2 * kernel**2 * channels_in * channels_out * rows * columns


def _convolutions() -> Iterator[Case]:
    yield Case(arguments=(1, 1, 1, 1, 1), expected=2, tolerance=0)
    yield Case(arguments=(3, 2, 4, 5, 7), expected=5040, tolerance=0)
    yield Case(arguments=(3, 64, 32, 256, 256), expected=2_415_919_104, tolerance=0)


def size_mb(parameters: int, bits: int) -> float:
    """Size in MB (10⁶ bytes) of so many parameters with ``bits`` bits each."""
    return parameters * bits / 8 / 1e6


def _sizes() -> Iterator[Case]:
    yield Case(arguments=(1_000_000, 32), expected=4.0)
    yield Case(arguments=(3_403_809, 16), expected=6.807618)


def kept_mb(values: list[int], trained: list[bool], batch: int) -> float:
    """MB of float32 maps kept for the gradients: ``values`` of each stage and image, where it is trained."""
    kept = sum(count for count, is_trained in zip(values, trained, strict=True) if is_trained)
    return 4 * kept * batch / 1e6


def _stages() -> Iterator[Case]:
    yield Case(arguments=([250_000], [True], 1), expected=1.0)
    yield Case(arguments=([500_000, 250_000, 125_000], [False, True, True], 16), expected=24.0)


def time_ratio(ours: list[float], theirs: list[float]) -> float:
    """How long ours takes as a multiple of theirs: the median over the rounds, timed turn by turn."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _rounds() -> Iterator[Case]:
    yield Case(arguments=([10.0, 30.0, 12.0], [20.0, 60.0, 20.0]), expected=0.5)
    yield Case(arguments=([10.0, 11.0, 90.0], [10.0, 10.0, 10.0]), expected=1.1)


EXERCISES = (
    Exercise(
        title="Count the operations",
        prompt="The first convolution of `dec1` costs more than the whole encoder. Write the count for any "
        "convolution.",
        solution=conv_operations,
        cases=_convolutions,
        hint="Each weight is used once per output position, for a multiplication and an addition.",
        mistakes=(
            Mistake(
                lambda kernel, channels_in, channels_out, rows, columns: (
                    kernel**2 * channels_in * channels_out * rows * columns
                ),
                "You counted multiply-adds. Here both count, which is twice as many.",
            ),
            Mistake(
                lambda kernel, channels_in, channels_out, rows, columns: (
                    2 * kernel**2 * channels_in * channels_out
                ),
                "That is one position. Each weight is used at every position of the output.",
            ),
        ),
        why="Few weights, used at 65,536 positions: 2.4 billion operations in one layer.",
    ),
    Exercise(
        title="How large is the file?",
        prompt="The note gives 3,403,809 parameters, 13.0 MB in float32 and 3.5 MB in float16. Can that be?",
        solution=size_mb,
        cases=_sizes,
        hint="A byte has eight bits, an MB a million bytes.",
        mistakes=(
            Mistake(
                lambda parameters, bits: parameters * bits / 8 / 2**20,
                "That is in MiB, of 2²⁰ bytes. Say which you mean: here it is 10⁶.",
            ),
            Mistake(
                lambda parameters, bits: parameters * bits / 1e6, "These are megabits. A byte has eight."
            ),
        ),
        why="Half the bits make half the size, so 13 MB in float32 and 3.5 MB in float16 cannot belong "
        "to one network.",
    ),
    Exercise(
        title="What does freezing save?",
        prompt="A map is kept in training if a gradient has to pass its stage. How much is that for a batch?",
        solution=kept_mb,
        cases=_stages,
        hint="Add up the trained stages. A float32 has four bytes, and every image of the batch has maps of "
        "its own.",
        mistakes=(
            Mistake(
                lambda values, trained, batch: 4 * sum(values) * batch / 1e6,
                "You kept the maps of frozen stages. No gradient needs them.",
            ),
            Mistake(lambda values, trained, batch: kept_mb(values, trained, 1), "That is one image."),
            Mistake(
                lambda values, trained, batch: kept_mb(values, trained, batch) / 4,
                "That counts values. Each takes four bytes.",
            ),
        ),
        why="Freezing the stages in front saves their maps, and these are the large ones.",
    ),
    Exercise(
        title="A fair race",
        prompt="Two networks ran turn by turn, and once the machine was busy. Give one number.",
        solution=time_ratio,
        cases=_rounds,
        hint="Divide within each round, where both met the same machine. Then take the median.",
        mistakes=(
            Mistake(
                lambda ours, theirs: sum(ours) / sum(theirs),
                "A slow round weighs more in a sum than the others. Take the ratio of each round first.",
            ),
            Mistake(
                lambda ours, theirs: sum(a / b for a, b in zip(ours, theirs, strict=True)) / len(ours),
                "The ratios are right. A mean follows one bad round; the median does not.",
            ),
        ),
        why="Within a round both met the same machine, so whatever slows it cancels. The median ignores "
        "one disturbed round.",
    ),
)
