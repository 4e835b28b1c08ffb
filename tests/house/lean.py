"""An installation with some extras and no others: a folder of links to the packages that pip would have put there.

What the extras need is read from the project's metadata as pip reads it, so nothing has to be downloaded.
"""

import os
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.front_door import FrontDoor

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def needed(extras: Iterable[str]) -> set[str]:
    """The names of all distributions that `pip install 'cairn-dataset[EXTRAS]'` installs, as far as they are here."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    waiting = [Requirement(text) for text in texts]
    found: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        for extra in {"", *wanted.extras} - {extra for name, extra in found if name == canonicalize_name(wanted.name)}:
            try:
                requires = map(Requirement, distribution(wanted.name).requires or [])
            except PackageNotFoundError:
                continue  # not every package of this project is for this machine
            found.add((canonicalize_name(wanted.name), extra))
            waiting += [one for one in requires if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def lean_door(folder: Path, extras: Iterable[str]) -> FrontDoor:
    """The command line where only these extras are installed; `-S` keeps this environment's other packages out."""
    for name in needed(extras):
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(distribution(name).locate_file(top))  # type: ignore[arg-type]  # a path, not only alike
    return FrontDoor(
        (sys.executable, "-S"), "import label_store, cairn.cli\n", os.pathsep.join((str(folder), str(ROOT)))
    )
