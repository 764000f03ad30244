"""Many runs of a study at once on one accelerator, from a cache that was carried there.

A single run leaves most of a large accelerator idle: its steps are short, and the evaluation needs none. So
many processes share it. Every seed's augmented images are made once, by all cores, and read by every variant
of that seed. Each run is what ``fetalseg train`` makes of the same configuration on that machine, and goes to
a tar file as soon as it is finished::

    python tools/accelerator/grid.py JOBS CARRIED.zip --archive runs.tar --seconds 540

JOBS has one run a line, ``PROFILE VARIANT SEED``; a run that would not end in time is not begun.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing as mp
import os
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

import graph
import numpy as np
import torch
from carry import CACHE, WEIGHTS, unpack
from torch import Tensor

from fetalseg_lib.data.augment import apply_augmentation, build_augmentation
from fetalseg_lib.data.cache import Cache, open_folder
from fetalseg_lib.models.weights import WEIGHTS_VARIABLE
from fetalseg_lib.study import records
from fetalseg_lib.study.config import RunConfig, configure
from fetalseg_lib.study.folds import Folds, deal
from fetalseg_lib.study.run import WEIGHTS as TRAINED
from fetalseg_lib.study.run import batches_of, build_network, finish, train
from fetalseg_lib.training import loop

MOVED = "moved"


@dataclass(frozen=True)
class Job:
    """One run of the grid."""

    profile: str
    variant: str
    seed: int
    device: str

    def configuration(self) -> RunConfig:
        """All that decides the run's numbers."""
        return configure(
            variant=self.variant, seed=self.seed, profile=self.profile, data="hc18", device=self.device
        )


class MovedImages:
    """The augmented images of one seed, each epoch a file ``N 2 H W``, as the library would move them."""

    def __init__(self, folder: Path, config: RunConfig, folds: Folds) -> None:
        self.folder, self.config, self.rows = folder / str(config.seed), config, len(folds.train)

    def __call__(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch, in the order that the library gives them."""
        order = np.random.default_rng((self.config.seed, epoch)).permutation(np.arange(self.rows))
        while not (path := self.folder / f"{epoch}.npy").is_file():
            time.sleep(0.2)  # another process is at it
        moved = torch.from_numpy(np.load(path)).to(self.config.training.device)  # N 2 H W
        for start in range(0, self.rows, self.config.training.batch_size):
            batch = moved[torch.from_numpy(order[start : start + self.config.training.batch_size])].float()
            yield batch[:, :1] / 255, batch[:, 1:].contiguous()


def move_epoch(folder: Path, rows: list[int], seed: int, epoch: int) -> None:
    """Write the augmented images and masks of one epoch of one seed."""
    cache, augment = open_folder(folder / CACHE), build_augmentation()
    moved = np.empty((len(rows), 2, *cache.image_size), np.uint8)
    for i, row in enumerate(rows):
        image, mask = np.array(cache.images[row]), np.array(cache.masks[row])
        moved[i] = apply_augmentation(augment, image, mask, seed=(seed, epoch, row))
    draft = folder / MOVED / str(seed) / f"draft-{epoch}.npy"
    draft.parent.mkdir(parents=True, exist_ok=True)
    np.save(draft, moved)
    draft.rename(draft.with_name(f"{epoch}.npy"))


def run(job: Job, folder: Path, cache: Cache, commit: str) -> Path:
    """Train and evaluate one run; returns its folder."""
    started, config = time.perf_counter(), job.configuration()
    folds, out = deal(config, cache), config.folder(folder / "runs")
    model = build_network(config)
    moved = MovedImages(folder / MOVED, config, folds) if is_moved(config) else batches_of(config, folds)
    history = train(config, model, folds, folder=out, progress=False, train_batches=moved)
    finish(config, model, folds, history, folder=out, seconds=time.perf_counter() - started)
    environment = records.read_json(out / records.ENVIRONMENT) | {"accelerator_sha256": own_digest()}
    if environment["git_commit"] is None:  # the library was carried too, without its history
        environment |= {"git_commit": commit, "git_changes": ""}
    records.write_json(out / records.ENVIRONMENT, environment)
    return out


@functools.cache
def own_digest() -> str:
    """The sha256 of this folder's code: the way to train is its own here."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def work(folder: Path, commit: str, device: str, jobs: Any, done: Any, ends: float) -> None:
    """Take jobs until none is left, or none would end in time."""
    torch.set_num_threads(1)
    if device == "cuda":  # the same numbers by a recorded step
        loop.train_one_epoch = graph.train_one_epoch
    cache, slowest = open_folder(folder / CACHE), 0.0  # seconds an epoch
    while True:
        try:
            job = jobs.get(timeout=1)
        except Empty:
            break
        started, epochs = time.time(), job.configuration().training.epochs
        if started + 0.7 * slowest * epochs > ends:  # towards the end fewer share the device: each is faster
            jobs.put(job)  # a worker that has seen faster ones may try
            break
        try:
            done.put((job, run(job, folder, cache, commit), None))
        except Exception:
            done.put((job, None, traceback.format_exc()))
        if device == "cuda":
            torch.cuda.empty_cache()
        slowest = max(slowest, (time.time() - started) / epochs)
    done.put(None)


GRACE = 25
"""Seconds that a run has to end in after the time is up."""

MOST_EPOCHS = 100
"""A longer training moves its images itself: kept, they would not fit into memory."""


def is_moved(config: RunConfig) -> bool:
    """Whether this run's images are moved beforehand, for all variants of its seed."""
    recipe = config.training
    of_one_size = not recipe.half_size_epochs
    return recipe.augment and of_one_size and config.split == "exam" and recipe.epochs <= MOST_EPOCHS


def images_to_move(folder: Path, jobs: list[Job]) -> list[tuple[Path, list[int], int, int]]:
    """Every seed's epochs of augmented images, the first epochs first."""
    cache = open_folder(folder / CACHE)
    wanted: dict[tuple[int, int], list[int]] = {}
    for job in jobs:
        if is_moved(config := job.configuration()):
            rows = [int(row) for row in deal(config, cache).train]
            wanted |= {(epoch, job.seed): rows for epoch in range(1, config.training.epochs + 1)}
    return [(folder, rows, seed, epoch) for (epoch, seed), rows in sorted(wanted.items())]


def main() -> None:
    """Run the grid."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("jobs", type=Path)
    parser.add_argument("carried", type=Path)
    parser.add_argument("--archive", type=Path, default=Path("runs.tar"))
    parser.add_argument(
        "--folder", type=Path, default=Path("/dev/shm"), help="where to work: memory, not disk"
    )
    parser.add_argument("--commit", help="of the library, where it is not the one that was packed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=4)  # enough to keep one device busy
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--weights", nargs="+", default=[], metavar="VARIANT", help="whose weights to keep")
    options = parser.parse_args()
    # A folder of its own: what else lies beside it is not touched.
    with tempfile.TemporaryDirectory(prefix="fetalseg-", dir=options.folder) as name:
        run_all(options, Path(name))


def run_all(options: argparse.Namespace, folder: Path) -> None:
    """Unpack into ``folder``, and run all jobs there."""
    started = time.time()
    say = functools.partial(_say, started)
    if (commit := unpack(options.carried, folder) or options.commit) is None:
        raise ValueError(
            f"{options.carried}: expected the library as it was packed, got other code; pack again, "
            "or name the commit of this one by --commit"
        )
    os.environ[WEIGHTS_VARIABLE] = str(folder / WEIGHTS)
    lines = options.jobs.read_text(encoding="utf-8").splitlines()
    jobs = [Job(*_fields(line), options.device) for line in lines if line.strip()]
    for job in jobs:
        job.configuration()  # an unknown name is told before anything runs
    say(f"{len(jobs)} runs of commit {commit[:10]}; unpacked")

    # A fork shares what is imported; nothing has touched the accelerator yet, which no fork would survive.
    fork = mp.get_context("fork")
    queue, done = fork.Queue(), fork.Queue()
    for job in jobs:
        queue.put(job)
    ends = started + options.seconds
    workers = [
        fork.Process(target=work, args=(folder, commit, options.device, queue, done, ends), daemon=True)
        for _ in range(min(options.workers, len(jobs)))
    ]
    for worker in workers:
        worker.start()
    movers = fork.Pool(os.cpu_count())
    movers.starmap_async(move_epoch, images_to_move(folder, jobs), chunksize=1)
    finished = collect(
        done, workers, folder, options.archive, until=ends + GRACE, say=say, weights_of=options.weights
    )
    movers.terminate()
    for worker in workers:
        worker.kill()
        worker.join()
    say(f"{len(finished)} of {len(jobs)} runs are finished")
    for job in jobs:
        if job not in finished:
            say(f"left: {job.profile} {job.variant} {job.seed}")


def collect(
    done: Any,
    workers: list[Any],
    folder: Path,
    archive_path: Path,
    *,
    until: float,
    say: Callable[[str], None],
    weights_of: Collection[str] = (),
) -> set[Job]:
    """Put each run into the archive as it ends, until all workers have; returns those that ended well.

    Of the variants in ``weights_of`` the trained weights go there too.
    """
    left, finished = len(workers), set[Job]()
    while left and time.time() < until:
        try:
            message = done.get(timeout=5)
        except Empty:
            left = min(left, sum(worker.is_alive() for worker in workers))
            continue
        if message is None:
            left -= 1
            continue
        job, out, problem = message
        if out is None:
            say(f"{job} FAILED\n{problem}")
            continue
        finished.add(job)
        with tarfile.open(archive_path, "a") as archive:
            kept = _with_weights if job.variant in weights_of else _records_only
            archive.add(out, out.relative_to(folder / "runs"), filter=kept)
        score = json.loads((out / records.METRICS).read_text())
        took = json.loads((out / records.ENVIRONMENT).read_text())["seconds"]
        say(f"{job.profile} {job.variant} {job.seed}: {score['validation_dice']:.4f} {took}")
    return finished


def _fields(line: str) -> tuple[str, str, int]:
    words = line.split()
    if len(words) != 3 or not words[2].isdecimal():
        raise ValueError(f"jobs: expected PROFILE VARIANT SEED on each line, got {line!r}")
    return words[0], words[1], int(words[2])


def _with_weights(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(member.name).name.startswith(("checkpoint", ".")) else member


def _records_only(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(member.name).name == TRAINED else _with_weights(member)


def _say(started: float, text: str) -> None:
    print(f"{time.time() - started:6.1f} s  {text}", flush=True)


if __name__ == "__main__":
    main()
