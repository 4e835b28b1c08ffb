"""The whole chain on real pictures: serve, collect, judge, settle, build, train; and what came of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

import dataset_builder
from annotate_app import create_campaign, invite
from benchmarks.cifar import measures
from benchmarks.cifar.measures import Duplicates, LabelErrors, Votes
from benchmarks.cifar.pictures import ANSWERS, CATEGORIES, LEAST, MOST, Chosen, choose, data_folder, missing
from benchmarks.cifar.site import FileSite
from benchmarks.cifar.training import Labels, Trained, relabel, train_on
from benchmarks.clock import Clock, machine
from benchmarks.people import Answer, Person, work_together
from cairn.demo.app_process import AppProcess
from collector import CollectReport, UrlList, collect
from label_store import CairnError, CategorySpec, UsageError, Workspace, put_category, settle
from label_store.models import Image
from shards import open_release

MODEL = "resnet20"
CAMPAIGNS = {"train": "cifar-10n", "test": "cifar-10h"}
"""Train pictures were judged by the people of CIFAR-10N, test pictures by those of CIFAR-10H: a campaign each."""
RELEASE = "cifar"
PUBLISHED = {"majority": 0.0903, "one_annotator": (0.1723, 0.1812, 0.1764)}
"""Label errors of CIFAR-10N, all 50,000 train pictures: Wei et al. 2022, table 1."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """Everything a run measured; `seconds` and `cpu_seconds` (children's too) by stage."""

    images: int
    epochs: int
    seed: int
    collected: int
    left_out: Mapping[str, int]
    """Addresses that brought no picture, by reason."""
    labels: Mapping[str, LabelErrors]
    """By split: what people said about train and about test pictures."""
    duplicates: Duplicates
    release_id: str
    splits: Mapping[str, int]
    dropped: Mapping[str, int]
    """Pictures that the builder left out, by reason."""
    trained: Mapping[str, Trained]
    seconds: Mapping[str, float]
    cpu_seconds: Mapping[str, float]
    machine: str
    published: Mapping[str, Any] = field(default_factory=lambda: PUBLISHED)

    def as_json(self) -> str:
        """All fields, readable."""
        return json.dumps(asdict(self), indent=1) + "\n"


def run(images: int, epochs: int, seed: int, folder: Path, tell: Tell = lambda line: None) -> Result:
    """The whole chain in `folder`, which becomes a workspace and must be empty or absent.

    Raises UsageError when it is not, when the data is missing or `images` is out of range, and what the rooms raise.
    """
    if not LEAST <= images <= MOST:
        raise UsageError(f"a run takes {LEAST} to {MOST:,} pictures, not {images}", hint="set --images")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", hint="name a new folder: each run starts from nothing")
    if absent := missing(data_folder()):
        raise UsageError(f"{data_folder()} has no {absent[0]}", hint="set CAIRN_DATA to the folder of the data sets")
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(tell)
    with clock.stage("choose"):
        chosen = choose(data_folder(), images, seed)
    with clock.stage("collect"):
        workspace, report = _collect(folder, chosen)
    try:
        with clock.stage("judge"):
            _judge(workspace, chosen)
        with clock.stage("settle"):
            votes, labels = _settle(workspace, chosen)
        with clock.stage("build"):
            built = _build(workspace, chosen)
    finally:
        workspace.close()
    trained = _train(workspace, chosen, votes, built.path, epochs, seed, clock)
    return Result(
        images=images,
        epochs=epochs,
        seed=seed,
        collected=report.new_images,
        left_out={**report.refused, **report.failed},
        labels=labels,
        duplicates=measures.duplicates_found(built.path, chosen.pairs),
        release_id=built.release_id or "",
        splits=built.splits,
        dropped=built.left_out,
        trained=trained,
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
        machine=machine(),
    )


def _collect(folder: Path, chosen: Chosen) -> tuple[Workspace, CollectReport]:
    """Serve the pictures and collect them, without a word about what they show."""
    with FileSite(folder / "site", chosen) as site:
        (folder / "cairn.toml").write_text(
            "# The collector may fetch from the benchmark's own site on this machine.\n"
            f'name = "{RELEASE}"\nallow_hosts = ["{site.host}"]\nhost_delay = 0.0\n',
            encoding="utf-8",
        )
        workspace = Workspace.init(folder)
        site.write_url_list(folder / "urls.csv")
        return workspace, collect(workspace, UrlList(folder / "urls.csv"))


def _judge(workspace: Workspace, chosen: Chosen) -> None:
    """A campaign a split over what was collected, judged over HTTP by the people who really judged it."""
    with workspace.write() as session:
        for slug in CATEGORIES:
            put_category(session, CategorySpec(slug=slug, name=slug))
    with workspace.read() as session:
        there = set(session.scalars(select(Image.sha256)))
    invitations: dict[str, list[str]] = {}
    for split, slug in CAMPAIGNS.items():
        images = [picture.sha256 for picture in chosen.of(split) if picture.sha256 in there]
        rule = {"rule": "fixed", "n": ANSWERS}
        made = create_campaign(workspace, slug, "classify", CATEGORIES, stopping=rule, images=images, open_to_all=False)
        with workspace.write() as session:
            invitations[slug] = [invite(session, campaign_id=made.id) for _ in range(ANSWERS)]
    with AppProcess(workspace.folder) as app:
        for slug in CAMPAIGNS.values():
            people = [Person(f"{slug} {column + 1}", _said(chosen, column)) for column in range(ANSWERS)]
            _, refused = work_together(app.base_url, slug, people, invitations[slug])
            if refused:
                raise CairnError(f"the app refused {len(refused)} answers, the first because: {refused[0]}")


def _said(chosen: Chosen, column: int) -> Answer:
    """What the person of a column said of each picture, given again."""
    return lambda sha256: {"value": CATEGORIES[chosen.pictures[sha256].answers[column]]}


def _settle(workspace: Workspace, chosen: Chosen) -> tuple[dict[str, Votes], dict[str, LabelErrors]]:
    votes, labels = {}, {}
    for split, slug in CAMPAIGNS.items():
        assessment = settle(workspace, slug)
        votes[split] = measures.read_votes(workspace, slug)
        labels[split] = measures.label_errors(workspace, assessment, votes[split], chosen)
    return votes, labels


def _build(workspace: Workspace, chosen: Chosen) -> dataset_builder.BuildReport:
    """A release of untouched pixels, CIFAR's test pictures its test split; verified before anybody trains on it."""
    fixed = workspace.folder / "splits.csv"
    rows = [f"{picture.sha256},{picture.split}" for picture in chosen.pictures.values()]
    fixed.write_text("\n".join(["sha256,split", *rows]) + "\n", encoding="utf-8")
    recipe = dataset_builder.recipe_from(
        {
            "categories": CATEGORIES,
            "splits": {"train": 0.8, "val": 0.0, "test": 0.2, "fixed": fixed.name},
            "pixels": {"mode": "untouched", "format": "webp"},
        }
    )
    report = dataset_builder.build(workspace, RELEASE, recipe, files=workspace.folder)
    problems = dataset_builder.verify(report.path, workspace)
    if problems:
        raise CairnError(f"the release does not verify: {problems[0].file}: {problems[0].what}")
    return report


def _train(
    workspace: Workspace, chosen: Chosen, votes: Mapping[str, Votes], path: Path, epochs: int, seed: int, clock: Clock
) -> dict[str, Trained]:
    """The release under three kinds of train labels; the test split always has CIFAR-10's own labels."""
    release = open_release(path)
    clean = {sha256: picture.label for sha256, picture in chosen.pictures.items()}
    one = {sha256: CATEGORIES.index(Random(f"{seed}/{sha256}").choice(said)) for sha256, said in votes["train"].items()}
    kinds: dict[str, dict[str, Labels]] = {"consensus": {}, "one annotator": {"train": one}, "clean": {"train": clean}}
    trained = {}
    for kind, labels in kinds.items():
        slug = kind.replace(" ", "-")
        with clock.stage(f"train on {kind}"):
            relabelled = relabel(
                release, workspace.folder / "relabelled" / slug, f"{RELEASE}-{slug}", {**labels, "test": clean}
            )
            trained[kind] = train_on(relabelled, workspace.runs / slug, clean, MODEL, epochs, seed)
    return trained
