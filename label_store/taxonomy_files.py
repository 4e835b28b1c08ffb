"""Files of categories: which reader and writer a file has, and the taxonomies that are shipped with the package."""

from collections.abc import Callable, Sequence
from pathlib import Path

from label_store.errors import CairnError, UsageError
from label_store.taxonomy_csv import from_csv, to_csv
from label_store.taxonomy_specs import CategorySpec
from label_store.taxonomy_toml import from_toml, to_toml

SHIPPED = Path(__file__).parent / "data"
"""Taxonomies that come with the package; `import NAME` reads NAME.csv from here."""


def shipped_taxonomies() -> list[str]:
    """Names of the taxonomies that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.csv"))


def find_taxonomy(name: str) -> Path:
    """The file of this path, else the shipped taxonomy of this name; UsageError otherwise."""
    path = Path(name)
    if path.is_file():
        return path
    if name in shipped_taxonomies():
        return SHIPPED / f"{name}.csv"
    raise UsageError(
        f"there is no file {name}",
        hint=f"give a CSV or TOML file of categories, or the name of one that is shipped: "
        f"{', '.join(shipped_taxonomies())}",
    )


def read_taxonomy(path: Path) -> list[CategorySpec]:
    """Categories from a TOML or CSV file; UsageError names the row that is wrong."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}", hint="give a CSV or TOML file of categories")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text (byte {error.start})", hint="save it as CSV UTF-8 or as TOML"
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    specs = from_toml(text, path) if path.suffix.lower() == ".toml" else from_csv(text, path)
    for spec in specs:
        spec.check()
    return specs


def write_taxonomy(path: Path, specs: Sequence[CategorySpec]) -> None:
    """Write what `read_taxonomy` reads back the same, as TOML or CSV by the file's ending."""
    writers: dict[str, Callable[[Sequence[CategorySpec]], str]] = {".toml": to_toml, ".csv": to_csv}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"{path} is neither .csv nor .toml", hint="the ending says which format is written")
    try:
        path.write_bytes(write(specs).encode())
    except OSError as error:
        raise CairnError(f"{path} cannot be written: {error.strerror or error}") from error
