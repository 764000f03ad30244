"""Does a cluster give what one machine gives? The smoke grid both ways, one job killed in between.

A Slurm must run (``tools/slurm/one_node.sh start FOLDER``, or a real one) and the extra ``cluster`` must be
installed. The grid is the profile ``smoke`` with three epochs, so that the killed run has a checkpoint to
go on from::

    python tools/slurm/check.py -o results/hardware/slurm.json
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import yaml

from fetalseg_lib.study import records
from fetalseg_lib.study.profile import load_profile

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "fetalseg_lib" / "study" / "profiles" / "smoke.yaml"
COMPARED = (records.METRICS, records.PER_IMAGE, records.VALIDATION)
VICTIM = ("proposed", 1)


def main() -> None:
    """Run the grid here and on Slurm, kill one run there, and record whether the results are the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "results" / "hardware" / "slurm.json")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = folder / "grid.yaml"
        smoke = yaml.safe_load(SMOKE.read_text(encoding="utf-8"))
        smoke["training"]["epochs"] = 3
        profile.write_text(yaml.safe_dump(smoke), encoding="utf-8")
        here, there = folder / "here", folder / "there"
        snakemake(profile, here, "--cores", "1").wait()
        first, epochs = kill_one(profile, there)
        second = snakemake(profile, there, *SLURM)
        second.wait()
        records.write_json(
            out,
            {
                "slurm": text("sinfo", "--version").split()[-1],
                "snakemake": {name: metadata.version(name) for name in PACKAGES},
                "grid": [f"{variant}/seed-{seed}" for variant, seed in load_profile(profile).grid],
                "killed": {
                    "run": f"{VICTIM[0]}/seed-{VICTIM[1]}",
                    "signal": "SIGKILL",
                    "epochs_before": epochs,
                    "exit_status_of_the_study": first,
                },
                "exit_status_of_the_study_resumed": second.returncode,
                "equal_to_local": {file: equal(profile, here, there, file) for file in COMPARED},
            },
        )
        print(out.read_text(encoding="utf-8"))


PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm")
SLURM = (
    *("--executor", "slurm", "--jobs", "2", "--slurm-no-account", "--slurm-status-command", "squeue"),
    *("--default-resources", "slurm_partition=study", "runtime=60", "mem_mb=1000"),
    *("--keep-going", "--rerun-incomplete", "--latency-wait", "30"),
)


def snakemake(profile: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the grid's runs, into ``out``."""
    targets = [str(path) for path in runs(profile, out)]
    config = ["--config", f"profile={profile}", "data=phantom", f"out={out}"]
    return subprocess.Popen([sys.executable, "-m", "snakemake", *targets, *options, *config], cwd=ROOT)


def runs(profile: Path, out: Path) -> list[Path]:
    """The file that says of each run of the grid that it is finished."""
    settings = load_profile(profile)
    return [
        out / settings.name / "phantom" / variant / f"seed-{seed}" / records.METRICS
        for variant, seed in settings.grid
    ]


def kill_one(profile: Path, out: Path) -> tuple[int, int]:
    """Run the grid on Slurm, kill one run once it has a checkpoint; the exit status and the epochs done."""
    study = snakemake(profile, out, *SLURM)
    victim = out / load_profile(profile).name / "phantom" / VICTIM[0] / f"seed-{VICTIM[1]}"
    while not list(victim.glob("checkpoint-*.pt")):
        if study.poll() is not None or (victim / records.METRICS).exists():
            raise RuntimeError(f"{victim}: the run was over before it could be killed")
        time.sleep(0.05)
    for process in trainings(victim):
        os.kill(process, signal.SIGKILL)
    checkpoint = next(victim.glob("checkpoint-*.pt"))
    status = study.wait()
    if (victim / records.METRICS).exists():
        raise RuntimeError(f"{victim}: the run was killed and finished all the same")
    return status, epochs_in(checkpoint)


def trainings(folder: Path) -> list[int]:
    """Processes of the run in ``folder``: papermill, which names it, and the notebook's kernel below it."""
    parents: dict[int, int] = {}
    named = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_text().split("\0")
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "notebooks/train.ipynb" in words and str(folder / "train.ipynb") in words:
            named.append(int(path.name))
    return [*named, *(process for process, parent in parents.items() if parent in named)]


def epochs_in(checkpoint: Path) -> int:
    """How many epochs a checkpoint holds."""
    from fetalseg_lib.training import checkpoint as checkpoints

    return len(checkpoints._read(checkpoint)["history"])


def equal(profile: Path, here: Path, there: Path, file: str) -> bool:
    """Whether every run has the same bytes in ``file``."""
    pairs = zip(runs(profile, here), runs(profile, there), strict=True)
    return all(a.with_name(file).read_bytes() == b.with_name(file).read_bytes() for a, b in pairs)


def text(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
