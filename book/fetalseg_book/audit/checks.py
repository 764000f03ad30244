"""The general checks that a row of the claims can name: shapes, layers, counts, sums, and what is measured.

A check is a public function, here or in ``parts``, ``training`` and ``runs``, that takes the evidence and
then the arguments of its row. It returns what it measured, which is compared with the stated value, or a
``Finding`` where it finds the verdict itself. Its first paragraph tells the reader how it is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from torch import nn

from fetalseg_book.audit.evidence import Evidence, layers_of_kind
from fetalseg_book.audit.parts import receptive_field_of, separable_pairs
from fetalseg_book.audit.stated import Finding, PendingError, Stated, Verdict, decided
from fetalseg_book.audit.training import NOTE, dice_share, learning_rates
from fetalseg_book.studies.costs import model_size_mb
from fetalseg_book.trace import Shape
from fetalseg_lib.growth import HADLOCK_1984
from fetalseg_lib.models.variants import did_you_mean

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


def different_sizes(evidence: Evidence, *, of: list[str]) -> int:
    """Count the different sizes of those stages in the trace."""
    return len({shape(evidence, of=stage)[1] for stage in of})


def channels_never_fall(evidence: Evidence, *, of: list[str]) -> bool:
    """Compare the traced channels of those stages, one by one."""
    widths = [channels(evidence, of=stage) for stage in of]
    return widths == sorted(widths)


# What the built network is made of


def read(evidence: Evidence, *, at: str | list[str], network: str = "proposed") -> Any:
    """Read the built layer."""
    model = _network(evidence, network)
    return _look_up(model, at) if isinstance(at, str) else tuple(_look_up(model, path) for path in at)


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
    model = _network(evidence, network)
    return sum(len(layers_of_kind(model.get_submodule(part), kind)) for part in of or [""])


def state_after_a_step(evidence: Evidence, *, of: list[str]) -> str:
    """Which parameters and statistics a training step changes, compared bit by bit: all of them, or none."""
    prefixes = tuple(f"{part}." for part in of)
    flags = {flag for name, flag in evidence.changed_by_a_step.items() if name.startswith(prefixes)}
    if not flags:
        raise ValueError("that part has no parameters")
    return "trained in part" if len(flags) > 1 else "trained" if flags.pop() else "frozen"


def _network(evidence: Evidence, name: str) -> Any:
    return evidence.features if name == "torchvision" else evidence.model(name)


def _look_up(layer: Any, path: str) -> Any:
    for name in path.split("."):
        layer = layer[int(name)] if isinstance(layer, tuple) else getattr(layer, name)
    return layer


# Parameters, sizes, operations, memory, time

NUMBERS: dict[str, Callable[[Evidence, str], float]] = {
    "total": lambda evidence, network: evidence.parameters(network)[0],
    "trainable": lambda evidence, network: evidence.parameters(network)[1],
    "frozen": lambda evidence, network: evidence.parameters(network)[0] - evidence.parameters(network)[1],
    "operations": lambda evidence, _: evidence.flops["flops"].sum(),
    "plain": lambda evidence, _: evidence.flops.groupby("operation")["flops"].sum()["3×3 convolution"],
    "separable": lambda evidence, _: 2 * separable_pairs(evidence.trace)["separable"].sum(),
    "dense": lambda evidence, _: 2 * separable_pairs(evidence.trace)["dense"].sum(),
    "best_saving": lambda evidence, _: separable_pairs(evidence.trace)["saving"].max(),
    "worst_saving": lambda evidence, _: separable_pairs(evidence.trace)["saving"].min(),
    "bottleneck_side": lambda evidence, _: shape(evidence, of="enc5")[1],
    "block": lambda evidence, _: parameters_in(evidence, of="dec5.block"),
    "gates": lambda evidence, _: parameters_in(evidence, of="dec5.block.se"),
    "training_memory": lambda evidence, network: evidence.memory(network, "training"),
    "inference_memory": lambda evidence, network: evidence.memory(network, "inference"),
    "receptive_field": lambda evidence, network: receptive_field_of(network, evidence),
    "images": lambda evidence, _: evidence.dataset["n_images"],
    "smallest_head": lambda evidence, _: evidence.dataset["hc_mm"]["min"],
    "average_at_14_weeks": lambda *_: HADLOCK_1984.mean_hc_mm(14),
    "spread_at_14_weeks": lambda *_: HADLOCK_1984.sd_hc_mm(14),
    "smallest_pixel": lambda evidence, _: evidence.dataset["pixel_size_mm"]["min"],
    "largest_pixel": lambda evidence, _: evidence.dataset["pixel_size_mm"]["max"],
    "dice_share_of_2_percent": lambda *_: dice_share(0.02, pos_weight=NOTE.pos_weight),
    "dice_share_of_50_percent": lambda *_: dice_share(0.5, pos_weight=NOTE.pos_weight),
    "halvings_in_a_plateau": lambda *_: len(set(learning_rates(1 + NOTE.early_stopping_patience))) - 1,
    "lowest_rate": lambda *_: min(learning_rates(NOTE.epochs, better_after_halving=True)),
}
"""What a row can reckon with: numbers of the note's network or, with its name before it, of another one."""


def count(evidence: Evidence, *, result: str = "total") -> float:
    """Count what the built networks have, and work it out.

    ``result`` is made of :data:`NUMBERS`: ``total / unet.total - 1``.
    """

    def number(name: re.Match[str]) -> str:
        if name[2] not in NUMBERS:
            raise ValueError(f"there is no number {name[2]!r}.{did_you_mean(name[2], NUMBERS)}")
        return repr(float(NUMBERS[name[2]](evidence, name[1] or "proposed")))

    counted = re.sub(r"\b(?:([a-z]\w*)\.)?([a-z]\w*)", number, result)
    return float(pd.eval(counted, engine="python"))  # type: ignore[arg-type]


def compare(
    evidence: Evidence, *, measured: str, holds: str = "", otherwise: str = "contradicted", reason: str = ""
) -> Finding:
    """Measure, and compare.

    ``holds`` compares :data:`NUMBERS`; ``measured`` and ``reason`` tell them: ``{total / 1e6:.1f} M``. Where
    nothing holds, ``otherwise`` is the verdict.
    """

    def tell(text: str) -> str:
        return re.sub(r"{(.+?):(.+?)}", lambda one: f"{count(evidence, result=one[1]):{one[2]}}", text)

    verdict = Verdict.CONFIRMED if holds and count(evidence, result=holds) else Verdict(otherwise)
    return Finding(verdict=verdict, measured=tell(measured), why=tell(reason))


def parameters_in(evidence: Evidence, *, of: str, kind: str = "Module") -> int:
    """Count the parameters of the built part, or of its layers of one kind."""
    layers = layers_of_kind(evidence.network.get_submodule(of), kind)
    return sum(weights.numel() for layer in layers for weights in layer.parameters(recurse=False))


def size(evidence: Evidence, *, network: str = "proposed", bits: Literal[16, 32] = 32) -> float:
    """The built network's parameters and buffers, four bytes each."""
    dtype = torch.float16 if bits == 16 else torch.float32
    return 1e6 * model_size_mb(evidence.on_meta(network), dtype=dtype)


def memory_is_less_when_frozen(evidence: Evidence) -> Finding:
    """Activations kept for a training step of 16 images, frozen against trainable encoder."""
    frozen, trained = (evidence.memory(name, "training") for name in ("proposed", "trainable_encoder"))
    return decided(
        frozen < trained, f"{frozen / 1e9:.2f} GB of activations instead of {trained / 1e9:.2f} GB"
    )


def on_hardware(evidence: Evidence) -> Finding:
    """Time both networks in turns on one machine and read their ratio."""
    times = evidence.hardware
    ours, unet = (f"{times['latency'][name]['median_ms']:.0f} ms" for name in ("proposed", "unet"))
    return Finding(
        verdict=Verdict.DEPENDS_ON_HARDWARE,
        measured=f"{ours} against the U-Net's {unet}, ratio {times['proposed_to_unet']:.2f}",
        why=f"{times['processor']}, threads: {times['threads']}, one image at a time, eager PyTorch.",
    )


# What needs no network, or cannot be decided


def work_out(_: Evidence, *, result: str, value: Stated) -> Finding:
    """Work it out."""
    found: Any = pd.eval(result, engine="python")
    if value.agrees(found):
        return decided(True, value.show(found))
    why = "The note's own numbers give another result."
    return Finding(verdict=Verdict.CONTRADICTS_ITSELF, measured=value.show(found), why=why)


def not_testable(_: Evidence, *, why: str) -> Finding:
    """Nothing to compute."""
    return Finding(verdict=Verdict.NOT_TESTABLE, measured="", why=why)


# What the committed numbers of HC18 say


def background_to_foreground(evidence: Evidence, *, value: Stated, before: str = "") -> Finding:
    """All pixels of HC18's filled masks, counted."""
    filled, outline = (evidence.dataset[f"{kind}_background_to_foreground"] for kind in ("mask", "outline"))
    measured = f"{before}{filled:.1f} for filled heads, {before}{outline:.0f} for their outlines"
    return decided(value.agrees(filled), measured)


# What the bibliography says


def reference(_: Evidence, *, entry: str) -> str:
    """Read that entry of the book's bibliography, which was made from the publishers' records."""
    fields = _bibliography(entry)
    authors = ", ".join(name.split(",")[0] for name in fields["author"].split(" and "))
    venue = fields.get("howpublished") or fields["booktitle"].rpartition("(")[2].rstrip(")")
    return f"{authors} ({fields['year']}), {fields['title']}, {venue}"


def first_to_describe(_: Evidence, *, entries: list[str]) -> str:
    """The oldest of the sources that describe it, by the book's bibliography."""
    first = min(map(_bibliography, entries), key=lambda fields: int(fields["year"]))
    return f"{first['title']} ({first['year']})"


def _bibliography(entry: str) -> dict[str, str]:
    """The fields of one entry of ``references.bib``, without BibTeX's braces."""
    file = Path(__file__).parents[2] / "references.bib"
    if not file.is_file():
        raise PendingError("The book's bibliography is not here.")
    found = re.search(rf"@\w+{{{entry},\n(.*?)\n}}", file.read_text(encoding="utf-8"), re.S)
    if not found:
        raise ValueError(f"the bibliography has no {entry!r}")
    fields = re.findall(r"^\s*(\w+)\s*=\s*{(.*)},?$", found[1], re.M)
    return {name: text.replace("{", "").replace("}", "") for name, text in fields}
