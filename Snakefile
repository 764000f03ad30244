# The grid of a study (variants by seeds), its tables and figures, and the book, from whatever is missing.
#
#   fetalseg study --profile quick --data phantom
#   make book PROFILE=quick
#
# A killed run keeps its checkpoint and goes on from there; a cluster takes the same rules
# with `--executor slurm` (see book/cluster.md).

import os
from pathlib import Path
from urllib.parse import unquote

from fetalseg_lib.models.weights_file import WEIGHTS_VARIABLE, weights_digest
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.source import source_digest

PROFILE = unquote(config.get("profile", "quick"))
# Notebooks run in notebooks/, so a relative path would lead astray.
if PROFILE.endswith((".yaml", ".yml")):
    PROFILE = str(Path(PROFILE).resolve())
DATA = config.get("data", "phantom")
OUT = str(Path(unquote(config.get("out", "runs"))))
SETTINGS = load_profile(PROFILE)
RUNS = Path(OUT).resolve()
STUDY = f"{OUT}/{SETTINGS.name}/{DATA}"
METRICS = f"{STUDY}/{{variant}}/{{unit}}/metrics.json"  # a unit is seed-N, or fold-K/seed-N
ANSWER = "answer" if SETTINGS.folds else "variants"
CHAPTERS = [
    "first-result",
    "clinic",
    "data",
    "phantom",
    "model",
    "encoder",
    "pretraining",
    "aspp",
    "se-residual",
    "decoder",
    "cost",
    "train",
    "loss",
    "optimisation",
    "augmentation",
    "measuring",
    "uncertainty",
    "mean-hid-it",
    "ablation",
    "robustness",
    "error-analysis",
    "budget",
    "audit",
    "own-images",
    "export",
]
DEMONSTRATION = "fetalseg_lib/models/pretrained/demonstration.safetensors"
BROWSER = "_build/browser"  # what its page needs beside its scripts
LIVE = "_build/exercises"  # the same of the exercises that run in the page
LIBRARY = glob_wildcards("fetalseg_lib/{path,.+\\.(py|yaml|csv|json|mplstyle)}").path
KIT = glob_wildcards("book/fetalseg_book/{path,.+\\.(py|yaml|csv|json|mplstyle|js|css)}").path  # what makes the book
PROSE = [path for path in glob_wildcards("book/{path,[^.].*}").path if not path.startswith("fetalseg_book/")]
RESULTS = glob_wildcards("results/{path,.+\\.(csv|json)}").path  # numbers of pages that are no notebooks


def configuration(wildcards):
    seed, fold = numbers(wildcards)
    return configure(variant=wildcards.variant, seed=seed, fold=fold, profile=PROFILE, data=DATA)


def numbers(wildcards):
    *fold, seed = (int(part.partition("-")[2]) for part in wildcards.unit.split("/"))
    return seed, fold[0] if fold else None


def encoder(wildcards):
    weights = configuration(wildcards).encoder_weights
    # torchvision's own are the same before their download as after it.
    return weights_digest(weights) if weights != "imagenet" or os.environ.get(WEIGHTS_VARIABLE) else weights


wildcard_constraints:
    variant=r"\w+",
    unit=r"(fold-\d+/)?seed-\d+",
    chapter=r"[\w-]+",


localrules:
    study,
    noise_floor,
    tables,
    answer,
    cases,
    site,
    book,


rule study:
    input:
        f"{STUDY}/tables/noise_floor.csv" if SETTINGS.noise_floor else [],
        f"{STUDY}/tables/{ANSWER}.csv",
        f"{STUDY}/tables/answer.csv" if SETTINGS.comparisons else [],
        [] if SETTINGS.folds else expand(f"{STUDY}/figures/cases_{{variant}}.png", variant=SETTINGS.variants),


# One run is one execution of the training notebook. metrics.json appears last and by rename.
rule run:
    output:
        METRICS,
    log:
        notebook=f"{STUDY}/{{variant}}/{{unit}}/train.ipynb",
        text=f"{STUDY}/{{variant}}/{{unit}}/train.log",
    params:
        # a changed profile or variant makes a new run, and so do other weights and edited code
        hash=lambda wildcards: configuration(wildcards).hash,
        encoder=encoder,
        source=source_digest(),
        numbers=lambda wildcards: " ".join(
            f"-p {name} {number}" for name, number in zip(("seed", "fold"), numbers(wildcards)) if number is not None
        ),
    threads: 1
    priority: 1  # the longest jobs first, so that no core waits for the last of them
    resources:
        mem_mb=6000,
    message:
        "Train and evaluate {wildcards.variant}, {wildcards.unit}"
    shell:
        "OMP_NUM_THREADS={threads} papermill notebooks/train.ipynb {log.notebook:q}"
        " --cwd notebooks --no-progress-bar"
        " -p variant {wildcards.variant} {params.numbers}"
        " -p profile {PROFILE:q} -p data {DATA:q} -p runs {RUNS:q} 2> {log.text:q}"


# From the seeds of one variant alone: it can be written, and kept, before any comparison.
rule noise_floor:
    input:
        [METRICS.format(variant=v, unit=unit) for v, unit in SETTINGS.units if v == SETTINGS.noise_floor],
    output:
        f"{STUDY}/tables/noise_floor.csv",
    message:
        "What {STUDY} can see"
    shell:
        "python -m fetalseg_book noise-floor {STUDY:q} --profile {PROFILE:q}"


rule tables:
    input:
        [METRICS.format(variant=variant, unit=unit) for variant, unit in SETTINGS.units],
    output:
        f"{STUDY}/tables/variants.csv",
        f"{STUDY}/tables/runs.csv",
    message:
        "Tables of {STUDY}"
    shell:
        "fetalseg tables {STUDY:q}"


# Of a study with planned comparisons: one row an arm, by the plan's rule. Before all runs are there, `python -m fetalseg_book answer` writes it as far as they go.
rule answer:
    input:
        rules.tables.input,
    output:
        f"{STUDY}/tables/answer.csv",
    message:
        "The answer of {STUDY}"
    shell:
        "python -m fetalseg_book answer {STUDY:q} --profile {PROFILE:q}"


rule cases:
    input:
        lambda wildcards: METRICS.format(
            variant=wildcards.variant,  # its own first seed: no other run is planned
            unit=next(unit for variant, unit in SETTINGS.units if variant == wildcards.variant),
        ),
    output:
        f"{STUDY}/figures/cases_{{variant}}.png",
        f"{STUDY}/figures/cases_{{variant}}.txt",
    message:
        "Worst, middle and best images of {wildcards.variant}"
    shell:
        "python -m fetalseg_book.figures.cases \"$(dirname {input:q})\" -o {output[0]:q} --profile {PROFILE:q}"


# A chapter is executed into a copy of the tree, so that the committed notebooks stay without outputs.
def needed_runs(wildcards):
    if wildcards.chapter in ("train", "export"):  # they show this run, and must not train it themselves
        return expand(METRICS, variant="proposed", unit="seed-0")
    return rules.tables.output if wildcards.chapter == "ablation" else []


def code_of(wildcards):
    """What the notebook uses of the library and the kit: another edited file does not execute it again."""
    from fetalseg_book.publishing.needs import digest  # here: a study needs none

    return digest(Path(f"notebooks/{wildcards.chapter}.ipynb"))


def captions_of(wildcards):
    """What stands below its figures: the page takes it in when the chapter is executed."""
    from fetalseg_book.publishing.notebook import captions

    return str(captions().get(wildcards.chapter, ""))


rule chapter:
    input:
        "notebooks/{chapter}.ipynb",
        needed_runs,
    output:
        "_build/tree/notebooks/{chapter}.ipynb",
    log:
        "_build/logs/{chapter}.log",
    params:
        profile=PROFILE,
        code=code_of,
        captions=captions_of,
    threads: 1
    message:
        "Chapter {wildcards.chapter}"
    shell:
        "OMP_NUM_THREADS={threads} python -m fetalseg_book.publishing.chapter {input[0]} {output}"
        " -p profile {PROFILE:q} -p data phantom -p runs {RUNS:q} 2> {log}"


# It trains a network of its own: last in the queue, it would run alone.
use rule chapter as chapter_that_trains with:
    wildcard_constraints:
        chapter="own-images",
    priority: 1


ruleorder: chapter_that_trains > chapter


# Weights in float16 are half as much to load; the page computes with them in float32 all the same.
rule browser_network:
    input:
        DEMONSTRATION,
    output:
        f"{BROWSER}/network/network.onnx",
        f"{BROWSER}/network/network.json",
    message:
        "The browser page's network"
    shell:
        "fetalseg export {input} -o {output[0]} --precision float16"
        " && python -m fetalseg_book.publishing.browser card {output[0]}"


rule browser_pictures:
    input:
        expand("fetalseg_lib/{path}", path=[p for p in LIBRARY if p.startswith("data/phantom")]),
        expand("book/fetalseg_book/{path}", path=[p for p in KIT if p.startswith("publishing/browser")]),
        real="results/hc18/figures/half_size.json",
    output:
        directory(f"{BROWSER}/pictures"),
    message:
        "The browser page's pictures"
    shell:
        "python -m fetalseg_book.publishing.browser pictures --real {input.real} -o {output}"


# Without a connection the runtime is missing, the page says so, and the next build tries again.
rule site:
    input:
        expand("_build/tree/notebooks/{chapter}.ipynb", chapter=CHAPTERS),
        rules.browser_network.output if Path(DEMONSTRATION).is_file() else [],
        rules.browser_pictures.output,
        expand("book/{path}", path=PROSE),
        expand("results/{path}", path=RESULTS),
        expand("fetalseg_lib/{path}", path=LIBRARY),  # the API's pages
        expand("book/fetalseg_book/{path}", path=KIT),
        "_config.yml",
        "_toc.yml",
        "CHANGELOG.md",
    output:
        "_build/html/index.html",
    message:
        "The site"
    shell:
        "rm -rf _build/tree/book _build/html"
        " && cp -R book _config.yml _toc.yml CHANGELOG.md _build/tree/ && rm -rf _build/tree/book/fetalseg_book"
        " && python -m fetalseg_book.publishing.durations _build/tree/notebooks -o _build/tree/book/run-times.csv"
        " && {{ python -m fetalseg_book.publishing.browser runtime book/browser -o {BROWSER}/runtime"
        " || echo 'The book is built without the browser page: see above.'; }}"
        " && cp -R {BROWSER}/* _build/tree/book/_static/browser/"
        " && {{ python -m fetalseg_book.publishing.live book/exercises -o {LIVE}"
        " && cp -R {LIVE}/* _build/tree/book/_static/exercises/"
        " || echo 'The book is built without exercises that run in the page: see above.'; }}"
        " && python -m fetalseg_book.publishing.numbers _build/tree --results results"
        " && jupyter-book build _build/tree --path-output . --all --warningiserror --keep-going"


rule book:
    input:
        rules.site.output,
