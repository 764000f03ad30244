from pathlib import Path

import pytest

from fetalseg_lib.cli import main, options


def test_phantoms_written_to_a_folder_pass_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "heads"
    assert main(["phantom", "--n", "3", "-o", str(folder)]) == 0
    assert main(["data", "check", str(folder)]) == 0
    assert "no problem found" in capsys.readouterr().out


def test_the_check_lists_every_problem_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "heads"
    main(["phantom", "--n", "3", "-o", str(folder)])
    images = sorted((folder / "training_set").glob("*HC.png"))
    images[0].write_bytes(images[0].read_bytes()[:100])
    images[1].with_name(images[1].stem + "_Annotation.png").unlink()
    assert main(["data", "check", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert images[0].name in printed
    assert images[1].stem in printed
    assert "2 problem(s)" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["data", "check", "nowhere"], "nowhere", id="no such folder"),
        pytest.param(["train", "--variant", "propsed"], "id you mean 'proposed'", id="variant"),
        pytest.param(["train", "--profile", "quikc"], "did you mean 'quick'", id="profile"),
        pytest.param(["tables", "nowhere"], "no finished run", id="no runs"),
        pytest.param(
            ["phantom", "--n", "0", "-o", "x"], "--n: expected 1 to 1,000,000, got 0", id="no phantom"
        ),
    ],
)
def test_unusable_arguments_give_one_line_and_exit_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("fetalseg: ")
    assert message in printed
    assert "Traceback" not in printed


def test_variants_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["variants"]) == 0
    assert "pos_weight_200" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "called", "said"),
    [
        (["phantom", "-o", "x"], "fetalseg_lib.data.phantom.generate", "fetalseg: stopped\n"),
        (["tables", "x"], "fetalseg_lib.study.tables.write_tables", "fetalseg: stopped\n"),
        (
            ["train"],
            "fetalseg_lib.study.run.run",
            "stopped; the same command goes on from the last checkpoint",
        ),
        (["data", "download"], "fetalseg_lib.data.download.download", "goes on where it stopped"),
    ],
)
def test_only_who_keeps_what_was_done_says_that_it_goes_on(
    arguments: list[str],
    called: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(called, interrupted)
    assert main(arguments) == 130
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "missing", "extra"),
    [
        (["export", "-o", "x.onnx"], "onnx", "export"),
        (["train", "--variant", "peer_unet"], "segmentation_models_pytorch", "peers"),
    ],
)
def test_a_missing_extra_is_said_at_once(
    arguments: list[str],
    missing: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None if name == missing else object())
    assert main(arguments) == 2
    assert f"{missing}: not installed; install the extra `{extra}`" in capsys.readouterr().err


@pytest.mark.parametrize("there", ["images", "masks", "neither"])
def test_a_folder_that_is_not_there_is_named(
    there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("images", "masks"):
        if name == there:
            (tmp_path / name).mkdir()
    command = ["import-masks", str(tmp_path / "images"), str(tmp_path / "masks"), "-o", str(tmp_path / "out")]
    assert main(command) == 2
    missing = "masks" if there == "images" else "images"
    assert f"{tmp_path / missing}: expected a folder, got nothing" in capsys.readouterr().err
