"""Exercises on the audit: checks that need no network, only a function."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def first_live_image(rate: int) -> int:
    """Side in px of the smallest square image in which an outer tap of this rate ever sees data."""
    side = rate + 1  # the tap is `rate` away from a corner
    return 32 * side


def _rates() -> Iterator[Case]:
    for rate in (1, 12, 18):
        side = next(n for n in range(1, 99) if any(at + rate < n for at in range(n)))
        yield Case(arguments=(rate,), expected=32 * side, tolerance=0)


def block_weights(channels_in: int, channels_out: int) -> int:
    """Weights of a block's main path: two 3×3 convolutions without bias, one after the other."""
    return 9 * channels_in * channels_out + 9 * channels_out * channels_out


def _blocks() -> Iterator[Case]:
    yield Case(arguments=(1, 1), expected=18, tolerance=0)
    yield Case(arguments=(352, 256), expected=1_400_832, tolerance=0)


def as_printed(text: str, value: float) -> bool:
    """Whether ``value`` rounds to the number that was printed as ``text``, with the digits it has."""
    digits = len(text.partition(".")[2])
    return f"{value:.{digits}f}" == text


def _numbers() -> Iterator[Case]:
    yield Case(arguments=("3.4", 3.4), expected=True)
    yield Case(arguments=("3.4", 3.44), expected=True)
    yield Case(arguments=("3.4", 3.46), expected=False)
    yield Case(arguments=("13.0", 12.9), expected=False)
    yield Case(arguments=("8", 8.4), expected=True)


def percent_faster(before_ms: float, after_ms: float) -> float:
    """By how many per cent the speed has grown."""
    return 100 * (before_ms / after_ms - 1)


def _times() -> Iterator[Case]:
    yield Case(arguments=(20, 10), expected=100.0)
    yield Case(arguments=(25, 18), expected=38.8889)
    yield Case(arguments=(10, 10), expected=0.0)


EXERCISES = (
    Exercise(
        title="How large must the image be?",
        prompt="From which image size on does any outer tap of rate 12 see data? And of rate 18?",
        solution=first_live_image,
        cases=_rates,
        hint="Put the kernel into a corner of the map. How many rows does the map need? Then go back to the "
        "image.",
        mistakes=(
            Mistake(lambda rate: rate + 1, "That is the map. The encoder divides the image by 32."),
            Mistake(
                lambda rate: 32 * rate,
                "On a map of `rate` rows the tap of a corner is just off the other side.",
            ),
            Mistake(
                lambda rate: 32 * (2 * rate + 1),
                "In so large an image *all* nine taps see data from the middle. One is asked for.",
            ),
        ),
        why="416 pixels for rate 12 and 608 for rate 18, and then only the outermost positions see anything.",
    ),
    Exercise(
        title="Find the slip",
        prompt="Section 3.3 counts the main path of a block as $(3 \\cdot 3 \\cdot 352 \\cdot 256) \\cdot "
        "2$. Count right.",
        solution=block_weights,
        cases=_blocks,
        hint="What does the second convolution take in?",
        mistakes=(
            Mistake(
                lambda channels_in, channels_out: 2 * 9 * channels_in * channels_out,
                "That is the note's count. The second convolution takes what the first one gives.",
            ),
            Mistake(
                lambda channels_in, channels_out: 9 * channels_in * channels_out,
                "There are two convolutions.",
            ),
        ),
        why="The second convolution takes 256 channels, not 352. So there are fewer weights than the note "
        "says.",
    ),
    Exercise(
        title="When does a number agree?",
        prompt='A text says "3.4". Which values does that allow? Write the rule of this chapter.',
        solution=as_printed,
        cases=_numbers,
        hint="How many digits stand behind the point? Format the value with as many, and compare the texts.",
        mistakes=(
            Mistake(
                lambda text, value: abs(value / float(text) - 1) < 0.05,
                'A tolerance is a choice. "3.4" promises a digit: 3.46 would have been printed as 3.5.',
            ),
            Mistake(
                lambda text, value: float(text) == value,
                "A printed number is rounded. 3.44 is printed as 3.4, and rightly.",
            ),
            Mistake(
                lambda text, value: round(value, 1) == float(text),
                "Not every number has one digit behind its point.",
            ),
        ),
        why="The number of printed digits is the tolerance. There is nothing to choose, and nothing to "
        "argue about.",
    ),
    Exercise(
        title="28 % faster?",
        prompt="The note: 25 ms before, 18 ms now, so 28 % faster. Is it?",
        solution=percent_faster,
        cases=_times,
        hint="Speed is one over time. Compare the speeds.",
        mistakes=(
            Mistake(
                lambda before_ms, after_ms: 100 * (1 - after_ms / before_ms),
                "It takes so much less *time*. Half the time is twice the speed, and that is 100 % faster.",
            ),
            Mistake(
                lambda before_ms, after_ms: before_ms / after_ms - 1,
                "That is the share. Per cent are asked for.",
            ),
        ),
        why="25 ms to 18 ms is 28 % less time and 39 % more speed. Both are fine, if you say which.",
    ),
)
