"""Exercises on the small network: what a cut saves, whether a budget is kept, when a loss is beyond noise."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def separable_weights(channels_in: int, channels_out: int, kernel: int) -> int:
    """Weights of a separable convolution without bias: one kernel per channel, then a 1×1 mix."""
    return channels_in * kernel**2 + channels_in * channels_out


def _weights() -> Iterator[Case]:
    yield Case(arguments=(1, 1, 3), expected=10, tolerance=0)
    yield Case(arguments=(3, 8, 3), expected=51, tolerance=0)  # 27 + 24
    yield Case(arguments=(1280, 128, 3), expected=175_360, tolerance=0)  # 11,520 + 163,840


def broken_promises(
    costs: dict[str, float],
    promised: dict[str, float],
) -> list[str]:
    """The names of all costs that are larger than promised, in the order of ``promised``."""
    return [name for name, most in promised.items() if costs[name] > most]


def _promises() -> Iterator[Case]:
    promised = {"work": 2.8, "weights": 3.4}
    yield Case(arguments=({"weights": 3.1, "work": 1.7}, promised), expected=[])
    yield Case(arguments=({"work": 2.9, "weights": 3.1}, promised), expected=["work"])
    yield Case(arguments=({"weights": 10.2, "work": 8.8}, promised), expected=["work", "weights"])
    yield Case(arguments=({"weights": 3.4, "work": 2.8}, promised), expected=[])


def worse_beyond(small: list[float], large: list[float], noise: float) -> bool:
    """Whether the small network's mean Dice over matched seeds is lower by more than ``noise``."""
    losses = [more - less for more, less in zip(large, small, strict=True)]
    return sum(losses) / len(losses) > noise


def _losses() -> Iterator[Case]:
    yield Case(arguments=([0.970, 0.971], [0.972, 0.971], 0.002), expected=False)  # 0.001 on average
    yield Case(arguments=([0.960, 0.961], [0.972, 0.971], 0.002), expected=True)
    yield Case(arguments=([0.960, 0.972], [0.972, 0.971], 0.002), expected=True)  # on average, not in each
    yield Case(arguments=([0.980, 0.981], [0.970, 0.971], 0.002), expected=False)  # better, not worse


EXERCISES = (
    Exercise(
        title="What does a separable convolution cost?",
        prompt="Count the weights of both steps. Then compare a dilated branch of the note's ASPP, from "
        "1280 channels to 128, with 9 · 1280 · 128.",
        solution=separable_weights,
        cases=_weights,
        hint="The first step has one kernel for each *incoming* channel; the second mixes all of them.",
        mistakes=(
            Mistake(
                lambda channels_in, channels_out, kernel: channels_in * channels_out * kernel**2,
                "That is the usual convolution: there every pair of channels has its own kernel.",
            ),
            Mistake(
                lambda channels_in, channels_out, kernel: (
                    channels_out * kernel**2 + channels_in * channels_out
                ),
                "The kernels come first, one for each channel that comes in.",
            ),
        ),
        why="For the ASPP's branch it is less than an eighth, and there are three such branches.",
    ),
    Exercise(
        title="Is the budget kept?",
        prompt="Name every promise that a network breaks. A cost equal to the promise keeps it.",
        solution=broken_promises,
        cases=_promises,
        hint="Go through the promises one by one, and keep the names whose cost is *larger*.",
        mistakes=(
            Mistake(
                lambda costs, promised: [name for name in costs if costs[name] > promised[name]][:1],
                "That stops at the first one. Name all of them.",
            ),
            Mistake(
                lambda costs, promised: [name for name in costs if costs[name] > promised[name]],
                "These are the right names. Give them in the order of the promises.",
            ),
            Mistake(
                lambda costs, promised: [n for n, most in promised.items() if costs[n] >= most],
                "As much as promised is kept, not broken.",
            ),
        ),
        why="One number is never enough: the note's network breaks all four promises, each by a "
        "different factor.",
    ),
    Exercise(
        title="Worse, beyond the noise?",
        prompt="A small network may lose a little. Does it lose more than `noise` on average, seed by seed?",
        solution=worse_beyond,
        cases=_losses,
        hint="Large minus small, seed by seed; then the mean; then compare.",
        mistakes=(
            Mistake(
                lambda small, large, noise: bool(abs(mean(large) - mean(small)) > noise),
                "A *better* network is not worse. Keep the sign.",
            ),
            Mistake(
                lambda small, large, noise: bool(mean(small) < mean(large)),
                "That calls every tiny loss worse. Where does the noise come in?",
            ),
        ),
        why="A loss smaller than the noise does not prove that both are equal: look at the interval.",
    ),
)
