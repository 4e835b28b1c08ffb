"""Imports: rows a second and peak memory of each format, a file of N rows and one of 4 N, so that growth would show.

    python -m benchmarks.imports --rows 100000 --out imports.json

Each import runs in a process of its own, on SQLite, into a campaign of as many items as a tenth of the rows (tables,
tasks) or as rows (boxes). There is no peer beside it: Label Studio and CVAT import over HTTP into servers of their own.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from annotate_app.importing import ImportWish, import_judgments
from benchmarks.annotating.campaign import SLUG, fill
from label_store import Workspace
from label_store.models import Campaign, Item

PEOPLE = 10
BOX = {"category": "boat", "x": 10.0, "y": 20.0, "w": 200.0, "h": 90.0, "crowd": False}


def main() -> None:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        _one(*given.one)
        return
    found = [measured(name, number) for name in WRITERS for number in (given.rows, 4 * given.rows)]
    for row in found:
        print("{format:14} {rows:>9,} rows {wall:7.1f} s {per_cpu:9,.0f} rows/CPU-s {peak_mib:6.0f} MiB".format(**row))
    if given.out:
        machine = {"machine": platform.platform(), "cpus": os.cpu_count(), "load": os.getloadavg()}
        given.out.write_text(json.dumps({**machine, "imports": found}, indent=1))


def measured(name: str, number: int) -> dict[str, Any]:
    """One import of so many rows."""
    drawn = name in ("coco", "yolo", "voc")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        workspace = fill(folder / "workspace", number if drawn else number // PEOPLE, 1, 0).workspace
        with workspace.write() as session:
            if drawn:
                session.execute(update(Campaign).values(kind="boxes"))
                session.execute(update(Item).values(category_id=None))
            pictures = list(session.scalars(select(Item.image_sha256).order_by(Item.id)))
        workspace.close()
        file = folder / f"rows{ENDINGS[name]}"
        WRITERS[name](file, pictures, number)
        command = [sys.executable, "-m", "benchmarks.imports", "--one", str(workspace.folder), str(file), name]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {"format": name, "rows": number, **json.loads(said)}


def _one(folder: str, file: str, name: str) -> None:
    workspace = Workspace.open(Path(folder))
    began, cpu = time.perf_counter(), time.process_time()
    result = import_judgments(workspace, SLUG, Path(file), ImportWish(format=name, annotator="an old hand"))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert result.refused == 0, result.bad
    # Of this program alone: what getrusage tells is at least what the process was before it became this program.
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "per_cpu": result.accepted / cpu, "peak_mib": peak}))


def _said(pictures: list[str], number: int) -> Iterator[tuple[str, str, str]]:
    for k in range(number):
        yield pictures[k // PEOPLE], f"old-hand-{k % PEOPLE}", "yes" if k % 7 else "no"


def _csv(file: Path, pictures: list[str], number: int) -> None:
    with file.open("w") as opened:
        opened.write("item,annotator,answer\n")
        opened.writelines(f"{','.join(row)}\n" for row in _said(pictures, number))


def _jsonl(file: Path, pictures: list[str], number: int) -> None:
    names = ("item", "annotator", "answer")
    with file.open("w") as opened:
        opened.writelines(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in _said(pictures, number))


def _parquet(file: Path, pictures: list[str], number: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = zip(*_said(pictures, number), strict=True)
    table = pa.table(dict(zip(("item", "annotator", "answer"), map(list, columns), strict=True)))
    pq.write_table(table, file, row_group_size=50_000)


def _label_studio(file: Path, pictures: list[str], number: int) -> None:
    with file.open("w") as opened:
        opened.write("[")
        for k, picture in enumerate(pictures):
            said = [
                {"completed_by": f"old-hand-{p}",
                 "result": [{"type": "choices", "from_name": "answer", "value": {"choices": ["yes"]}}]}
                for p in range(PEOPLE)
            ]  # fmt: skip
            opened.write((",\n" if k else "\n") + json.dumps({"data": {"sha256": picture}, "annotations": said}))
        opened.write("\n]\n")


def _coco(file: Path, pictures: list[str], number: int) -> None:
    sides = [BOX["x"], BOX["y"], BOX["w"], BOX["h"]]
    document = {
        "categories": [{"id": 1, "name": "boat"}],
        "annotations": [{"id": k, "image_id": k, "category_id": 1, "bbox": sides} for k in range(number)],
        "images": [{"id": k, "file_name": f"{picture}.jpg"} for k, picture in enumerate(pictures)],
    }
    file.write_text(json.dumps(document))


def _archive(ending: str, first: dict[str, str], text: str) -> Callable[[Path, list[str], int], None]:
    def write(file: Path, pictures: list[str], number: int) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in first.items():
                archive.writestr(name, content)
            for picture in pictures:
                archive.writestr(f"labels/{picture}{ending}", text.format(picture))

    return write


_VOC = (
    "<annotation><filename>{}.jpg</filename><object><name>boat</name><bndbox><xmin>11</xmin><ymin>21</ymin>"
    "<xmax>210</xmax><ymax>110</ymax></bndbox></object></annotation>"
)
WRITERS: dict[str, Callable[[Path, list[str], int], None]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "label-studio": _label_studio,
    "coco": _coco,
    "yolo": _archive(".txt", {"data.yaml": "names: [boat]\n"}, "0 0.5 0.5 0.25 0.25\n"),
    "voc": _archive(".xml", {}, _VOC),
}
ENDINGS = {name: f".{name}" for name in WRITERS} | {
    "label-studio": ".json",
    "coco": ".json",
    "yolo": ".zip",
    "voc": ".zip",
}

if __name__ == "__main__":
    main()
