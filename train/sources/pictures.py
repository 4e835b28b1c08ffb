"""Any pictures without labels: a folder, one file, or a text file of URLs; what cannot be read is named, not fatal."""

import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.error import URLError

from PIL import Image

from train.errors import TrainError
from train.sources.folder import pictures_in
from train.sources.kinds import EXTENSIONS, decode

TIMEOUT = 30.0  # seconds that a server may take
LARGEST = 64 << 20  # bytes of one picture
AHEAD = 8


def list_pictures(place: Path) -> list[str]:
    """Paths or URLs. TrainError (exit code 2) where there are none."""
    if place.is_dir():
        found = [str(file) for file in pictures_in(place)]
    elif place.suffix.lower() in EXTENSIONS and place.is_file():
        found = [str(place)]
    elif place.is_file():
        lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
        found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    else:
        raise TrainError(f"There is nothing at {place}.", "give a folder, a picture, or a file with a URL a line", 2)
    if not found:
        raise TrainError(f"{place} holds no pictures.", "give a folder, a picture, or a file with a URL a line", 2)
    return found


def read_pictures(names: list[str], workers: int, least: int = 0) -> Iterator[tuple[str, Image.Image | str]]:
    """Each name with its RGB picture (reduced as `decode` does), or the sentence why there is none; in order."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for start in range(0, len(names), AHEAD * max(1, workers)):
            piece = names[start : start + AHEAD * max(1, workers)]
            yield from zip(piece, pool.map(partial(read_one, least=least), piece), strict=True)


def read_one(name: str, least: int) -> Image.Image | str:
    """A picture by its path or URL, or why not."""
    try:
        return decode(fetch(name) if "://" in name else Path(name).read_bytes(), name, least)
    except TrainError as error:
        return str(error)
    except (OSError, ValueError, URLError) as error:
        return f"{name} cannot be read ({error})."


def fetch(url: str) -> bytes:
    """The bytes at a URL of http or https."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("only http and https are fetched")
    asked = urllib.request.Request(url, headers={"User-Agent": "cairn-train/0.1 (pictures named by a user)"})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:  # noqa: S310  # the scheme was checked
        data: bytes = answer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it has more than {LARGEST >> 20} MiB")
    return data
