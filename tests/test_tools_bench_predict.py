"""The benchmark of a prediction times every image, on one thread and on all, with pictures and without."""

from __future__ import annotations

from pathlib import Path

from tools.bench import predict


def test_each_way_has_its_pace(tmp_path: Path) -> None:
    table = predict.measure(tmp_path, images=3, rounds=1)
    assert set(table["overlays"]) == {False, True}
    assert (table["images_per_s"] > 0).all()
    assert len(list(tmp_path.glob("*True/overlays/*.png"))) == 3 * len(set(table["threads"]))
