"""A search for rates, decay and augmentation: Optuna proposes, val judges, poor trials stop early, a study goes on.

Each trial is a run of its own under OUT/trial-N; the study lies in OUT/study.db (SQLite), so that the same command goes
on. Only val decides: the search never reads a figure of the test split.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from shards.atomic import write_whole
from train.charts import Line, line_chart
from train.checkpoint import EpochRow
from train.config import CIRCUMSTANCES, RunConfig, as_dict
from train.errors import TrainError
from train.experiment import run
from train.optim import default_rate
from train.page import page, section
from train.sources import open_source

SPACE = ("rate", "weight_decay", "warmup", "label_smoothing", "augment")
AUGMENTS = ("flip", "cifar", "standard", "cifar+cutout", "standard+trivialaugment", "standard+mixup")
STARTUP = 5  # trials before any is stopped early


class Stopped(Exception):
    """A trial that is worse than others were at the same epoch."""


@dataclass(frozen=True)
class Found:
    """The best trial: its number, val accuracy and settings; how many trials were finished, and stopped early."""

    number: int
    top1: float
    settings: dict[str, Any]
    finished: int
    stopped: int
    report: Path


def search(config: RunConfig, trials: int, told: Callable[[str], None] | None = None) -> Found:
    """Run until the study in `config.out` has `trials` trials. TrainError without optuna or without a val split."""
    try:
        import optuna
    except ImportError as error:
        raise TrainError(
            "A search needs optuna, which is not installed.", "pip install 'cairn-dataset[search]'", 2
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="search",
        storage=f"sqlite:///{(folder / 'study.db').resolve()}",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=config.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=1),
    )
    base = identity(config)
    if study.user_attrs.setdefault("base", base) != base:
        raise TrainError(
            f"{folder} holds a search with other settings or on other data.", "give another --out", exit_code=2
        )
    study.set_user_attr("base", base)

    def one(trial: Any) -> float:
        chosen = replace(config, out=str(folder / f"trial-{trial.number}"), **proposed(trial, config))

        def epoch(row: EpochRow, fold: str | None) -> None:
            if row.val_top1 is None:
                raise TrainError("A search needs a val split.", "give --val 0.1", exit_code=2)
            trial.report(row.val_top1, row.epoch)
            if trial.should_prune():
                raise Stopped

        try:
            best = max(row.val_top1 or 0.0 for row in run(chosen, on_epoch=epoch).history)
        except Stopped:
            raise optuna.TrialPruned from None
        except TrainError as error:
            if "no longer a number" not in str(error):
                raise
            raise optuna.TrialPruned from error  # a rate too high is an answer, too
        if told:
            told(f"trial {trial.number}: val accuracy {best:.2%}  {trial.params}")
        return best

    done = [t for t in study.trials if t.state.is_finished()]
    study.optimize(one, n_trials=max(0, trials - len(done)))
    return report(study, folder)


def identity(config: RunConfig) -> str:
    """Which search this is, as JSON: the data by its content, and every setting that changes what is learnt."""
    settings = {name: value for name, value in as_dict(config).items() if name not in CIRCUMSTANCES}
    return json.dumps({"data": open_source(config.data).identity, **settings}, sort_keys=True)


def proposed(trial: Any, config: RunConfig) -> dict[str, Any]:
    """A trial's settings."""
    middle = config.rate or default_rate(config.optimizer)
    return {
        "lr": None,
        "rate": trial.suggest_float("rate", middle / 10, middle * 10, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-2, log=True),
        "warmup": trial.suggest_float("warmup", 0.0, 0.3),
        "label_smoothing": trial.suggest_float("label_smoothing", 0.0, 0.2),
        "augment": trial.suggest_categorical("augment", AUGMENTS),
    }


def report(study: Any, folder: Path) -> Found:
    """Write search.json and search.html: the trials, the best, and what mattered."""
    import optuna

    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if not complete:
        raise TrainError("No trial was finished.", "give more --trials, or a lower --rate", exit_code=1)
    best = max(complete, key=lambda t: t.value)
    stopped = sum(t.state == optuna.trial.TrialState.PRUNED for t in study.trials)
    mattered = importances(study) if len(complete) >= 4 else {}
    rows = [{"trial": t.number, "state": t.state.name.lower(), "val_top1": t.value, **t.params} for t in study.trials]
    content = {"best": best.number, "importance": mattered, "trials": rows}
    write_whole(folder / "search.json", (json.dumps(content, indent=1) + "\n").encode())
    best_so_far = np.maximum.accumulate([t.value for t in complete]).tolist()
    chart = line_chart(
        [Line("best so far", [float(t.number) for t in complete], best_so_far)], "trial", "val accuracy", share=True
    )
    weights = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td class='n bar' style='--share:{share:.3f}'>{share:.0%}</td></tr>"
        for name, share in sorted(mattered.items(), key=lambda pair: -pair[1])
    )
    head = "".join(f"<th>{escape(name)}</th>" for name in ("trial", "state", "val accuracy", *SPACE))
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(short(row.get(name)))}</td>" for name in ("trial", "state", "val_top1", *SPACE))
        + "</tr>"
        for row in sorted(rows, key=lambda row: -(row["val_top1"] or 0.0))
    )  # fmt: skip
    lead = (
        f"Trial {best.number} is best: {best.value:.2%} of val. {len(complete)} trials were finished, {stopped} "
        "stopped early. The best of many trials flatters on val; what it does on test is in its own report."
    )
    what = f"<table>{weights}</table>" if weights else "<p>Too few trials to tell.</p>"
    sections = [
        f"<p class=lead>{lead}</p>",
        section("course", "Best so far", f"<figure>{chart}</figure>"),
        section("mattered", "What mattered", what),
        section("trials", "Trials", f"<div class=scroll><table><thead><tr>{head}</tr></thead>{lines}</table></div>"),
    ]
    out = folder / "search.html"
    write_whole(out, page("Search", sections).encode())
    return Found(best.number, best.value, best.params, len(complete), stopped, out)


def importances(study: Any) -> dict[str, float]:
    """The share of the differences between trials that each setting explains (PED-ANOVA: Watanabe et al. 2023)."""
    import optuna

    try:
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    except (RuntimeError, ValueError):
        return {}  # all trials alike


def short(value: Any) -> str:
    """A value in a table."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
