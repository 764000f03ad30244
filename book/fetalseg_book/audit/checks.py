"""The general checks that a row of the claims can name: shapes, layers, counts, sums, and what files say.

A check is a public function, here or in ``parts`` and ``training``, that takes the evidence and
then the arguments of its row. It returns what it measured, which is compared with the stated value, or a
``Finding`` where it finds the verdict itself. Its first paragraph tells the reader how it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import pandas as pd
import torch
from torch import nn

from fetalseg_book.audit.evidence import MIN_SEEDS, Evidence, Studied
from fetalseg_book.audit.stated import Finding, PendingError, Remarked, Stated, Verdict, verdict_of
from fetalseg_book.studies.costs import model_size_mb
from fetalseg_book.trace import Shape
from fetalseg_book.stats import PairedMean, paired_mean
from fetalseg_lib.growth import HADLOCK_1984
from fetalseg_lib.models.variants import did_you_mean
from fetalseg_lib.training.config import TrainingConfig

# What passes through the built network


def shape(evidence: Evidence, *, of: str = "", into: str = "") -> Shape:
    """Send a 256×256 image through the built network and read the shapes."""
    if bool(of) == bool(into):
        raise ValueError("expected one of 'of' (the map that comes out) and 'into' (the map that goes in)")
    if into == "network":
        return evidence.trace.image
    calls, name = evidence.trace.calls, "head" if of == "output" else of or into
    if name not in calls:
        raise ValueError(f"the network has no part {name!r}.{did_you_mean(name, calls)}")
    return calls[name].output if of else calls[name].inputs[0]


def channels(evidence: Evidence, *, of: str = "", into: str = "") -> int:
    """Send a 256×256 image through the built network and read the shapes."""
    return shape(evidence, of=of, into=into)[0]


def side(evidence: Evidence, *, of: str) -> int:
    """The side of that map in the trace."""
    return shape(evidence, of=of)[1]


def different_sizes(evidence: Evidence, *, of: list[str]) -> int:
    """Count the different sizes of those stages in the trace."""
    return len({side(evidence, of=stage) for stage in of})


def channels_never_fall(evidence: Evidence, *, of: list[str]) -> bool:
    """Compare the traced channels of those stages, one by one."""
    widths = [channels(evidence, of=stage) for stage in of]
    return widths == sorted(widths)


# What the built network is made of


def read(evidence: Evidence, *, at: str | list[str], network: str = "proposed") -> Any:
    """Read the built layer."""
    model = _network(evidence, network)
    return _look_up(model, at) if isinstance(at, str) else tuple(_look_up(model, path) for path in at)


def kinds_of(evidence: Evidence, *, of: list[str], network: str = "proposed") -> tuple[str, ...]:
    """Read the layers' classes."""
    model = _network(evidence, network)
    return tuple(dict.fromkeys(type(model.get_submodule(path)).__name__ for path in of))


def layers_in(evidence: Evidence, *, of: str, named: str = "") -> tuple[str, ...]:
    """Read the built layers, one by one; with a name, those at any depth whose class has it."""
    part = evidence.network.get_submodule(of)
    layers = part.modules() if named else part.children()
    names = (f"Dropout(p={one.p})" if isinstance(one, nn.Dropout) else type(one).__name__ for one in layers)
    return tuple(name for name in names if named in name)


def number_of(
    evidence: Evidence, *, kind: str, network: str = "proposed", of: list[str] | None = None
) -> int:
    """Count the layers of that kind in the built network, or in those parts of it."""
    model = evidence.model(network)
    layers = (layer for part in of or [""] for layer in model.get_submodule(part).modules())
    return sum(kind in {base.__name__ for base in type(layer).__mro__} for layer in layers)


def state(evidence: Evidence, *, of: str) -> str:
    """Ask the built layer whether its weights are trained."""
    return _trained_or_frozen(
        weight.requires_grad for weight in evidence.network.get_submodule(of).parameters()
    )


def state_after_a_step(evidence: Evidence, *, of: list[str]) -> str:
    """Which parameters a training step changes: all of them, or none."""
    changed = evidence.changed_by_a_step
    names = [name for name, _ in evidence.network.named_parameters() if name.split(".")[0] in of]
    return _trained_or_frozen(changed[name] for name in names)


def _network(evidence: Evidence, name: str) -> Any:
    return evidence.features if name == "torchvision" else evidence.model(name)


def _look_up(layer: Any, path: str) -> Any:
    for name in path.split("."):
        layer = layer[int(name)] if isinstance(layer, tuple) else getattr(layer, name)
    return layer


def _trained_or_frozen(flags: Iterable[bool]) -> str:
    found = set(flags)
    if not found:
        raise ValueError("that part has no parameters")
    return "trained in part" if len(found) > 1 else "trained" if found.pop() else "frozen"


# Parameters, sizes, operations, memory, time

Count = Literal["all", "trainable", "frozen"]


def parameters(evidence: Evidence, *, of: Count = "all", network: str = "proposed") -> int | Remarked:
    """Count the parameters of the built network."""
    count = _count(evidence, of, network)
    if of == "frozen" or network != "proposed":
        return count
    dilated = parameters_in(evidence, of="bottleneck.dilated", kind="Conv2d")
    return Remarked(count, f"The three dilated kernels alone have {dilated:,}.")


def parameters_in(evidence: Evidence, *, of: str, kind: str = "Module") -> int:
    """Count the parameters of the built part, or of its layers of one kind."""
    layers = evidence.network.get_submodule(of).modules()
    named = (layer for layer in layers if kind in {base.__name__ for base in type(layer).__mro__})
    return sum(weights.numel() for layer in named for weights in layer.parameters(recurse=False))


def more_parameters(evidence: Evidence, *, than: str) -> int:
    """Parameters of the built network less those of that variant."""
    return _count(evidence) - _count(evidence, "all", than)


def share(evidence: Evidence, *, of: Count) -> float:
    """Count the parameters of the built network and divide."""
    return _count(evidence, of) / _count(evidence)


def change(evidence: Evidence, *, of: Count, against: str) -> float:
    """Count both built networks and divide."""
    return _count(evidence, of) / _count(evidence, of, against) - 1


def reduction(evidence: Evidence, *, of: Count, against: str) -> float:
    """Count both built networks and divide."""
    return -change(evidence, of=of, against=against)


def size(evidence: Evidence, *, network: str = "proposed", bits: Literal[16, 32] = 32) -> float:
    """The built network's parameters and buffers, four bytes each."""
    dtype = torch.float16 if bits == 16 else torch.float32
    return 1e6 * model_size_mb(evidence.on_meta(network), dtype=dtype)


def operations(evidence: Evidence) -> int:
    """Count every layer's multiplications and additions, as torch's own counter does."""
    return evidence.trace.flops


def multiply_adds(evidence: Evidence) -> float:
    """Half of the operations."""
    return operations(evidence) / 2


def memory(evidence: Evidence, *, during: Literal["training", "inference"]) -> float:
    """The activations alone that 16 images of 256×256 need in {during}, in float32."""
    return evidence.memory("proposed", during)


def memory_is_less_when_frozen(evidence: Evidence) -> Remarked:
    """Activations kept for a training step of 16 images, frozen against trainable encoder."""
    frozen, trained = (evidence.memory(name, "training") for name in ("proposed", "trainable_encoder"))
    why = f"{frozen / 1e9:.2f} GB of activations instead of {trained / 1e9:.2f} GB."
    return Remarked(frozen < trained, why)


def memory_limits_the_batch(evidence: Evidence) -> Finding:
    """Activations that a training step of 16 images keeps, counted tensor by tensor."""
    text = f"{memory(evidence, during='training') / 1e9:.1f} GB of activations"
    return Finding(verdict=Verdict.DEPENDS_ON_HARDWARE, measured=text)


def on_hardware(evidence: Evidence) -> Finding:
    """Time both networks in turns on one machine and read their ratio."""
    if evidence.hardware is None:
        raise PendingError(
            "The note's graphics card is not here, and the two networks are not timed here yet."
        )
    median = {name: times["median_ms"] for name, times in evidence.hardware["latency"].items()}
    text = (
        f"{median['proposed']:.0f} ms against the U-Net's {median['unet']:.0f} ms, "
        f"ratio {evidence.hardware['proposed_to_unet']:.2f}"
    )
    threads = evidence.hardware["threads"]
    why = f"{evidence.hardware['processor']}, threads: {threads}, one image at a time, eager PyTorch."
    return Finding(verdict=Verdict.DEPENDS_ON_HARDWARE, measured=text, why=why)


def _count(evidence: Evidence, of: Count = "all", network: str = "proposed") -> int:
    total, trainable = evidence.parameters(network)
    return {"all": total, "trainable": trainable, "frozen": total - trainable}[of]


# What needs no network, or cannot be decided


def work_out(_: Evidence, *, result: str, value: Stated) -> Finding:
    """Work it out."""
    found: Any = pd.eval(result, engine="python")
    if value.agrees(found):
        return Finding(verdict=Verdict.CONFIRMED, measured=value.show(found))
    why = "The note's own numbers give another result."
    return Finding(verdict=Verdict.CONTRADICTS_ITSELF, measured=value.show(found), why=why)


def not_testable(_: Evidence, *, why: str) -> Finding:
    """Nothing to compute."""
    return Finding(verdict=Verdict.NOT_TESTABLE, measured="", why=why)


# What the committed numbers of HC18 say


def labelled_images(evidence: Evidence) -> Remarked:
    """Count HC18's labelled images, and those left to train on."""
    facts = _dataset(evidence)
    why = (
        f"All that are labelled; {facts['folds']['train']['images']} of them are left for training "
        "once others are set aside to choose and to test."
    )
    return Remarked(facts["n_images"], why)


def smallest_head(evidence: Evidence) -> Finding:
    """HC18's smallest head against the average head at 14 weeks (Hadlock 1984), in SD."""
    first, smallest = HADLOCK_1984.first_week, float(_dataset(evidence)["hc_mm"]["min"])
    average, spread = HADLOCK_1984.mean_hc_mm(first), HADLOCK_1984.sd_hc_mm(first)
    return Finding(
        verdict=verdict_of(smallest >= average - 3 * spread),
        measured=f"smallest HC {smallest:.1f} mm; {average:.1f} ± {spread:.0f} mm at {first:g} weeks",
        why=f"That is {(average - smallest) / spread:.1f} SD below: a first-trimester head.",
    )


def range_of_zoom(evidence: Evidence) -> Finding:
    """The largest pixel size of HC18 over the smallest."""
    sizes = _dataset(evidence)["pixel_size_mm"]
    ratio = sizes["max"] / sizes["min"]
    return Finding(verdict=verdict_of(ratio > 2), measured=f"{ratio:.1f} times")


def background_to_foreground(evidence: Evidence, *, value: Stated, before: str = "") -> Finding:
    """All pixels of HC18's filled masks, counted."""
    facts = _dataset(evidence)
    filled, outline = facts["mask_background_to_foreground"], facts["outline_background_to_foreground"]
    return Finding(
        verdict=verdict_of(value.agrees(filled)),
        measured=f"{before}{filled:.1f} for filled heads, {before}{outline:.0f} for their outlines",
    )


def _dataset(evidence: Evidence) -> Any:
    if evidence.dataset is None:
        raise PendingError("The dataset's numbers are not there yet.")
    return evidence.dataset


# What the committed runs say


def better(
    evidence: Evidence,
    *,
    one: str,
    other: str,
    column: Literal["dice", "gap"] = "dice",
    higher: bool = True,
    size: float | None = None,
    by_note: bool = False,
) -> Finding:
    """Compare {column} of the published runs of {one} and {other}, seed by seed.

    Whether training ``one`` gives more (or less) of ``column``. With ``size`` also that it is so much: the
    interval must hold it. ``by_note`` asks the runs by the note's own schedule, and else those by the
    study's decide. What the others say stands in the remark.
    """
    studies = (evidence.published, evidence.note_schedule)
    asked, beside = reversed(studies) if by_note else studies
    pairs = asked.matched((one, other), column)
    _enough(asked, one, other, so_far=lambda: f"{(pairs[one] - pairs[other]).mean():+.4f}")
    found = asked.difference(one, other, column)
    mean, low, high = found.mean, found.low, found.high
    why = f"{one} less {other}: mean and 95 % interval over {len(pairs)} matched seeds, by {asked.recipe}."
    if size is not None and not low <= size <= high:
        verdict = Verdict.CONTRADICTED
    elif low <= 0 <= high:
        verdict, why = Verdict.NOT_TESTABLE, why + " The interval holds zero."
    else:
        verdict = verdict_of((mean > 0) is higher)
    if (others := beside.seeds(one, other)) >= MIN_SEEDS:
        also = with_interval(beside.difference(one, other, column))
        why += f" By {beside.recipe}, over {others}: {also}."
    return Finding(verdict=verdict, measured=with_interval(found), why=why)


def best_epoch(evidence: Evidence, *, of: str, value: Stated) -> Finding:
    """The mean epoch of the best validation Dice over runs by the note's own schedule."""
    best = evidence.note_schedule.matched((of,), "best_epoch")[of]
    text = f"epoch {best.mean():.0f}"
    _enough(evidence.note_schedule, of, so_far=lambda: text)
    why = f"Mean of {len(best)} seeds, from {best.min():.0f} to {best.max():.0f}."
    return Finding(verdict=verdict_of(value.agrees(best.mean())), measured=text, why=why)


def best_epoch_is_late(evidence: Evidence, *, of: str, epoch: int) -> Finding:
    """The mean epoch of the best validation Dice over runs by the note's own schedule,
    and its 95 % interval.
    """
    _enough(evidence.note_schedule, of)
    best = evidence.note_schedule.matched((of,), "best_epoch")[of]
    found = paired_mean(best, margin=1)
    return Finding(
        verdict=Verdict.NOT_TESTABLE if found.mean < epoch <= found.high else verdict_of(found.mean >= epoch),
        measured=f"epoch {found.mean:.0f}",
        why=f"Mean of {len(best)} seeds, from {best.min():.0f} to {best.max():.0f}; its interval ends at "
        f"{found.high:.0f}.",
    )


def epochs_saved(evidence: Evidence, *, least: int, most: int) -> Finding:
    """The epoch of the best validation Dice by the note's own schedule, the U-Net's less that of
    the note's network, and its 95 % interval.
    """
    runs = evidence.note_schedule
    _enough(runs, "proposed", "unet")
    found = runs.difference("unet", "proposed", "best_epoch")
    reach = runs.epochs_to_reach("proposed", "unet").mean()
    overlaps = found.low <= most and found.high >= least
    return Finding(
        verdict=Verdict.NOT_TESTABLE if found.low <= 0 and overlaps else verdict_of(overlaps),
        measured=f"{with_interval(found, digits=0)} epochs",
        why=f"{runs.seeds('proposed', 'unet')} matched seeds. The U-Net starts from nothing, and differs in "
        f"more than that. The Dice that both reach the note's network has in epoch {reach['proposed']:.0f}, "
        f"the U-Net in epoch {reach['unet']:.0f}.",
    )


def gain_in_convergence(evidence: Evidence, *, value: Stated) -> Finding:
    """Epochs to the validation Dice that both reach, encoder trained along over frozen,
    runs by the note's own schedule.
    """
    variants = ("proposed", "trainable_encoder")
    _enough(evidence.note_schedule, *variants)
    epochs = evidence.note_schedule.epochs_to_reach(*variants)
    ratio = float((epochs["trainable_encoder"] / epochs["proposed"]).mean())
    why = (
        f"Mean over {len(epochs)} matched seeds. Both reach the same Dice: frozen in epoch "
        f"{epochs['proposed'].mean():.0f}, trained in epoch {epochs['trainable_encoder'].mean():.0f}."
    )
    if evidence.published.seeds(*variants):
        short = evidence.published.epochs_to_reach(*variants)
        shorter = float((short["trainable_encoder"] / short["proposed"]).mean())
        why += f" By {evidence.published.recipe}: {shorter:.2f} times."
    return Finding(verdict=verdict_of(value.agrees(ratio)), measured=f"{ratio:.2f} times", why=why)


def early_stopping(evidence: Evidence) -> Finding:
    """Epochs of the note's network by the note's own schedule."""
    epochs = evidence.note_schedule.matched(("proposed",), "epochs")["proposed"]
    text = f"{' to '.join(f'{count:.0f}' for count in sorted({epochs.min(), epochs.max()}))} epochs"
    _enough(evidence.note_schedule, "proposed", so_far=lambda: text)
    return Finding(
        verdict=verdict_of(bool((epochs <= TrainingConfig().epochs).all())),
        measured=text,
        why=f"{int((epochs < TrainingConfig().epochs).sum())} of {len(epochs)} runs stopped early.",
    )


def validation_dice(evidence: Evidence, *, of: str, value: Stated) -> Finding:
    """Mean validation Dice of the runs of {of} by the note's own schedule."""
    _enough(evidence.note_schedule, of)
    dice, short = (
        study.matched((of,), "validation_dice")[of] for study in (evidence.note_schedule, evidence.published)
    )
    span = f"from {100 * dice.min():.2f} to {100 * dice.max():.2f}"
    why = f"Mean of {len(dice)} seeds, {span}; weight of the loss and split are the study's."
    if len(short):
        why += f" By the study's short training, in {len(short)} seeds: {100 * short.mean():.2f} %."
    return Finding(
        verdict=verdict_of(value.agrees(dice.mean())), measured=f"{100 * dice.mean():.2f} %", why=why
    )


def _enough(runs: Studied, *variants: str, so_far: Callable[[], str] | None = None) -> None:
    if (seeds := runs.seeds(*variants)) < MIN_SEEDS:
        why = f"Seeds of {' and '.join(variants)} needed: {MIN_SEEDS}. There so far: {seeds}."
        raise PendingError(why, f"{so_far()} so far" if seeds and so_far else "")


def with_interval(found: PairedMean, *, digits: int = 4) -> str:
    """A difference as the table shows it."""
    return f"{found.mean:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
