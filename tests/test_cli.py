from pathlib import Path

import pytest

from fetalseg_lib.cli import main


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
        pytest.param(["study", "--check", "-o", "nowhere"], "no finished run", id="no results"),
        pytest.param(["tables", "nowhere"], "no finished run", id="no runs"),
        pytest.param(["phantom", "--n", "0", "-o", "x"], "--n: expected at least 1", id="no phantom"),
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
