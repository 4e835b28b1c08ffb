"""One small site for all the tests that read it."""

from pathlib import Path

import pytest

from cairn.demo.site import SiteTruth, build_site


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build_site(folder, seed=5, quick=True, pictures=160, workers=1)
    return folder


@pytest.fixture(scope="session")
def truth(site_folder: Path) -> SiteTruth:
    return SiteTruth.load(site_folder)
