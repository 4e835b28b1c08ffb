"""A store with settled pictures, and recipes small enough for tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder import Recipe, recipe_from
from label_store import Workspace
from tests.dataset_builder.scenes import Store


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return Store(workspace)


@pytest.fixture
def small() -> Callable[..., Recipe]:
    """A recipe for small pictures; keyword arguments are top-level keys."""

    def make(**keys: Any) -> Recipe:
        return recipe_from({"pixels": {"size": 48}} | keys)

    return make


def hashes(folder: Path) -> dict[str, str]:
    import hashlib

    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
