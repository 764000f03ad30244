# The grid of a study (variants by seeds), its tables and figures, and the book, from whatever is missing.
#
#   snakemake --cores 2 study --config profile=quick data=phantom
#   snakemake --cores 2 book  --config profile=quick
#
# A killed run keeps its checkpoint and goes on from there; a cluster takes the same rules
# with `--executor slurm` (see book/cluster.md).

from pathlib import Path
from urllib.parse import unquote

from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import load_profile

PROFILE = unquote(config.get("profile", "quick"))
# Notebooks run in notebooks/, so a relative path would lead astray.
if PROFILE.endswith((".yaml", ".yml")):
    PROFILE = str(Path(PROFILE).resolve())
DATA = config.get("data", "phantom")
OUT = str(Path(unquote(config.get("out", "runs"))))
SETTINGS = load_profile(PROFILE)
RUNS = Path(OUT).resolve()
STUDY = f"{OUT}/{SETTINGS.name}/{DATA}"
METRICS = f"{STUDY}/{{variant}}/seed-{{seed}}/metrics.json"
CHAPTERS = [
    "data",
    "phantom",
    "model",
    "encoder",
    "aspp",
    "se-residual",
    "decoder",
    "cost",
    "train",
    "measuring",
    "uncertainty",
    "ablation",
    "audit",
    "own-images",
]
LIBRARY = glob_wildcards("fetalseg_lib/{path,.+\\.(py|yaml|csv|json|mplstyle)}").path
PROSE = glob_wildcards("book/{path,[^.].*}").path


wildcard_constraints:
    seed=r"\d+",
    chapter=r"[\w-]+",


localrules:
    study,
    noise_floor,
    tables,
    cases,
    site,
    book,


rule study:
    input:
        f"{STUDY}/tables/noise_floor.csv" if SETTINGS.noise_floor else [],
        f"{STUDY}/tables/variants.csv",
        expand(f"{STUDY}/figures/cases_{{variant}}.png", variant=SETTINGS.variants),


# One run is one execution of the training notebook. metrics.json appears last and by rename.
rule run:
    output:
        METRICS,
    log:
        notebook=f"{STUDY}/{{variant}}/seed-{{seed}}/train.ipynb",
        text=f"{STUDY}/{{variant}}/seed-{{seed}}/train.log",
    params:
        # a changed profile or variant makes a new run
        hash=lambda wildcards: configure(
            variant=wildcards.variant, seed=int(wildcards.seed), profile=PROFILE, data=DATA
        ).hash,
    threads: 1
    resources:
        mem_mb=6000,
    message:
        "Train and evaluate {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "OMP_NUM_THREADS={threads} papermill notebooks/train.ipynb {log.notebook:q}"
        " --cwd notebooks --no-progress-bar"
        " -p variant {wildcards.variant} -p seed {wildcards.seed}"
        " -p profile {PROFILE:q} -p data {DATA:q} -p runs {RUNS:q} 2> {log.text:q}"


# From the seeds of one variant alone: it can be written, and kept, before any comparison.
rule noise_floor:
    input:
        [METRICS.format(variant=v, seed=seed) for v, seed in SETTINGS.grid if v == SETTINGS.noise_floor],
    output:
        f"{STUDY}/tables/noise_floor.csv",
    message:
        "What {STUDY} can see"
    shell:
        "fetalseg noise-floor {STUDY:q} --profile {PROFILE:q}"


rule tables:
    input:
        [METRICS.format(variant=variant, seed=seed) for variant, seed in SETTINGS.grid],
    output:
        f"{STUDY}/tables/variants.csv",
        f"{STUDY}/tables/runs.csv",
    message:
        "Tables of {STUDY}"
    shell:
        "fetalseg tables {STUDY:q}"


rule cases:
    input:
        f"{STUDY}/{{variant}}/seed-{SETTINGS.grid[0][1]}/metrics.json",
    output:
        f"{STUDY}/figures/cases_{{variant}}.png",
        f"{STUDY}/figures/cases_{{variant}}.txt",
    message:
        "Worst, middle and best images of {wildcards.variant}"
    shell:
        "python -m fetalseg_lib.report.cases \"$(dirname {input:q})\" -o {output[0]:q}"


# A chapter is executed into a copy of the tree, so that the committed notebooks stay without outputs.
def needed_runs(wildcards):
    if wildcards.chapter == "train":  # it shows this run, and must not train it at the same time
        return expand(METRICS, variant="proposed", seed=0)
    return rules.tables.output if wildcards.chapter == "ablation" else []


rule chapter:
    input:
        "notebooks/{chapter}.ipynb",
        expand("fetalseg_lib/{path}", path=LIBRARY),
        needed_runs,
    output:
        "_build/tree/notebooks/{chapter}.ipynb",
    log:
        "_build/logs/{chapter}.log",
    params:
        profile=PROFILE,
    threads: 1
    message:
        "Chapter {wildcards.chapter}"
    shell:
        "OMP_NUM_THREADS={threads} papermill {input[0]} {output} --cwd notebooks --no-progress-bar"
        " -p profile {PROFILE:q} -p data phantom -p runs {RUNS:q} 2> {log}"
        " && python -m fetalseg_lib.report.notebook {output}"


rule site:
    input:
        expand("_build/tree/notebooks/{chapter}.ipynb", chapter=CHAPTERS),
        expand("book/{path}", path=PROSE),
        "_config.yml",
        "_toc.yml",
    output:
        "_build/html/index.html",
    message:
        "The site"
    shell:
        "rm -rf _build/tree/book _build/html"
        " && cp -R book _config.yml _toc.yml _build/tree/"
        " && jupyter-book build _build/tree --path-output . --all --warningiserror --keep-going"


rule book:
    input:
        rules.site.output,
