"""The state of a demo: how much it makes, how far it has come, and whether it goes on or starts anew."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from label_store import CairnError, Workspace
from label_store.models import Campaign, Release
from shards.atomic import write_whole

ProgressFn = Callable[[int, int | None, str], None]
Progress = Callable[[str], AbstractContextManager[ProgressFn]]
STATE_FILE = "demo.json"
VERIFY, CARS, RELEASE = "demo-verify", "demo-cars", "demo"
"""What a demo makes: two campaigns and the first version of a release. Anything more is somebody's own."""


@dataclass(frozen=True)
class Size:
    """How much of everything: about three minutes on two cores, or under one."""

    stopping: dict[str, Any]
    gold: int
    training: dict[str, Any]
    """Fields of the training run: a fixed number of epochs, so that a busy machine takes longer but learns as much,
    on one thread, because two mostly wait for one another over so small a network."""
    seconds: dict[str, float]
    """Expected seconds of each stage on two cores, for the time left that is shown."""


FULL = Size(
    {"rule": "risk", "max_risk": 0.02, "max_n": 9},
    60,
    {"width": 0.25, "batch_size": 32, "epochs": 22, "threads": 1},
    {"draw": 13, "collect": 7, "judge": 38, "settle": 2, "build": 70, "train": 55, "report": 2},
)
QUICK = Size(
    {"rule": "risk", "max_risk": 0.04, "max_n": 9},
    24,
    {"width": 0.25, "batch_size": 32, "epochs": 15, "threads": 1},
    {"draw": 4, "collect": 7, "judge": 19, "settle": 1, "build": 5, "train": 12, "report": 3},
)


@dataclass
class State:
    """How far a demo has come; kept beside the workspace's settings after every stage."""

    folder: Path
    seed: int
    quick: bool
    port: int = 0
    finished: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def save(self) -> None:
        """Write whole or not at all."""
        write_whole(self.folder / STATE_FILE, json.dumps({**self.__dict__, "folder": "."}, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "State | None":
        """The state of a demo in this folder; None where there is none."""
        try:
            return cls(**{**json.loads((folder / STATE_FILE).read_text(encoding="utf-8")), "folder": folder})
        except (FileNotFoundError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Demo:
    """What the stages share."""

    state: State
    size: Size
    tell: Callable[[str], None]
    progress: Progress

    @property
    def folder(self) -> Path:
        """The demo's workspace."""
        return self.state.folder

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        """Say what is being done and how long is left, and measure it."""
        names = list(self.size.seconds)
        left = sum(self.size.seconds[later] for later in names[names.index(name) :])
        self.tell(f"{names.index(name) + 1}/{len(names)} {what} (about {left:.0f} s left on two cores)")
        began = time.monotonic()
        yield
        self.state.seconds[name] = self.state.seconds.get(name, 0.0) + time.monotonic() - began
        self.state.save()


def begin(folder: Path, quick: bool, seed: int, tell: Callable[[str], None]) -> State:
    """Go on with the demo that was interrupted in `folder`, or start anew; CairnError where it is somebody's own."""
    state = State.load(folder)
    if state is None and folder.exists() and any(folder.iterdir()):
        raise CairnError(
            f"{folder} is not empty and not a demo's workspace", hint="name another folder with --workspace"
        )
    if state is not None and not state.finished and (state.quick, state.seed) == (quick, seed):
        tell(f"going on with the demo in {folder}, which was interrupted")
        return state
    if state is not None:
        _clear(folder)
        tell(f"starting anew in {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    state = State(folder, seed, quick)
    state.save()
    return state


def _clear(folder: Path) -> None:
    """Remove an old demo, unless somebody has worked in it since; moved aside first, so that it goes whole."""
    if (folder / "cairn.toml").is_file() and (folder / "labels.db").is_file():
        workspace = Workspace.init(folder)
        with workspace.read() as session:
            campaigns = set(session.scalars(select(Campaign.slug))) - {VERIFY, CARS}
            releases = {f"{row.name}/{row.version}" for row in session.scalars(select(Release))} - {f"{RELEASE}/1"}
        workspace.close()
        if campaigns or releases:
            own = ", ".join(sorted(campaigns | releases))
            raise CairnError(
                f"{folder} holds more than the demo made: {own}",
                hint="run the demo with another --workspace, or remove the folder yourself",
            )
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    folder.rename(aside / folder.name)
    shutil.rmtree(aside)
