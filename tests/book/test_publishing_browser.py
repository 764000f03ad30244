"""What the build makes for the browser page: its runtime's lock, its network's card, its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fetalseg_book.publishing.browser import card, runtime
from fetalseg_book.publishing.browser.card import write_card
from fetalseg_book.publishing.browser.pictures import write_half_size, write_pictures
from fetalseg_book.publishing.browser.runtime import FILES, fetch_runtime

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "book" / "browser"
REAL = ROOT / "results" / "hc18" / "figures" / "half_size.json"


class TestLock:
    def test_every_package_has_its_digest_and_no_address(self) -> None:
        text = (LOCK / "package-lock.json").read_text(encoding="utf-8")
        packages = json.loads(text)["packages"]
        assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)
        assert "://" not in text

    def test_the_version_is_pinned_and_locked(self) -> None:
        wanted = json.loads((LOCK / "package.json").read_text(encoding="utf-8"))["dependencies"]
        packages = json.loads((LOCK / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        for name, version in wanted.items():
            assert packages[f"node_modules/{name}"]["version"] == version


class TestRuntime:
    def test_what_is_there_already_is_not_fetched_again(self, tmp_path: Path, monkeypatch) -> None:
        calls = []

        def npm(folder: Path) -> None:
            calls.append(folder)
            dist = folder / "node_modules" / "onnxruntime-web" / "dist"
            dist.mkdir(parents=True)
            for file in FILES:
                (dist / file).write_text(str(len(calls)))

        monkeypatch.setattr(runtime, "_npm_ci", npm)
        for _ in range(2):
            fetch_runtime(LOCK, tmp_path / "runtime")
        assert len(calls) == 1
        assert {file.name for file in (tmp_path / "runtime").iterdir()} == {*FILES, "made-from.sha256"}
        (tmp_path / "runtime" / "made-from.sha256").write_text("another version")
        fetch_runtime(LOCK, tmp_path / "runtime")
        assert (tmp_path / "runtime" / FILES[0]).read_text() == "2"

    def test_without_a_connection_nothing_is_left(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr(runtime, "find_npm", lambda: ["false"])
        with pytest.raises(OSError, match="is there a connection"):
            fetch_runtime(LOCK, tmp_path / "runtime")
        assert not (tmp_path / "runtime").exists()


class TestCard:
    @pytest.fixture
    def exported(self, tmp_path: Path) -> Path:
        """One operation, with the metadata that `fetalseg export` writes."""
        onnx = pytest.importorskip("onnx", reason="an exported network is an ONNX file")
        ends = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 1, 64, 96])
            for name in ("image", "probability")
        ]
        node = onnx.helper.make_node("Sigmoid", ["image"], ["probability"])
        model = onnx.helper.make_model(onnx.helper.make_graph([node], "one", ends[:1], ends[1:]))
        texts = dict.fromkeys(("data", "licence", "precision", "variant", "version", "weights_sha256"), "x")
        onnx.helper.set_model_props(model, texts | {"image_size": "[64, 96]", "threshold": "0.5"})
        path = tmp_path / "network.onnx"
        onnx.save(model, path)
        return path

    def test_says_what_the_page_needs(self, exported: Path) -> None:
        written = json.loads(write_card(exported).read_text(encoding="utf-8"))
        assert (written["file"], written["bytes"]) == ("network.onnx", exported.stat().st_size)
        assert (written["input"], written["output"]) == ("image", "probability")
        assert (written["image_size"], written["threshold"]) == ([64, 96], 0.5)
        assert written["training_range"] is None

    def test_a_file_of_another_make_is_refused(self, exported: Path) -> None:
        import onnx

        model = onnx.load(str(exported))
        del model.metadata_props[:]
        onnx.save(model, exported)
        with pytest.raises(ValueError, match="that `fetalseg export` wrote"):
            write_card(exported)

    def test_a_heavy_network_is_refused(self, exported: Path, monkeypatch) -> None:
        monkeypatch.setattr(card, "MAX_BYTES", 10)
        with pytest.raises(ValueError, match="at most 10 bytes"):
            write_card(exported)
        assert not exported.with_name(card.CARD).exists()


class TestPictures:
    def test_files_and_words_belong_together(self, tmp_path: Path) -> None:
        write_pictures(tmp_path, real=REAL)
        listed = json.loads((tmp_path / "pictures.json").read_text(encoding="utf-8"))["pictures"]
        assert len({picture["file"] for picture in listed}) == len(listed) == 4
        for picture in listed:
            pixels = np.array(Image.open(tmp_path / picture["file"]))
            assert pixels.dtype == np.uint8
            assert pixels.ndim == 2
            # A head fills between a tenth and all of the picture's width.
            assert 0.1 < picture["hc_mm"] / np.pi / (picture["pixel_size_mm"] * pixels.shape[1]) < 1
            assert len(picture["alt"].split()) > 3
        assert "CC BY 4.0" in listed[-1]["source"]

    @pytest.mark.parametrize("name", ["../secret.png", "000_HC_Annotation.png", "nothing.png"])
    def test_only_images_of_the_training_fold_are_taken(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ValueError, match="training fold"):
            write_half_size(name, tmp_path / "a.png")

    @pytest.mark.hc18
    def test_the_committed_picture_is_made_from_hc18(self, tmp_path: Path, hc18_root: Path) -> None:
        write_half_size("365_HC.png", tmp_path / "half_size.png", root=hc18_root)
        made, kept = (
            np.array(Image.open(path)) for path in (tmp_path / "half_size.png", REAL.with_suffix(".png"))
        )
        assert np.abs(made.astype(int) - kept).max() <= 1
        assert (tmp_path / "half_size.json").read_text() == REAL.read_text()
