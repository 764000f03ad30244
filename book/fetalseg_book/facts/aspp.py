"""The numbers of the chapter on the pyramid: what the study says of it and of its rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fetalseg_book.facts.parts import between_seeds, tested, tested_in_words
from fetalseg_book.figures import described


def facts(results: Path) -> dict[str, Any]:
    """What becomes of real heads without the pyramid, tested, and with smaller rates, described."""
    core: Any = tested(results)
    without, runs = core.loc["no_aspp"], described.collect(results)
    rates = described.differences(runs, "aspp_rates_1_2_3")
    return tested_in_words(without, "aspp_without") | {
        "without": without,
        "rates": rates,
        "own": between_seeds(runs),
        "aspp_rates": described.in_words(rates["error"], unit="mm"),
        "aspp_rates_dice": described.in_words(rates["dice"]),
        "aspp_rates_seeds": described.seeds_in_words(len(rates)),
    }
