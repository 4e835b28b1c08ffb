"""A recipe for each figure: named settings of `python -m train`, and what is read off the runs."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import train
from benchmarks.training import cifar
from benchmarks.training.runs import TINY, Setting, configured, data_of, run, without_test
from train.bench import Asked, bench
from train.people import against_people


@dataclass(frozen=True)
class Row:
    """One figure: its name on the command line, what it is, what to reach, and how it is found."""

    name: str
    figure: str
    to_reach: str
    run: Callable[[Setting], Any]


# The rest of a recipe is RunConfig's default. Chosen before any run on a GPU, from published recipes; see README.md.
# Batches divide 50,000, 45,000 and the 40,000 of five folds evenly: torch.compile makes a program for each length.
FAST = {
    "optimizer": "sgd", "momentum": 0.9, "weight_decay": 5e-4, "batch_size": 500, "schedule": "onecycle", "warmup": 0.2,
    "label_smoothing": 0.1, "precision": "bf16", "compile": True,
}  # fmt: skip
SPEED_RUNS: dict[str, dict[str, Any]] = {
    "94": FAST | {"epochs": 9, "augment": "none+alternate+shift2", "rate": 8.0},
    "95": FAST | {"epochs": 18, "augment": "none+alternate+shift2+cutout", "rate": 8.0},
    "96": FAST | {"epochs": 50, "augment": "cifar+alternate+cutout", "rate": 8.0, "ema": 0.998},
}
# He et al., section 4.2: 64,000 steps of 128, the rate of 0.1 divided at a half and at three quarters. 50,000 pictures
# make 391 batches of 128 or 127, none of them dropped: torch.compile makes two programs. 164 such epochs: 64,124 steps.
HE = {
    "epochs": 164, "batch_size": 128, "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4, "schedule": "steps",
    "warmup": 0.0, "augment": "cifar", "compile": True, "side_by_side": 3,
}  # fmt: skip
HE_110 = HE | {"warmup": 0.006}  # the paper warms up resnet110 for about 400 steps
ARTICLE = {
    "epochs": 20, "batch_size": 64, "lr": 0.01, "momentum": 0.9, "weight_decay": 0.0, "schedule": "constant",
    "warmup": 0.0, "augment": "none", "init": "glorot",
}  # fmt: skip
NOISE = FAST | {
    "model": "resnet34", "epochs": 120, "batch_size": 125, "schedule": "cosine", "warmup": 0.02, "ema": 0.999,
    "augment": "cifar+cutout", "label_smoothing": 0.0,
}  # fmt: skip


def throughput_18(setting: Setting) -> Any:
    """ResNet-18 at 32 x 32."""
    return measure(setting, "resnet18", 32, 1024, 10)


def throughput_50(setting: Setting) -> Any:
    """ResNet-50 at 224 x 224."""
    return measure(setting, "resnet50", 224, 256, 1000)


def measure(
    setting: Setting, model: str, size: int, batch: int, classes: int, data: str = "", gpu_decode: bool = False
) -> Any:
    """Samples/s, MFU and peers; tiny with two pictures a step of a quarter of the side."""
    if setting.tiny:
        size, batch = (32 if size == 32 else 64), 2
    seconds = 0.02 if setting.tiny else 20.0
    precision = "bf16" if setting.on_gpu else "fp32"
    asked = Asked(
        model, size, batch, classes, data, setting.device, precision, compile=setting.on_gpu, seconds=seconds,
        workers=0 if setting.tiny else None, rounds=1 if setting.tiny else 5, gpu_decode=gpu_decode,
    )  # fmt: skip
    found = bench(asked)
    wanted = ("samples_per_second", "end_to_end_of_synthetic", "against", "mfu", "memory_bytes", "stage_ms", "slowest")
    return {name: found[name] for name in wanted}


def end_to_end(setting: Setting) -> Any:
    """ResNet-50 from shards of a release, against the step alone; JPEGs decoded by processes, and on the GPU."""
    from tests.shards.make import make_release

    count, side = (24, 64) if setting.tiny else (80 * 256, 256)
    shards = setting.folder / "shards"
    release = shards / "tiny" / "1"
    if not (release / "dataset.json").is_file():
        shutil.rmtree(shards, ignore_errors=True)  # what a stopped call has left
        make_release(shards, {"train": count}, classes=10, side=side, max_bytes=256 * 2**20)
    return {
        "by_processes": measure(setting, "resnet50", 224, 256, 10, str(release)),
        "on_the_gpu": measure(setting, "resnet50", 224, 256, 10, str(release), gpu_decode=True),
    }


def speed_run(accuracy: str) -> Callable[[Setting], Any]:
    """ResNet-18 to an accuracy; the time is `seconds_a_network` of `run`, from which compilation is kept apart."""

    def of(setting: Setting) -> Any:
        return run(setting, data_of(setting), f"speed-{accuracy}", "resnet18", SPEED_RUNS[accuracy], seeds=5)

    return of


def noisy(column: str) -> Callable[[Setting], Any]:
    """One network on the labels of people: first out-of-fold opinions, then trained on labels and opinions together."""

    def of(setting: Setting) -> Any:
        given = cifar.people(setting.data)[column]
        data = data_of(setting, column, given)
        folds = 2 if setting.tiny else 5
        recipe = NOISE | {"loss": "gce", "folds": folds}
        model = str(recipe.pop("model"))
        plain = run(setting, data, f"noisy-{column}-first", model, recipe)
        opinions = Path(plain["folder"]) / "predictions.npz"
        targets = setting.folder / f"targets-{column}.npz"
        with np.load(opinions) as found:
            rows = np.array([int(key.rsplit("-", 1)[1]) for key in found["key"]])
            labels = given[rows]
            joined = found["probabilities"] * label_likelihood(found["probabilities"], labels)
            np.savez(targets, key=found["key"], probabilities=joined / joined.sum(axis=1, keepdims=True))
        again = NOISE | {"targets": str(targets), "augment": "cifar+cutout+mixup"}
        again.pop("model")
        return {"first": plain, "joined": run(setting, data, f"noisy-{column}-joined", model, again)}

    return of


def label_likelihood(probability: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """How likely each true class makes the label that was given, float64 [N, K].

    The confusion of labels is estimated from out-of-fold opinions, as in confident learning (Northcutt et al. 2021).
    """
    classes = probability.shape[1]
    joint = np.full((classes, classes), 1.0)
    np.add.at(joint.T, labels, probability.astype(np.float64))
    return (joint / joint.sum(axis=1, keepdims=True)).T[labels]


def consensus_error(setting: Setting) -> Any:
    """Three judgments a picture and a model's out-of-fold opinion as a fourth judge: errors before and after."""
    from consensus import Judgments, fit

    columns = cifar.people(setting.data)
    answers = np.stack([columns[name] for name in ("random1", "random2", "random3")], axis=1)
    answers = answers[:TINY] if setting.tiny else answers
    count = len(answers)
    judged = Judgments(
        item=np.repeat(np.arange(count), 3), annotator=np.tile(np.arange(3), count), answer=answers.reshape(-1),
        n_items=count, n_annotators=3, n_classes=10, n_answers=10,
    )  # fmt: skip
    people = fit(judged)
    data = data_of(setting, "consensus", people.answer)
    recipe = NOISE | {"folds": 2 if setting.tiny else 5}
    model = str(recipe.pop("model"))
    trained = run(setting, data, "consensus", model, recipe)
    with np.load(Path(trained["folder"]) / "predictions.npz") as found:
        rows = np.array([int(key.rsplit("-", 1)[1]) for key in found["key"]])
        opinion = found["probabilities"][np.argsort(rows)].astype(np.float64)
    prior = opinion.mean(axis=0)
    assert isinstance(people.posterior, np.ndarray)  # of so few classes all are kept
    joined = people.posterior[:, :10] * opinion / prior
    truth = columns["clean"][:count]
    majority = np.array([np.bincount(row, minlength=10).argmax() for row in answers])
    return {
        "majority": float((majority != truth).mean()),
        "people": float((people.answer != truth).mean()),
        "model_alone": float((opinion.argmax(axis=1) != truth).mean()),
        "with_the_model": float((joined.argmax(axis=1) != truth).mean()),
        "trained": trained,
    }


def calibration(setting: Setting) -> Any:
    """ECE of the 95 % recipe before and after a temperature fitted on a tenth of train, held out; and CIFAR-10H.

    On 45,000/5,000 the 5,000 stand where test stands, and a tenth of the 45,000 is held out.
    """
    recipe = SPEED_RUNS["95"] | {"label_smoothing": 0.0}
    data = without_test(setting) if setting.choose else data_of(setting)
    config = configured(setting, data, "calibration", "resnet18", recipe, 3)
    result = train.run(train.RunConfig(**{**config.__dict__, "val": "0.1"}))
    test = result.metrics["test"]
    found = {name: test[name] for name in ("top1", "ece", "ece_calibrated", "brier", "brier_calibrated")}
    if setting.choose:
        return {"split": "the last tenth of train", **found}
    return {"split": "test", **found, "people": beside_people(setting, result.folder)}


def beside_people(setting: Setting, run_folder: Path) -> Any:
    """The first seed's answers on test against CIFAR-10H, which nothing was trained on."""
    with np.load(run_folder / "evaluation.npz") as found:
        rows = [int(key.rsplit("-", 1)[1]) for key in found["key"]]
        logits = np.log(np.clip(found["probabilities"], 1e-12, None))
        return against_people(logits, found["label"], cifar.shares_of_people(setting.data)[rows])


def he_table(*depths: int) -> Callable[[Setting], Any]:
    """Errors of He's networks at these depths, three seeds each."""

    def of(setting: Setting) -> Any:
        found = {}
        for depth in depths:
            recipe = HE_110 if depth == 110 else HE
            found[f"resnet{depth}"] = run(setting, data_of(setting), f"he-{depth}", f"resnet{depth}", recipe, seeds=3)
        return found

    return of


def degradation(setting: Setting) -> Any:
    """Plain networks: deeper is worse, in training error too."""
    found = {}
    for depth in (20, 56):
        name = f"plain{depth}"
        found[name] = run(setting, data_of(setting), name, name, HE, seeds=1)
    return found


def article(setting: Setting) -> Any:
    """The article's net as printed, and a ResNet of ours under the same 20 epochs; neither is tuned."""
    return {
        "article": run(setting, data_of(setting), "article", "article", ARTICLE, seeds=3),
        "ours": run(setting, data_of(setting), "ours", "resnet18", ARTICLE, seeds=3),
    }


ROWS = (
    Row("throughput-18", "ResNet-18 at 32 x 32, training images/s", "60,000 (stretch 100,000)", throughput_18),
    Row("throughput-50", "ResNet-50 at 224, training images/s", "4,500 (stretch 6,000)", throughput_50),
    Row("speed-94", "ResNet-18 to 94 % test, mean of 5 seeds", "15 s", speed_run("94")),
    Row("speed-95", "ResNet-18 to 95 % test, mean of 5 seeds", "30 s", speed_run("95")),
    Row("speed-96", "ResNet-18 to 96 % test, mean of 5 seeds", "75 s", speed_run("96")),
    Row("end-to-end", "end to end from shards / synthetic", "0.95", end_to_end),
    Row("noisy-worst", "CIFAR-10N worst, test accuracy", "94 %", noisy("worse")),
    Row("noisy-aggregate", "CIFAR-10N aggregate, test accuracy", "96 %", noisy("aggre")),
    Row("noisy-random1", "CIFAR-10N random1, test accuracy", "95.5 %", noisy("random1")),
    Row("consensus", "CIFAR-10N, three judgments and the model as a judge: error", "under 4 %", consensus_error),
    Row("calibration", "ECE after temperature", "under 0.01", calibration),
    Row("he-20-56", "He's table at 20 and 56, 3 seeds", "8.75, 6.97 within 0.3", he_table(20, 56)),
    Row("degradation", "plain-20 against plain-56", "the paper's figure", degradation),
    Row("he-32-44-110", "He's table at 32, 44, 110, 3 seeds", "7.51, 7.17, 6.61 within 0.3", he_table(32, 44, 110)),
    Row("article", "the article's net, ours beside it", "as found (claimed 0.81, 0.39)", article),
)


def as_table(table: dict[str, Any]) -> str:
    """The figures in short, a row a line; what was not run says so."""
    lines = ["| figure | found | to reach |", "|---|---|---|"]
    for row in ROWS:
        found = table.get(row.name, {}).get("found", "not measured")
        lines.append(f"| {row.figure} | {shown(found)} | {row.to_reach} |")
    return "\n".join(lines)


def shown(found: Any) -> str:
    """A row's result in a few words."""
    if isinstance(found, str):
        return found
    if "samples_per_second" in found:
        rates = found["samples_per_second"]
        return f"{rates['synthetic']:,.0f}/s, MFU {found['mfu']:.0%}, end to end {found['end_to_end_of_synthetic']:.3f}"
    if "top1" in found and isinstance(found["top1"], dict):
        seconds, setup = (float(np.mean(found[name])) for name in ("seconds_a_network", "setup_seconds"))
        return f"{found['top1']['mean']:.2%} on {found['split']}, {seconds:.1f} s a network and {setup:.1f} s before"
    if "ece" in found:
        people = found.get("people")
        beside = "" if people is None else f", cross entropy against CIFAR-10H {people['soft_cross_entropy']:.3f}"
        return f"ECE {found['ece']:.4f} before, {found['ece_calibrated']:.4f} after{beside}"
    if "majority" in found:
        return f"majority {found['majority']:.2%}, people {found['people']:.2%}, with it {found['with_the_model']:.2%}"
    return "; ".join(f"{name}: {shown(one)}" for name, one in found.items())
