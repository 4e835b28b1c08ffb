"""A disk of its own on which space ends: a tmpfs in a mount namespace, so that nothing outside sees it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house.front_door import Ran

SCRIPT = """
set -u
mount -t tmpfs -o size=$SIZE,mode=755 tmpfs "$PLACE" || exit 99
cd "$PLACE"
$BEFORE
$COMMAND >"$SAID" 2>"$ERRORS"; echo $? >"$CODE"
find . -name '*partial*' -o -name '*.tmp' -o -name lock | sort >"$LEFT"
find . -type f | grep -v filler | sort >"$FILES"
mount -o remount,size=200m tmpfs "$PLACE"
rm -f filler
$AGAIN_COMMAND >"$AGAIN" 2>"$AGAIN_ERRORS"; echo $? >>"$CODE"
find . -name '*partial*' -o -name '*.tmp' -o -name lock | sort >"$LEFT_AGAIN"
"""
FILL = "dd if=/dev/zero of=filler bs=1k 2>/dev/null; dd if=/dev/zero of=filler2 bs=1 2>/dev/null; rm -f filler2"
"""Leaves not a byte."""


_COMMAND_NAME = re.compile(r"(?<![\w/.-])cairn ")
"""The command, not the end of a path: a checkout may lie in a folder of that name."""


class FullDisk(NamedTuple):
    """What a command did where space ended, and the same command when there was room."""

    ran: Ran
    left: list[str]
    """Under temporary names, after the first run."""
    files: list[str]
    again: Ran
    left_again: list[str]


def on_a_full_disk(
    folder: Path, size: str, before: str, command: str, again: str | None = None, timeout: float = 180
) -> FullDisk:
    """Run `before`, then a command where space ends; then make room and run it (or `again`) once more."""
    if shutil.which("unshare") is None:
        _cannot("there is no `unshare` to make a disk of its own with")
    place = folder / "place"
    place.mkdir()
    names = ("SAID", "ERRORS", "CODE", "LEFT", "FILES", "AGAIN", "AGAIN_ERRORS", "LEFT_AGAIN")
    files = {name: folder / name.lower() for name in names}
    script = SCRIPT
    for name, words in (("$BEFORE", before), ("$AGAIN_COMMAND", again or command), ("$COMMAND", command)):
        script = script.replace(name, _COMMAND_NAME.sub(f"{sys.executable} -m cairn ", words))
    keep = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG")}
    ran = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "bash", "-c", script],
        env=keep | {"SIZE": size, "PLACE": str(place), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    **{name: str(path) for name, path in files.items()}},
        capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip
    if not files["CODE"].exists():
        _cannot(f"no tmpfs can be mounted in a namespace here: {ran.stderr.strip().splitlines()[-1:]}")
    first, second = (int(code) for code in files["CODE"].read_text().split())
    text = {name: path.read_text() for name, path in files.items()}
    return FullDisk(
        Ran(first, text["SAID"], text["ERRORS"]),
        text["LEFT"].split(),
        text["FILES"].split(),
        Ran(second, text["AGAIN"], text["AGAIN_ERRORS"]),
        text["LEFT_AGAIN"].split(),
    )


def _cannot(reason: str) -> None:
    """Skip, except where it must be possible: root on a machine that runs the checks."""
    if os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(f"{reason}: this machine runs the checks as root, give it CAP_SYS_ADMIN")
    pytest.skip(reason)
