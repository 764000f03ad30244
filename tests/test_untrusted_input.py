"""Files, names and settings from strangers: read or refused, and never carried out."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import cv2
import kill_tasks
import numpy as np
import pytest
import torch
import yaml
from fuzz_inputs import READERS, Reader, mutate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from killing import ask

from fetalseg_lib.apply.images import read_image_table
from fetalseg_lib.apply.importing.coco import draw_mask
from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom
from fetalseg_lib.data.layout import TRAINING
from fetalseg_lib.study import workflow
from fetalseg_lib.study.profile import Profile, load_profile
from fetalseg_lib.study.records import METRICS
from fetalseg_lib.training.config import TrainingConfig

# Files


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_damaged_file_is_read_or_refused_never_a_crash(reader: Reader, tmp_path: Path) -> None:
    if reader.name == "DICOM":
        pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
    valid = reader.valid()
    for number in range(60):
        damaged = mutate(np.random.default_rng([0, number]), valid, text=reader.text)
        with contextlib.suppress(*reader.refusals):
            reader.read(damaged, tmp_path)


# Configuration

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
KEYS = [field.name for field in dataclasses.fields(Profile)]
TRAINING_KEYS = [field.name for field in dataclasses.fields(TrainingConfig)]


def read_profile(folder: Path, text: str) -> Profile | None:
    path = folder / "profile.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        return load_profile(path)
    except ValueError as error:
        message = str(error)
    assert str(path) in message
    return None


@given(changes=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=2))
def test_a_profile_of_any_values_is_read_or_refused(
    changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = yaml.safe_load(kill_tasks.PROFILE) | changes
    profile = read_profile(tmp_path_factory.getbasetemp(), yaml.safe_dump(values, allow_unicode=True))
    if profile is not None:
        assert profile.grid
        assert all(side > 0 and side % 32 == 0 for side in profile.image_size)
        assert profile.name not in (".", "..")
        assert Path(profile.name).name == profile.name


@given(field=st.sampled_from(TRAINING_KEYS), value=VALUES)
def test_a_training_of_any_value_is_made_or_refused_by_its_name(field: str, value: Any) -> None:
    try:
        config = TrainingConfig(**{field: value})
    except (TypeError, ValueError) as error:
        message = str(error)
    else:
        assert dataclasses.replace(config) == config
        return
    assert field in message or "weight" in message


@given(text=st.text(max_size=200))
def test_any_text_is_a_profile_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert read_profile(tmp_path_factory.getbasetemp(), text) is None


def test_yaml_runs_nothing_and_does_not_explode(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    call = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{trap}']]"
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20))
    for text in (f"name: {call}", bomb + "name: *a19", "[" * 3_000, "? [a]\n: b", "\0"):
        assert read_profile(tmp_path, text) is None
    assert not trap.exists()


@pytest.mark.parametrize(
    "text",
    [
        *("phantoms: !!timestamp x", "phantoms: !!bool x", "phantoms: !!int ''", "phantoms: !!float x"),
        *("phantoms: " + "9" * 5000, "phantoms: " + "9" * 24, "phantoms: 2020-99-99", "phantoms: .inf"),
        *("phantom_size: [9999999999, 9999999999]", "image_size: [3200000000, 3200000000]"),
        *("? !!set {a}\n: b", "<<: [1]", "training: {epochs: .inf}", "limit: {train: 1e400}"),
        *(f"training: {{epochs: {'9' * 20}}}", f"training: {{batch_size: {'9' * 10}}}"),
        *("network: {aspp_rates: [.inf]}", "network: {aspp_rates: 6}", "network: {dropout: .nan}"),
        *("network: {se_reduction: 1.5}", "network: {aspp: 'no'}", "network: {aspp_rate: [6]}"),
        *("network: {aspp_channels: 9999999999}", "network: {1: 2}", "network: {decoder_channels: [8]}"),
        *("\udcff", "\x01"),
    ],
    ids=lambda text: ascii(text[:40]),
)
def test_a_profile_of_odd_yaml_is_refused_in_one_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(f"{kill_tasks.PROFILE}\n{text}\n".encode("utf-8", "surrogateescape"))
    assert main(["train", "--profile", str(path), "--variant", "unet", "-o", str(tmp_path / "o")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"fetalseg: {path}: ")
    assert printed.count("\n") == 1


# Pipes and endless devices

DOORS = {
    "a profile": ["train", "--profile", "ODD.yaml", "--variant", "unet", "-o", "IN/o"],
    "a table to go on with": ["predict", "IN/a.png", "--checkpoint", "IN/weights", "-o", "ODD"],
    "rows of a killed run": ["predict", "IN/a.png", "--checkpoint", "IN/weights", "-o", "IN/t.csv"],
    "a record": ["tables", "IN/runs"],
    "an image": ["predict", "ODD.png", "--checkpoint", "IN/weights", "-o", "IN/o.csv"],
    "weights": ["predict", "IN/a.png", "--checkpoint", "ODD", "-o", "IN/o.csv"],
    "pixel sizes": ["predict", "IN/a.png", "--checkpoint", "IN/weights", "--pixel-size", "ODD", "-o", "IN/o"],
    "COCO": ["import-coco", "ODD", "IN", "-o", "IN/o"],
    "HC18's table": ["data", "check", "IN/hc18"],
}


def knock(commands: list[list[str]]) -> list[tuple[int, str]]:
    """The status of each command and what it printed, with a limit of memory and time."""
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
    told = []
    for command in commands:
        out = io.StringIO()
        signal.alarm(60)  # a pipe would stop it for ever
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = main(command)
        told.append((status, out.getvalue()))
    return told


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="has no such devices")
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_only_regular_files_are_read(kind: str, tmp_path: Path) -> None:
    """In a process of its own, which a pipe would stop for ever and an endless device fill."""
    kill_tasks.save_random_weights(tmp_path / "weights")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 60), np.uint8))
    (tmp_path / "hc18" / TRAINING.folder).mkdir(parents=True)
    (tmp_path / "runs" / "seed-0").mkdir(parents=True)
    named = ("t.csv.unfinished", f"runs/seed-0/{METRICS}", f"hc18/{TRAINING.index}")
    for odd in ("odd", "odd.png", "odd.yaml", *named):
        os.mkfifo(tmp_path / odd) if kind == "pipe" else (tmp_path / odd).symlink_to("/dev/zero")
    commands = [
        [word.replace("ODD", f"{tmp_path}/odd").replace("IN", str(tmp_path)) for word in words]
        for words in DOORS.values()
    ]
    for door, (status, printed) in zip(DOORS, ask(knock, commands), strict=True):
        assert status in (1, 2), door
        assert "MemoryError" not in printed, door
        assert any(f"{tmp_path}/{odd}" in printed for odd in ("odd", "hc18", *named)), (door, printed)


def test_a_folder_of_endless_depth_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, depth = Path.cwd(), 1500
    kill_tasks.save_random_weights(tmp_path / "weights")
    given = [str(tmp_path), "--checkpoint", str(tmp_path / "weights"), "-o", str(tmp_path / "o.csv")]
    try:
        os.chdir(tmp_path)
        for _ in range(depth):
            os.mkdir("d")  # noqa: PTH102 - no path may be so long
            os.chdir("d")
        assert main(["predict", *given]) == 2
    finally:
        for _ in range(depth):  # what empties the folder later cannot go so deep
            os.chdir("..")
            os.rmdir("d")  # noqa: PTH106
        os.chdir(here)
    assert "more than 100 deep" in capsys.readouterr().err


def test_endlessly_many_phantoms_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom", "--n", "9" * 24, "-o", str(tmp_path / "p")]) == 2
    assert "--n: expected 1 to 1,000,000" in capsys.readouterr().err


# Tables and masks

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=30)
SIZES = st.floats(1e-3, 10)


@given(rows=st.dictionaries(NAMES, st.tuples(SIZES, NAMES), max_size=6))
def test_a_table_reads_back_whatever_the_names_are(
    rows: dict[str, tuple[float, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "sizes.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "pixel size(mm)", "exam"])
        writer.writerows([name, size, exam] for name, (size, exam) in rows.items())
    table = read_image_table(path)
    assert table.sizes == {name: size for name, (size, _) in rows.items()}
    assert table.exams == {name: exam for name, (_, exam) in rows.items()}


@given(mask=arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_run_lengths_give_the_mask_that_made_them(mask: np.ndarray) -> None:
    flat = mask.flatten(order="F")
    counts, inside = [0], False
    for value in flat:
        if value != inside:
            counts.append(0)
            inside = not inside
        counts[-1] += 1
    runs = {"size": list(mask.shape), "counts": counts}
    np.testing.assert_array_equal(draw_mask(runs, (mask.shape[0], mask.shape[1])), mask)


# Programs in the place of weights


class Malicious:
    """What unpickles it makes a file: the stand-in for a program that a stranger sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["pickle", "torch"])
@pytest.mark.parametrize(
    "command",
    [
        "predict IN/a.png --checkpoint IN/evil -o IN/o.csv",
        "retest IN/evil --data IN --fold all -o IN/o",
        "train --profile IN/tiny.yaml --variant proposed --encoder-weights IN/evil -o IN/runs",
    ],
    ids=lambda command: command.split()[0],
)
def test_no_command_opens_a_pickle(
    command: str,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    trap, evil = tmp_path / "trap", tmp_path / "evil"
    evil.write_bytes(pickle.dumps(Malicious(trap))) if kind == "pickle" else torch.save(Malicious(trap), evil)
    (tmp_path / "tiny.yaml").write_text(kill_tasks.PROFILE, encoding="utf-8")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 60), np.uint8))
    assert main(command.replace("IN", str(tmp_path)).split()) == 2
    printed = capsys.readouterr().err
    assert "evil" in printed
    assert "Traceback" not in printed
    assert not trap.exists()


# Names in commands, on terminals and on the disk

ODD = [
    "1",
    "1e3",
    "true",
    "a: b",
    "- x",
    "it's $(touch x)",
    '"; touch x; "',
    "new\nline",
    "😀 é",
    "#x",
    "~",
    "x" * 255,
]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_snakemake_gets_a_folder_s_name_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snakemake.cli import parse_config

    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(kill_tasks.PROFILE, encoding="utf-8")
    (tmp_path / "Snakefile").touch()
    commands = []

    class Started:
        def __init__(self, command: list[str], **_: object) -> None:
            commands.append(command)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(workflow.subprocess, "Popen", Started)
    assert main(["study", "--profile", "tiny.yaml", "-o", name]) == 0
    settings = parse_config(commands[0][commands[0].index("--config") + 1 :])
    # The Snakefile takes the same two steps.
    assert (unquote(settings["profile"]), settings["data"]) == ("tiny.yaml", "phantom")
    assert str(Path(unquote(settings["out"]))) == name


def test_a_name_that_snakemake_would_fill_in_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "--profile", "smoke", "-o", "a{b}"]) == 2
    assert "--out: expected a folder without braces" in capsys.readouterr().err


def test_a_table_s_names_move_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    phantom.write_folder(phantom.generate(1, seed=0, size=(96, 128)), tmp_path)
    with (tmp_path / TRAINING.index).open("a", encoding="utf-8") as file:
        file.write("\x1b[2J\x1b]0;evil\x07.png,-1,\u202e1\n")
    assert main(["data", "check", str(tmp_path)]) == 1
    assert capsys.readouterr().out.replace("\n", "").isprintable()


@pytest.mark.skipif(sys.platform == "win32", reason="paths are shorter there")
@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "😀 '\"$(x)\n.csv"], ids=ascii)
def test_results_may_have_any_name(name: str, tmp_path: Path) -> None:
    kill_tasks.save_random_weights(tmp_path / "weights")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 60), np.uint8))
    command = ["predict", str(tmp_path / "a.png"), "--checkpoint", str(tmp_path / "weights")]
    (tmp_path / "out").mkdir()
    assert main([*command, "-o", str(tmp_path / "out" / name)]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_the_chapter_shows_names_as_text() -> None:
    """A table that pandas styles is HTML as it stands, unless it is told to escape."""
    notebook = Path(__file__).parents[1] / "notebooks" / "own-images.ipynb"
    sources = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    styled = [source for source in sources if ".style" in source and '"file"' in source]
    assert len(styled) == 2
    assert all('.format(escape="html")' in source for source in styled)
