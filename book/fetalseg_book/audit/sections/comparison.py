"""Section 9.3 of the note: the U-Net beside the network."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.audit.checks import arithmetic, judged, measured, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better, from_study, on_hardware
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.sections import counts
from fetalseg_book.audit.sections.counts import ALL, TRAINABLE
from fetalseg_book.audit.stated import Number
from fetalseg_lib.complexity import model_size_mb

SECTION = "9.3"
MIB = 2**20
_NOTES_OWN_COUNT = 3_403_809


def claims() -> Iterator[Claim]:
    """The claims, row by row of the table."""
    yield measured(
        SECTION,
        "parameters of the U-Net",
        "the U-Net has 7.8 M parameters",
        value=Number("7.8", 1e6, "M"),
        how="count the built U-Net",
        measure=lambda evidence: evidence.parameters("unet")[0],
    )
    yield counts.parameters(SECTION, ALL, "3.4")
    yield _fewer(ALL, "-56", which=0)
    yield counts.parameters(SECTION, TRAINABLE, "1.2")
    yield _fewer(TRAINABLE, "-85", which=1)
    yield from _speed()
    yield measured(
        SECTION,
        "float32 size of the U-Net",
        "the U-Net has 31 MB",
        value=Number("31", 1e6, "MB"),
        how="the built U-Net's parameters and buffers, four bytes each",
        measure=lambda evidence: 1e6 * model_size_mb(evidence.on_meta("unet")),
    )
    yield counts.float32_size(SECTION, "13")
    yield judged(
        SECTION,
        "reduction in size",
        "-58 % in size",
        value=Number("-58", 0.01, "%"),
        how="at four bytes a number the size must fall as the parameters do",
        check=_units,
    )
    yield from _accuracy()


def _fewer(quantity: str, percent: str, *, which: int) -> Claim:
    return measured(
        SECTION,
        f"{quantity} against the U-Net's",
        f"{percent} % {quantity}",
        value=Number(percent, 0.01, "%"),
        how="count both built networks and divide",
        measure=lambda evidence: evidence.parameters()[which] / evidence.parameters("unet")[which] - 1,
        why="The built network is the larger of the two.",
    )


def _speed() -> Iterator[Claim]:
    quantity = "inference time against the U-Net's"
    yield on_hardware(SECTION, quantity, "25 ms for the U-Net, 18 ms for this network")
    yield arithmetic(
        SECTION,
        "gain in speed",
        "25 ms against 18 ms is 28 % faster",
        value=Number("28", 0.01, "%"),
        how="images per second gained: 25/18 - 1",
        result=25 / 18 - 1,
    )


def _accuracy() -> Iterator[Claim]:
    yield _dice("unet", "96.8")
    yield _dice("proposed", "97.81")
    yield better(
        SECTION,
        "gain over the U-Net",
        "+1.01 points of Dice over the U-Net",
        one="proposed",
        other="unet",  # on test images: the validation images chose the epoch, and flatter the noisier one
        size=0.0101,
        by_note=True,
    )
    yield arithmetic(
        SECTION,
        "gain in Dice",
        "from 96.8 to 97.81 is +1.01 %",
        value=Number("1.01", unit="points"),
        how="subtract (points; as a ratio it would be 1.04 %)",
        result=round(97.81 - 96.8, 10),
    )


def _dice(variant: str, percent: str) -> Claim:
    value = Number(percent, 0.01, "%")

    def check(evidence: Evidence) -> Finding:
        dice, short = (
            study.matched((variant,), "validation_dice")[variant]
            for study in (evidence.note_schedule, evidence.published)
        )
        span = f"from {100 * dice.min():.2f} to {100 * dice.max():.2f}"
        shorter = f" By the study's short training, in {len(short)} seeds: {100 * short.mean():.2f} %."
        return Finding(
            verdict=verdict_of(value.agrees(dice.mean())),
            measured=f"{100 * dice.mean():.2f} %",
            why=f"Mean of {len(dice)} seeds, {span}; weight of the loss and split are the study's."
            + (shorter if len(short) else ""),
        )

    return from_study(
        SECTION,
        f"validation Dice of {variant}",
        f"validation Dice {percent} % ({variant})",
        value=value,
        variants=(variant,),
        study=lambda evidence: evidence.note_schedule,
        how=f"mean validation Dice of the runs of {variant} by the note's own schedule",
        check=check,
    )


def _units(evidence: Evidence) -> Finding:
    ours, theirs = 4 * _NOTES_OWN_COUNT, 4 * evidence.parameters("unet")[0]
    change = ours / theirs - 1
    holds = Number("-58", 0.01).agrees(change)
    return Finding(
        verdict=Verdict.CONFIRMED if holds else Verdict.CONTRADICTS_ITSELF,
        measured=f"{100 * change:.1f} % by the note's own count",
        why=f"Its 13 are MiB ({ours / MIB:.1f} MiB or {ours / 1e6:.1f} MB), "
        f"its 31 are MB ({theirs / 1e6:.1f} MB or {theirs / MIB:.1f} MiB).",
    )
