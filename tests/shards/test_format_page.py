"""docs/format.md tells the truth: its reader reads, its constants are the writer's."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from shards import Manifest, SplitIndex, open_release, tar
from tests.shards.make import make_release

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text()


def test_the_reader_on_the_page_reads_a_sample(tmp_path: Path) -> None:
    program = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert program is not None
    path = make_release(tmp_path)
    command = [sys.executable, "-c", program.group(1), str(path), "train", "17"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    release = open_release(path)
    sample = release.split("train").read(17)
    name = release.categories[sample.label].name
    assert done.stdout.splitlines() == [
        f"release {release.release_id}",
        f"{sample.key}.jpg {len(sample.image)} bytes label {sample.label} {name}",
    ]


def test_every_field_is_on_the_page() -> None:
    for field in fields(Manifest) + fields(SplitIndex):
        assert f"`{field.name}`" in PAGE, field.name


def test_the_fixed_time_is_the_writers() -> None:
    octal = re.search(r"octal `(\d+)`", PAGE)
    assert octal is not None
    assert int(octal.group(1), 8) == tar.MTIME
    assert octal.group(1).encode() in tar.header("a.jpg", 0)
