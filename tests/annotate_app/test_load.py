"""The load of benchmarks/annotate.py, small: what counts is that nothing goes wrong, not how fast it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("database", ["sqlite", "postgres"], ids=["sqlite", "postgres"])
def test_under_load_nothing_is_lost_given_too_often_or_answered_with_an_error(tmp_path, database):
    out = tmp_path / "figures.json"
    command = [
        sys.executable, "benchmarks/annotate.py", "--items", "2000", "--database", database, "--clients", "4",
        "--seconds", "2", "--rate", "5", "--only", "steady", "sustained", "--json", str(out),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(out.read_text(encoding="utf-8"))
    for name in ("steady", "sustained"):
        found = figures[name]
        assert found["accepted"] > 0
        assert found["first_error"] is None
        counts = (found["errors"], found["over_assigned"], found["lost"], found["items_whose_count_is_wrong"])
        assert counts == (0, 0, 0, 0)
