"""Rendered scenes through collector, app, consensus and builder to a trained head of each kind; and what came of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import dataset_builder
from annotate_app import create_campaign, invite
from benchmarks.clock import Clock, machine
from benchmarks.heads import measures
from benchmarks.heads.drawing import HANDS, KINDS, Objects, Scene, render
from benchmarks.people import Person, work_together
from cairn.demo.app_process import AppProcess
from collector import Folder, collect
from label_store import CairnError, CategorySpec, UsageError, Workspace, put_category, settle
from shards import Release, open_release
from tests.train.rendered import NAMES, SHARD
from train.device import make_compute
from train.heads import HeadConfig
from train.heads.fit import HeadResult, load_part, train_head
from train.heads.tasks import task_of

ANSWERS = 3
RELEASE = "scenes"
TASKS = {"detect": "boxes", "segment": "polygons"}
"""Task of a head -> the kind of campaign that labels it."""
SETTINGS: dict[str, dict[str, Any]] = {
    "detect": {"epochs": 48, "batch_size": 8, "lr": 3e-3, "small_input": False},
    "segment": {"epochs": 8, "lr": 4e-3, "small_input": True},
}
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Head:
    """A trained head on test: its figure (map50 or miou) against the release's labels, and against what was rendered.

    `labels` are those of the release and of one person against what was rendered: F1 of boxes, or mIoU.
    """

    figure: str
    on_labels: float
    on_truth: float
    chosen_epoch: int
    labels: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """Everything a run measured; `seconds` and `cpu_seconds` (children's too) by stage."""

    images: int
    seed: int
    judgments: int
    splits: Mapping[str, int]
    dropped: Mapping[str, int]
    """Pictures that the builder left out, by reason."""
    heads: Mapping[str, Head]
    seconds: Mapping[str, float]
    cpu_seconds: Mapping[str, float]
    machine: str

    def as_json(self) -> str:
        """All fields, readable."""
        return json.dumps(asdict(self), indent=1) + "\n"


def run(images: int, seed: int, folder: Path, tell: Tell = lambda line: None, epochs: int | None = None) -> Result:
    """The whole chain in `folder`, which becomes a workspace and must be empty or absent; `epochs` instead of the
    heads' own. Raises UsageError when it is not empty, and what the rooms raise.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", hint="name a new folder: each run starts from nothing")
    clock = Clock(tell)
    with clock.stage("render and collect"):
        scenes = render(images, seed)
        workspace = _collect(folder, scenes)
    try:
        with clock.stage("judge"):
            judgments = _judge(workspace, scenes, seed)
        with clock.stage("settle"):
            for kind in TASKS.values():
                settle(workspace, kind)
        with clock.stage("build"):
            built = _build(workspace)
        release = open_release(built.path)
        heads = {}
        for task, kind in TASKS.items():
            labels = measures.people_and_consensus(workspace, kind, _settled(release), scenes)
            with clock.stage(f"train {task}"):
                heads[task] = _train(task, release, workspace.runs / task, scenes, seed, epochs, labels)
    finally:
        workspace.close()
    return Result(
        images=images,
        seed=seed,
        judgments=judgments,
        splits=built.splits,
        dropped=built.left_out,
        heads=heads,
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
        machine=machine(),
    )


def _collect(folder: Path, scenes: Mapping[str, Scene]) -> Workspace:
    """The pictures as files, collected without a word about what they show."""
    workspace = Workspace.init(folder)
    pictures = folder / "rendered"
    pictures.mkdir()
    for number, one in enumerate(scenes.values()):
        (pictures / f"{number:05d}.png").write_bytes(one.data)
    report = collect(workspace, Folder(pictures, license="CC0-1.0"))
    if report.new_images != len(scenes):
        raise CairnError(f"{report.new_images} of {len(scenes)} pictures were collected: {report.failed}")
    return workspace


def _judge(workspace: Workspace, scenes: Mapping[str, Scene], seed: int) -> int:
    """A campaign of each kind over all pictures, drawn in by everybody over HTTP; how many drawings."""
    with workspace.write() as session:
        for name in NAMES:
            put_category(session, CategorySpec(slug=name, name=name))
        invitations = [invite(session) for _ in HANDS]
    for kind in TASKS.values():
        create_campaign(workspace, kind, kind, NAMES, stopping={"rule": "fixed", "n": ANSWERS}, images=list(scenes))
    total = 0
    with AppProcess(workspace.folder) as app:
        for kind in TASKS.values():
            people = [Person(f"person {n}", partial(_drawn, scenes, n, kind, seed)) for n in range(len(HANDS))]
            accepted, refused = work_together(app.base_url, kind, people, invitations)
            if refused:
                raise CairnError(f"the app refused {len(refused)} drawings, the first because: {refused[0]}")
            total += accepted
    return total


def _drawn(scenes: Mapping[str, Scene], number: int, kind: str, seed: int, sha256: str) -> dict[str, Any]:
    return HANDS[number].draw(scenes[sha256], kind, f"{seed}/{number}")


def _build(workspace: Workspace) -> dataset_builder.BuildReport:
    """One release with boxes and shapes, at half the side at which people saw the pictures; verified."""
    recipe = dataset_builder.recipe_from(
        {
            "task": "detect",
            "categories": NAMES,
            "splits": {"train": 0.7, "val": 0.1, "test": 0.2},
            "pixels": {"mode": "square", "size": SHARD, "format": "png"},
        }
    )
    report = dataset_builder.build(workspace, RELEASE, recipe)
    problems = dataset_builder.verify(report.path, workspace)
    if problems:
        raise CairnError(f"the release does not verify: {problems[0].file}: {problems[0].what}")
    return report


def _settled(release: Release) -> dict[str, Objects]:
    """What the release says of each picture that it has both boxes and shapes of, in pixels of the full size."""
    metas: Sequence[dict[str, Any]] = [sample.meta for split in release.splits for sample in release.split(split)]
    names = list(KINDS.values())
    return {
        meta["sha256"]: {name: meta[name] for name in names}
        for meta in metas
        if all(meta[name] is not None for name in names)
    }


def _train(
    task: str,
    release: Release,
    out: Path,
    scenes: Mapping[str, Scene],
    seed: int,
    epochs: int | None,
    labels: Mapping[str, float],
) -> Head:
    """Train on what people drew; measure once on test, against their consensus and against what was rendered."""
    settings = SETTINGS[task] | ({} if epochs is None else {"epochs": epochs})
    config = HeadConfig(task, str(release.path), str(out), width=0.25, threads=1, device="cpu", seed=seed, **settings)
    found = train_head(config)
    figure = task_of(task, release.split("train"), NAMES).figure
    return Head(
        figure=figure,
        on_labels=found.metrics["test"][figure],
        on_truth=_on_truth(task, release, found, scenes)[figure],
        chosen_epoch=found.metrics["chosen_epoch"],
        labels=labels,
    )


def _on_truth(task: str, release: Release, found: HeadResult, scenes: Mapping[str, Scene]) -> dict[str, Any]:
    """The figures of the same network on the same pictures, against what was rendered."""
    judged = task_of(task, release.split("train"), NAMES)
    part = load_part(release, "test", judged, SHARD)
    metas = {sample.key: sample.meta for sample in release.split("test")}
    truths = [metas[key] | scenes[metas[key]["sha256"]].truth for key in part.keys]
    pixels = release.manifest.pixels
    assert pixels.mean is not None
    assert pixels.std is not None
    compute = make_compute(next(found.model.parameters()).device, "fp32", pixels.mean, pixels.std)
    answers = judged.answers(found.model, part, compute)
    return judged.figures(answers, replace(part, labels=[judged.read(one, SHARD) for one in truths]))
