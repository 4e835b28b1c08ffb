"""Where the real pictures and judgments that some tests use are kept; they are not part of the project."""

import os
from pathlib import Path

import pytest


def shared_data() -> Path:
    """The folder with the real data sets (`CAIRN_DATA`, else `../shared/data`), or skip the test."""
    folder = Path(os.environ.get("CAIRN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"the real data sets are not at {folder}; set CAIRN_DATA to their folder")
    return folder
