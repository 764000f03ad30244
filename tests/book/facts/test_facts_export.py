"""What the chapter on exporting says of the file's rounding is so."""

from __future__ import annotations

from pathlib import Path

from sentences import said

from fetalseg_lib.apply.export.write import export_network
from fetalseg_lib.apply.trained import demonstration_weights


def test_the_file_rounds_far_below_what_a_mask_shows(tmp_path: Path) -> None:
    assert said("export", "both are far from anything that a mask could show")
    assert export_network(demonstration_weights(), tmp_path / "network.onnx").largest < 1e-4
