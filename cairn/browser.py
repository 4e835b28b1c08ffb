"""Where a Chromium is, for tests, screenshots and `cairn doctor`."""

import os
import shutil
from pathlib import Path


def find_chromium() -> Path | None:
    """CAIRN_CHROMIUM, else Playwright's own download, else the system's; None when there is none."""
    given = os.environ.get("CAIRN_CHROMIUM")
    if given:
        return Path(given)
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    for pattern in (
        "chromium-*/chrome-linux*/chrome",
        "chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
    ):
        for path in sorted(cache.glob(pattern), reverse=True):
            return path
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        found = shutil.which(name)
        if found:
            return Path(found)
    return None
