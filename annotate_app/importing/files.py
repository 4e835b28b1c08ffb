"""Which reader reads a file: by the format's name, else by its ending and what is in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from annotate_app.importing import archives, json_documents, label_studio_tasks, tables
from annotate_app.importing.coco import coco_rows
from annotate_app.importing.rows import Bad, Row
from annotate_app.importing.voc import voc_rows
from annotate_app.importing.yolo import yolo_rows
from label_store import UsageError

_DRAWN = ("boxes", "polygons")


@dataclass(frozen=True)
class Wanted:
    """What is read of a file. `predictions`: what a model says, where a format tells it from what people say.

    `names_people`: a table must have a column that says who answered.
    """

    predictions: bool = False
    names_people: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that a table must have."""
        return ("item", "annotator", "answer") if self.names_people else ("item", "answer")


@dataclass(frozen=True)
class Format:
    """A format of imports: what reads it, and for which kinds of campaign."""

    read: Callable[[Path, Wanted], Iterator[Row | Bad]]
    kinds: tuple[str, ...] | None = None


FORMATS: dict[str, Format] = {
    "csv": Format(lambda file, wanted: tables.csv_rows(file, wanted.columns)),
    "jsonl": Format(lambda file, wanted: tables.jsonl_rows(file, wanted.columns)),
    "parquet": Format(lambda file, wanted: tables.parquet_rows(file, wanted.columns)),
    "label-studio": Format(lambda file, wanted: label_studio_tasks.rows(file, predictions=wanted.predictions)),
    "coco": Format(lambda file, _: coco_rows(file), _DRAWN),
    "yolo": Format(lambda place, _: yolo_rows(place), _DRAWN),
    "voc": Format(lambda place, _: voc_rows(place), ("boxes",)),
}


def rows_of(file: Path, kind: str, name: str = "", wanted: Wanted | None = None) -> Iterator[Row | Bad]:
    """The rows of a file for a campaign of a kind; `name` is the format's, else it is found out.

    Raises UsageError when the file cannot be read as that, lacks a column, or says nothing that the kind asks for.
    """
    there = [known for known, form in FORMATS.items() if form.kinds is None or kind in form.kinds]
    if name and name not in FORMATS:
        raise UsageError(f"there is no format {name!r}", hint=f"choose {', '.join(there)}")
    try:
        name = name or _found_out(file)
        if name not in there:
            raise UsageError(
                f"{file} is read as {name}, which says nothing for a campaign of {kind}",
                hint=f"choose --format {', '.join(there)}",
            )
        yield from FORMATS[name].read(file, wanted or Wanted())
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror or error}", hint=f"give a file of {', '.join(there)}"
        ) from error


def _found_out(file: Path) -> str:
    ending = file.suffix.lower()
    if ending in (".csv", ".tsv", ".txt"):
        return "csv"
    if ending in (".jsonl", ".ndjson"):
        return "jsonl"
    if ending == ".parquet":
        return "parquet"
    if ending == ".json":
        return "label-studio" if json_documents.opens_with(file) == "[" else "coco"
    if file.is_dir() or ending in (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"):
        return _of_archive(file)
    return "csv"


def _of_archive(place: Path) -> str:
    endings = (".xml", ".txt")
    seen = partial(next, archives.entries(place, lambda name: PurePosixPath(name).suffix.lower() in endings), None)
    while (entry := seen()) is not None:
        name = PurePosixPath(entry.place if isinstance(entry, Bad) else entry[0])
        if name.suffix.lower() == ".xml":
            return "voc"
        if name.name.lower() not in ("classes.txt", "readme.txt"):
            return "yolo"
    raise UsageError(
        f"{place} holds neither label files of YOLO (.txt) nor of Pascal VOC (.xml)", hint="name it with --format"
    )
