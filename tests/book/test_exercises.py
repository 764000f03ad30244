"""Each solution passes its check, each stub and each known mistake fails it; the notebooks are in step."""

from __future__ import annotations

import ast
import json
import math
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.distance import directed_hausdorff
from scipy.special import ellipe
from statsmodels.stats.multitest import multipletests

from fetalseg_book.exercises import (
    CHAPTERS,
    Answer,
    Case,
    Exercise,
    Mistake,
    check,
    exercises_of,
    find_exercise,
    judge,
    page,
    plain_exercises_of,
)
from fetalseg_book.exercises.compare import agrees, shown
from fetalseg_book.exercises.write import exercise_cells, write_exercises
from fetalseg_lib.study.config import configure

ROOT = Path(__file__).parents[2]
PATHS = {"PYTHONPATH": f"{ROOT}:{ROOT / 'book'}"}
NOTEBOOKS = ROOT / "notebooks"
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
    """What a student has at hand in the chapter's notebook: all that it imports and defines."""
    names: dict[str, Any] = {}
    for cell in cells_of(chapter):
        if cell["cell_type"] == "code" and cell["id"] != "first-cell":  # that one speaks to IPython
            nodes = ast.parse("".join(cell["source"])).body
            kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            imports = [node for node in nodes if isinstance(node, kinds)]
            exec(compile(ast.Module(body=imports, type_ignores=[]), chapter, "exec"), names)
    return names


# Every exercise


def solution_on_the_page(chapter: str, exercise: Exercise) -> str:
    """The code that a reader unfolds below the stub."""
    number = exercises_of(chapter).index(exercise) + 1
    (cell,) = [cell for cell in cells_of(chapter) if cell["id"] == f"exercise-{number}-solution"]
    return "".join(cell["source"]).partition("```python\n")[2].partition("\n```")[0]


@each_exercise
def test_the_solution_as_it_stands_on_the_page_is_right(chapter: str, exercise: Exercise) -> None:
    names = imports_of(chapter)
    exec(solution_on_the_page(chapter, exercise), names)
    assert names[exercise.name].__doc__ is None, "what is asked for stands in the stub"
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


# Right answers, written in other ways


def in_depth(change: Callable[[Any], Any], value: Any) -> Any:
    """Change what is inside lists, tuples, sets and dictionaries, and leave these as they are."""
    if isinstance(value, dict):
        return {key: in_depth(change, item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return type(value)(in_depth(change, item) for item in value)
    return change(value)


def when(condition: Callable[[Any], bool], change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: in_depth(lambda leaf: change(leaf) if condition(leaf) else leaf, value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_sequence(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def unordered(value: Any, build: Callable[[Any], Any]) -> Any:
    return build(value) if isinstance(value, set) else value


def even(value: Any) -> bool:
    """Whether an array can hold it: no pair of a number and a truth value."""
    return is_sequence(value) and len({type(item) for item in value}) < 2


def is_numbers(value: Any) -> bool:
    return even(value) and np.asarray(value).dtype.kind in "iuf"


FORMS: dict[str, Callable[[Any], Any]] = {
    "NumPy's scalars": lambda value: in_depth(lambda leaf: np.asarray(leaf)[()], value),
    "arrays without an axis": when(lambda leaf: not isinstance(leaf, str), np.asarray),
    "tensors without an axis": when(lambda leaf: isinstance(leaf, int | float), torch.tensor),
    "tensors with a gradient": when(
        lambda leaf: isinstance(leaf, float), lambda leaf: torch.tensor(leaf, requires_grad=True)
    ),
    "single precision": when(lambda leaf: isinstance(leaf, float), np.float32),
    "whole numbers as floats": when(is_number, float),
    "floats as whole numbers": when(
        lambda leaf: isinstance(leaf, float) and leaf.is_integer(), lambda leaf: np.int64(leaf)
    ),
    "fractions": when(lambda leaf: is_number(leaf) and math.isfinite(leaf), Fraction),
    "decimals": when(is_number, Decimal),
    "tuples": lambda value: tuple(value) if is_sequence(value) else value,
    "lists": lambda value: np.asarray(value).tolist() if even(value) else value,
    "arrays": lambda value: np.asarray(value) if even(value) else value,
    "arrays of objects": lambda value: np.asarray(value, dtype=object) if even(value) else value,
    "series": lambda value: pd.Series(value) if even(value) and np.ndim(value) == 1 else value,
    "tensors": lambda value: torch.as_tensor(np.array(value)) if is_numbers(value) else value,
    "a tensor as an array": lambda value: value.numpy() if isinstance(value, torch.Tensor) else value,
    "a set as a list": lambda value: unordered(value, list),
    "a set with repetitions": lambda value: unordered(value, lambda names: [*names, *names]),
    "a frozen set": lambda value: unordered(value, frozenset),
    "a set as an array": lambda value: unordered(value, lambda names: np.array(sorted(names))),
    "keys of a dictionary": lambda value: unordered(value, lambda names: dict.fromkeys(names).keys()),
}


def judged(change: Callable[[Any], Any]) -> dict[str, Answer]:
    """What is said to each exercise's solution, if what it gives is changed."""
    return {
        f"{chapter}/{exercise.name}": judge(exercise, lambda *given, e=exercise: change(e.solution(*given)))
        for chapter, exercise in ALL
        if not isinstance(exercise.solution, type)  # a part of a network has one form
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_right_answer_is_right_in_every_form(form: str) -> None:
    assert {name: answer.why for name, answer in judged(FORMS[form]).items() if not answer.right} == {}


WRITTEN_OTHERWISE: list[tuple[str, str, Callable[..., Any]]] = [
    ("ablation", "spread_behind", lambda difference, effect_size: np.float64(difference) / effect_size),
    ("aspp", "largest_full_rate", lambda side: math.floor((side - 1) / 2)),
    ("aspp", "live_weights", lambda weights: weights[:, :, 1, 1].unsqueeze(-1).unsqueeze(-1)),
    ("aspp", "live_weights", lambda weights: weights.numpy()[..., 1:2, 1:2]),
    (
        "audit",
        "as_printed",
        lambda text, value: f"%.{len(text.split('.')[1]) if '.' in text else 0}f" % value == text,
    ),
    (
        "model",
        "ConvNormReLU",
        lambda channels_in, channels_out: torch.nn.Sequential(
            torch.nn.Conv2d(channels_in, channels_out, 3, padding="same", bias=False),
            torch.nn.BatchNorm2d(channels_out),
            torch.nn.ReLU(),
        ),
    ),
    ("augmentation", "flipped", lambda image, mask: (np.fliplr(image), np.fliplr(mask).astype(bool))),
    ("augmentation", "flipped", lambda image, mask: np.flip(np.stack([image, mask]), axis=2)),
    ("augmentation", "brighter", lambda image, factor: np.minimum(np.round(image * factor), 255)),
    ("augmentation", "brighter", lambda image, factor: [min(255, round(float(v) * factor)) for v in image]),
    (
        "budget",
        "broken_promises",
        lambda costs, promised: list(filter(lambda n: costs[n] > promised[n], promised)),
    ),
    ("budget", "worse_beyond", lambda small, large, noise: np.subtract(large, small).mean() > noise),
    (
        "clinic",
        "hc_of",
        lambda bpd_mm, ofd_mm: round(2 * max(bpd_mm, ofd_mm) * ellipe(1 - (bpd_mm / ofd_mm) ** 2), 1),
    ),
    (
        "clinic",
        "week_worth",
        lambda days: round(
            next(
                w
                for w in np.arange(18, 38, 0.01)
                if 7 / (2 * 1.69267 * w - 0.397485 * w * (2 * math.log(w) + 1)) >= days
            ),
            1,
        ),
    ),
    (
        "cost",
        "time_ratio",
        lambda ours, theirs: statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
    ),
    ("cost", "time_ratio", lambda ours, theirs: np.median(np.divide(ours, theirs))),
    ("cost", "kept_mb", lambda values, trained, batch: 4 * batch * np.dot(values, trained) / 1e6),
    (
        "data",
        "leak_share",
        lambda exams, folds: np.isin(
            np.array(exams)[np.array(folds) == "test"], np.array(exams)[np.array(folds) == "train"]
        ).mean(),
    ),
    ("decoder", "can_join", lambda below, skip: [2 * n for n in below[1:]] == list(skip[1:])),
    ("decoder", "background_loss", lambda logit: np.logaddexp(0, logit)),
    ("decoder", "background_loss", lambda logit: F.softplus(torch.tensor(logit))),
    (
        "decoder",
        "background_loss",
        lambda logit: logit + math.log1p(math.exp(-logit)) if logit > 0 else math.log1p(math.exp(logit)),
    ),
    ("encoder", "grey_kernel", lambda kernel: kernel[:, [0]] + kernel[:, [1]] + kernel[:, [2]]),
    (
        "encoder",
        "is_frozen",
        lambda network: (
            all(not p.requires_grad for p in network.parameters())
            and all(not m.training for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d))
        ),
    ),
    (
        "error-analysis",
        "always_worst",
        lambda runs, count: set.intersection(
            *(set(row.nsmallest(count).index) for _, row in pd.DataFrame(runs).iterrows())
        ),
    ),
    (
        "error-analysis",
        "always_worst",
        lambda runs, count: (dice := pd.DataFrame(runs)).columns[(dice.rank(axis=1) <= count).all()],
    ),
    (
        "error-analysis",
        "class_map",
        lambda features, gradients: F.relu(
            torch.einsum("c,chw->hw", torch.tensor(gradients).mean((1, 2)), torch.tensor(features))
        ),
    ),
    ("export", "scale_of", lambda low, high: np.ptp([low, high, 0]) / 255),
    (
        "export",
        "there_and_back",
        lambda values, scale, zero: [
            (min(255, max(0, round(float(v) / scale) + zero)) - zero) * scale for v in values
        ],
    ),
    (
        "export",
        "is_fit",
        lambda dice_before, dice_after, hc_before, hc_after: all(
            np.abs(
                [
                    100 * np.mean(np.subtract(dice_after, dice_before)),
                    np.mean(np.abs(hc_after)) - np.mean(np.abs(hc_before)),
                ]
            )
            <= 0.1
        ),
    ),
    ("loss", "balancing_weight", lambda mask: 1 / np.mean(mask) - 1),
    ("loss", "weight_for", lambda shift: torch.tensor(shift).exp()),
    (
        "measuring",
        "hausdorff_mm",
        lambda prediction, reference, spacing: max(
            directed_hausdorff(a, b)[0]
            for p in [np.argwhere(prediction) * spacing]
            for r in [np.argwhere(reference) * spacing]
            for a, b in [(p, r), (r, p)]
        ),
    ),
    ("measuring", "honest_mean", lambda dices: sum(0 if math.isnan(d) else d for d in dices) / len(dices)),
    ("measuring", "honest_mean", lambda dices: pd.Series(dices).fillna(0).mean()),
    ("optimisation", "first_step", lambda gradient, lr: -lr * ((gradient > 0) - (gradient < 0))),
    (
        "optimisation",
        "cosine_rate",
        lambda epoch, epochs, lr: lr * math.cos(math.pi * epoch / epochs / 2) ** 2,
    ),
    ("own-images", "eight_bit", lambda pixels: ((pixels.astype(int) + 128) // 257).astype("uint8")),
    (
        "own-images",
        "outside",
        lambda found, low, high: [
            n for n in found if not (low[n] <= found[n] <= high[n] or found[n] != found[n])
        ],
    ),
    (
        "phantom",
        "mean_over_sd",
        lambda n: (lambda e: e.mean() / e.std())(
            torch.polar(torch.ones(40_000, n), 2 * math.pi * torch.rand(40_000, n)).sum(1).abs()
        ),
    ),
    ("phantom", "grey", lambda echo, range_db: min(1, max(0, 1 + 20 * math.log10(echo) / range_db))),
    (
        "pretraining",
        "epochs_for",
        lambda steps, images, batch_size: int(steps / math.ceil(images / batch_size) + 0.5),
    ),
    (
        "pretraining",
        "worth",
        lambda pretrained, random: (
            np.mean(pretrained) - np.mean(random),
            len({a > b for a, b in zip(pretrained, random, strict=True)}) == 1,
        ),
    ),
    (
        "pretraining",
        "pooled",
        lambda batches: (np.concatenate(batches).mean(), np.concatenate(batches).var()),
    ),
    (
        "robustness",
        "cost",
        lambda usual, turned: (pd.Series(turned) - pd.Series(usual)).dropna().mean(),
    ),
    (
        "robustness",
        "share_caught",
        lambda error_mm, flagged, tolerance_mm: (
            sum(f for e, f in zip(error_mm, flagged, strict=True) if abs(e) > tolerance_mm)
            / sum(abs(e) > tolerance_mm for e in error_mm)
        ),
    ),
    ("se-residual", "never_fires", lambda means, w1, b1: torch.relu(means @ w1.T + b1).sum() == 0),
    (
        "train",
        "dice_loss",
        lambda probabilities, mask: (
            1
            - 2
            * torch.tensor(probabilities).dot(torch.tensor(mask).float())
            / (sum(probabilities) + sum(mask))
        ),
    ),
    ("uncertainty", "chance_of_a_find", lambda tests, alpha: -math.expm1(tests * math.log1p(-alpha))),
    ("uncertainty", "holm", lambda p_values: multipletests(p_values, method="holm")[1]),
    (
        "uncertainty",
        "half_width",
        lambda errors_mm, level: [*np.sort(np.abs(errors_mm)), *[np.inf] * 99][
            math.ceil((len(errors_mm) + 1) * level) - 1
        ],
    ),
]


@pytest.mark.parametrize(("chapter", "name", "answer"), WRITTEN_OTHERWISE)
def test_a_right_answer_is_right_however_it_is_written(
    chapter: str, name: str, answer: Callable[..., Any]
) -> None:
    said = judge(find_exercise(chapter, name), answer)
    assert said.right, said.why


# Wrong answers of each kind


class Stubborn:
    """An object that answers nothing."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


def printed(value: Any) -> None:
    print(value)


def raising(value: Any) -> Any:
    return [][0]


def next_to(value: Any) -> Any:
    """Off by one, or the other truth value, or another word."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, set):
        return {*value, "x!"}
    if isinstance(value, list | tuple):
        return [next_to(item) for item in value] or ["x!"]
    return f"{value}!" if isinstance(value, str) else value + 1


def hints(exercise: Exercise) -> tuple[str, ...]:
    return exercise.hint, *(mistake.hint for mistake in exercise.mistakes)


THE_HINT = ""
WRONG_KINDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "printed": (printed, "Write `return` in place of `print`."),
    "forgotten": (lambda value: None, "Write `return` in front"),
    "raises": (raising, r"stops in line \d+ with IndexError: list index out of range\. "),
    "brackets too many": (lambda value: [value], r"(right|is asked for)"),
    "an axis too many": (lambda value: np.asarray([value], dtype=object), r"(right|is asked for)"),
    "the function": (lambda value: lambda: value, "Put brackets behind its name"),
    "a generator": (lambda value: (value for _ in [0]), r"Put `list\(...\)` around it"),
    "off by one": (next_to, THE_HINT),
    "a dictionary": (lambda value: {"value": value}, "is asked for, not a dictionary. "),
    "an empty set": (lambda value: {frozenset()}, r"(is asked for, not a set. |Expected: (set|{))"),
    "unhashable items": (lambda value: [[value], {}, set()], THE_HINT),
    "an object": (lambda value: Stubborn(), "is asked for, not something of type Stubborn. "),
    "objects in a list": (lambda value: [Stubborn(), Stubborn()], THE_HINT),
    "bytes": (lambda value: b"y", "is asked for, not something of type bytes. "),
    "a complex number": (lambda value: 1j, "is asked for, not something of type complex. "),
    "a huge number": (lambda value: 10**400, THE_HINT),
    "not a number": (lambda value: [math.nan, math.inf], THE_HINT),
}


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_a_wrong_answer_of_each_kind_gets_a_hint_that_fits(kind: str, capsys: Any) -> None:
    change, words = WRONG_KINDS[kind]
    for name, answer in judged(change).items():
        exercise = find_exercise(*name.split("/"))
        assert not answer.right, name
        assert re.search(words, answer.why), f"{name}: {answer.why}"
        if words is THE_HINT:
            assert answer.why.endswith(hints(exercise)), f"{name}: {answer.why}"


def test_a_right_number_as_text_or_rounded_is_told_apart_from_a_wrong_one() -> None:
    for name, answer in judged(
        lambda value: str(value) if isinstance(value, bool | int | float) else value
    ).items():
        if not answer.right:
            assert answer.why.endswith("but it is text. Give back the value itself."), f"{name}: {answer.why}"
    rough = {
        name
        for name, answer in judged(
            when(lambda leaf: isinstance(leaf, float), lambda leaf: round(leaf, 2))
        ).items()
        if not answer.right and answer.why.endswith("Give the value back as it was computed.")
    }
    assert {"measuring/iou_from_dice", "loss/weight_for"} <= rough


WRONG: list[tuple[str, str, Callable[..., Any], str]] = [
    (
        "ablation",
        "reading",
        lambda low, high, matters: (
            "differs"
            if low >= 0 or high <= 0
            else ("too small to matter" if max(-low, high) < matters else "cannot tell")
        ),
        "(0, 0.2, 0.3)` gives 'differs'",
    ),
    ("augmentation", "brighter", lambda image, factor: np.clip(image * factor, 0, 255), "round"),
    (
        "augmentation",
        "brighter",
        lambda image, factor: np.clip(image * factor, 0, 255).astype(np.uint8),
        "round first",
    ),
    ("aspp", "largest_full_rate", lambda side: np.array([(side - 1) // 2]), "array of one"),
    ("aspp", "largest_full_rate", lambda side: (side - 1) // 2 + 2, "gives 3. Expected: 1."),
    (
        "aspp",
        "live_weights",
        lambda weights: weights[:, :, 1, 1],
        "right, but their shape is (1, 1). Expected: (1, 1, 1, 1)",
    ),
    (
        "budget",
        "broken_promises",
        lambda costs, promised: [n for n in costs if costs[n] > promised[n]],
        "order of the promises",
    ),
    (
        "budget",
        "broken_promises",
        lambda costs, promised: sorted(n for n in costs if costs[n] > promised[n]),
        "order of the promises",
    ),
    (
        "budget",
        "broken_promises",
        lambda costs, promised: {n for n in costs if costs[n] > promised[n]},
        "is asked for, not a set",
    ),
    (
        "budget",
        "worse_beyond",
        lambda small, large, noise: all(b - a > noise for a, b in zip(small, large, strict=True)),
        "then the mean",
    ),
    ("clinic", "hc_of", lambda bpd_mm, ofd_mm: round(math.pi * (bpd_mm + ofd_mm) / 2), "rounded"),
    (
        "cost",
        "conv_operations",
        lambda kernel, channels_in, channels_out, rows, columns: (
            2 * kernel**2 * channels_in * channels_out * rows**2
        ),
        "gives 3600. Expected: 5040",
    ),
    ("decoder", "can_join", lambda below, skip: (skip[1] // 2, skip[2] // 2) == below[1:], "twice 10 is 20"),
    ("decoder", "background_loss", lambda logit: math.log1p(math.exp(logit)), "overflows"),
    ("decoder", "background_loss", lambda logit: np.log1p(np.exp(logit)), "overflows"),
    (
        "decoder",
        "background_loss",
        lambda logit: float(torch.log1p(torch.exp(torch.tensor(logit, dtype=torch.float64)))),
        "overflows",
    ),
    (
        "encoder",
        "is_frozen",
        lambda network: (
            not any(p.requires_grad for p in network.parameters())
            and (not network.training or isinstance(network, torch.nn.Conv2d))
        ),
        "in train mode: gives True",
    ),
    ("export", "scale_of", lambda low, high: (high - min(low, 0)) / 255, "does not include zero"),
    (
        "export",
        "is_fit",
        lambda dice_before, dice_after, hc_before, hc_after: (
            abs(100 * (np.mean(dice_after) - np.mean(dice_before))) <= 0.1
            and np.mean(np.abs(hc_after)) - np.mean(np.abs(hc_before)) <= 0.1
        ),
        "gives True. Expected: False",
    ),
    (
        "model",
        "branch_parameters",
        lambda channels_in, channels_out: (
            9 * channels_in * channels_out + 2 * channels_out + (channels_in > 1)
        ),
        "gives 1474817. Expected: 1474816",
    ),
    (
        "optimisation",
        "stop_epoch",
        lambda dices, patience, gain: next(
            (
                e
                for e in range(patience, len(dices) + 1)
                if all(dices[i] <= max([-1, *dices[:i]]) + gain for i in range(e - patience, e))
            ),
            len(dices),
        ),
        "must not raise the bar",
    ),
    ("own-images", "eight_bit", lambda pixels: pixels / 257, "Whole numbers are asked for"),
    ("own-images", "eight_bit", lambda pixels: (pixels >> 8).astype(np.uint8), "Expected: [2, 4]"),
    (
        "own-images",
        "outside",
        lambda found, low, high: {n for n, v in found.items() if v < low[n] or v >= high[n]},
        "Expected: set()",
    ),
    (
        "pretraining",
        "epochs_for",
        lambda steps, images, batch_size: math.ceil(steps / math.ceil(images / batch_size)),
        "gives 32. Expected: 31",
    ),
    (
        "pretraining",
        "worth",
        lambda pretrained, random: np.mean(np.subtract(pretrained, random)),
        "A list or an array is asked for, not a number",
    ),
    (
        "se-residual",
        "never_fires",
        lambda means, w1, b1: bool((means @ w1.T + b1 < 0).all()),
        "to just 0: gives False",
    ),
    (
        "se-residual",
        "never_fires",
        lambda means, w1, b1: int((means @ w1.T + b1 <= 0).all()),
        "A truth value is asked for, not a number",
    ),
]


@pytest.mark.parametrize(("chapter", "name", "answer", "words"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(
    chapter: str, name: str, answer: Callable[..., Any], words: str
) -> None:
    said = judge(find_exercise(chapter, name), answer)
    assert not said.right
    assert words in said.why


def test_what_a_student_prints_is_seen_once(capsys: Any) -> None:
    judge(HALF, lambda number: print("seen", number))
    assert capsys.readouterr().out == "seen 4\n"


def test_the_checker_and_the_plain_exercises_need_plain_python_alone() -> None:
    code = """
import importlib, math, statistics, sys
before = set(sys.modules)
from fetalseg_book.exercises import CHAPTERS, judge, plain_exercises_of
for chapter in CHAPTERS:
    for exercise in plain_exercises_of(chapter):
        for code, right in ((exercise.code, True), (exercise.stub, False)):
            names = {"math": math, "statistics": statistics}
            if chapter == "clinic":  # of its own text
                names["INTERGROWTH_21ST"] = importlib.import_module("fetalseg_lib.growth").INTERGROWTH_21ST
            exec(code, names)
            said = judge(exercise, names[exercise.name])
            assert said.right is right, said
        for mistake in exercise.mistakes:
            assert judge(exercise, mistake.answer).why.endswith(mistake.hint)
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*roots - set(sys.stdlib_module_names))
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], env=PATHS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"fetalseg_book", "fetalseg_lib"}


def test_a_chapter_keeps_its_order_and_most_exercises_are_plain() -> None:
    plain = [(chapter, exercise) for chapter in CHAPTERS for exercise in plain_exercises_of(chapter)]
    assert [pair for pair in ALL if pair in plain] == plain
    assert len(plain) >= 58


def test_a_variant_changes_what_the_library_says() -> None:
    shared: dict[str, Any] = {"seed": 0, "profile": "smoke", "data": "phantom"}
    proposed, weighted = (configure(variant=v, **shared).to_dict() for v in ("proposed", "pos_weight_200"))
    changed = find_exercise("train", "changed_settings").solution(proposed, weighted)
    assert changed == {"variant", "training.pos_weight"}


# Every chapter


def test_every_notebook_has_exercises() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} - TOURS == set(SHOWN)


@each_chapter
def test_notebook_is_in_step_with_its_exercises(chapter: str) -> None:
    there = [cell for cell in cells_of(chapter) if cell["id"].startswith("exercise-")]
    assert there == exercise_cells(chapter), (
        "renew it with: python -m fetalseg_book.exercises.write notebooks"
    )


def sections_of(chapter: str) -> dict[str, str]:
    """The text of each second-level section, code left out."""
    texts = ["".join(cell["source"]) for cell in cells_of(chapter) if cell["cell_type"] == "markdown"]
    parts = re.split(r"^## (.+)$", "\n\n".join(texts), flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def assert_questions(text: str) -> None:
    """Three to five questions; each has answers to click, one of them right, and says why of each."""
    questions = re.findall(
        r"^````\{admonition\} [^`\n]+\?\n:class: self-test\n(.*?)^````$", text, re.M | re.S
    )
    assert 3 <= len(questions) <= 5
    assert text.count("{admonition}") == len(questions)
    for question in questions:
        answers = re.split(r"^- (\[[ x]\]) ", question, flags=re.M)
        assert not answers[0].strip()
        assert answers[1::2].count("[x]") == 1
        assert len(answers[1::2]) >= 2
        for answer in answers[2::2]:
            choice, _, why = answer.partition("\n\n")
            assert choice.strip()
            assert why.startswith("  ")
            assert why.strip()


@each_chapter
def test_chapter_has_all_that_a_chapter_needs(chapter: str) -> None:
    sections = sections_of(chapter)
    assert "After this chapter you can" in sections[""]
    assert re.search(r"^You need ", sections[""], re.M)
    assert len(exercises_of(chapter)) >= 2
    assert_questions(sections["Test yourself"])
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
    mistakes=(Mistake(lambda number: 2 * number, "Other way."),),
    why="So it is.",
)


def endless() -> list[Any]:
    itself: list[Any] = []
    itself.append(itself)
    return itself


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
        (lambda number: 1 / 0, " with ZeroDivisionError: division by zero. Divide."),
        (lambda: 2, "stops with TypeError"),
        (lambda number: endless(), "with RecursionError"),
        (lambda number: sys.exit(), "with SystemExit"),
        (
            wreck,
            "Two: gives 'gone'. Expected: [0.5, 1]. A list or an array is asked for, not a text. Divide.",
        ),
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
        ("encodr", "grey_kernel", "did you mean 'encoder'"),
        ("encoder", "grey_kernels", "did you mean 'grey_kernel'"),
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
        (np.str_("y"), "y", True),
        (np.array(["a", "b"]), ["a", "b"], True),
        (np.array(["a", "c"]), ["a", "b"], False),
        (np.array(["b", "a"]), {"a", "b"}, True),
        (pd.Series(["a"]), {"a"}, True),
        ({"a": 1}.keys(), {"a"}, True),
        ([["a"]], {"a"}, False),
        ([{}], {"a"}, False),
        ([["a", 1]], {("a", 1)}, True),
        (np.array(0.5), 0.5, True),
        (torch.tensor([0.5]), 0.5, False),
        (torch.tensor(True), True, True),
        (Fraction(1, 2), 0.5, True),
        (Decimal("0.5"), 0.5, True),
        (range(2), [0, 1], True),
        (pd.DataFrame({"a": [1], "b": [2]}), [[1, 2]], True),
        (np.zeros((2, 0)), np.zeros((2, 0)), True),
        (10**400, 1, False),
        (10**400, 10.0, False),
        (2 + 0j, 2, False),
    ],
)
def test_the_same_numbers_are_the_same_in_whatever_they_come(came: Any, expected: Any, same: bool) -> None:
    assert agrees(came, expected, tolerance=1e-6) is same


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1_474_816, "1474816"),
        (1_474_816.0, "1474816"),
        (10**400, f"1{'0' * 116}..."),
        (np.array([1, 2]), "[1, 2]"),
        (np.array(["a", "b"]), "['a', 'b']"),
        (np.bool_(True), "True"),
        (np.str_("y"), "'y'"),
        ({"b", "a"}, "{'a', 'b'}"),
        (set(), "set()"),
        ((0.04, True), "[0.04, True]"),
        (math.inf, "inf"),
    ],
)
def test_a_value_is_shown_as_it_is_written(value: Any, words: str) -> None:
    assert shown(value) == words


def test_two_that_look_alike_are_told_apart() -> None:
    def said(came: Any, expected: Any) -> str:
        case = Case(arguments=(), given="It", expected=expected, tolerance=0)
        return judge(replace(HALF, cases=lambda: [case]), lambda: came).why

    assert "gives 7.0000000001. Expected: 7. Whole numbers are asked for." in said(7.0000000001, 7)
    assert "gives other numbers of shape (20,). Expected" in said(np.ones(20), np.zeros(20))


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


# As the page runs them


def test_what_a_page_shows_of_prints_is_passed_on_line_by_line_and_cut() -> None:
    said: list[str] = []
    code = "def largest_full_rate(side):\n    print('a', end='')\n    print('b')\n    print('c', end='')\n"
    page.run("aspp", "largest_full_rate", code, said.append)
    assert said == ["ab\n", "c"]
    said.clear()
    page.run("aspp", "largest_full_rate", "for _ in range(10**5):\n    print('again')\n", said.append)
    assert "".join(said[:-1]) == ("again\n" * page.MOST)[: page.MOST]
    assert said[-1].endswith("which is not shown.")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x = 1\ny = x +", "Line 2: `y = x +` is no Python: invalid syntax."),
        ("x = (1,\n", "Line 1: `x = (1,` is no Python: '(' was never closed."),
        ("\n1 / 0", "Line 2: `1 / 0` stops with ZeroDivisionError: division by zero."),
        ("raise SystemExit", "Line 1: `raise SystemExit` stops with SystemExit: ."),
        ("x = '\0'", "source code string cannot contain null bytes."),
        ("pass", "`largest_full_rate` is not defined. Keep the name of the stub."),
        (
            "largest_full_rate = 3",
            "`largest_full_rate(3)` stops with TypeError: 'int' object is not callable.",
        ),
        (
            "def largest_full_rate(side):\n    return sid",
            "stops in line 2 with NameError: name 'sid' is not defined.",
        ),
    ],
)
def test_what_goes_wrong_in_a_page_is_told_with_its_line(code: str, why: str) -> None:
    answer = json.loads(page.run("aspp", "largest_full_rate", code))
    assert not answer["right"]
    assert why in answer["why"]
