"""Rows to and from SQLite in one step of its engine each way, however many they are.

Python's sqlite3 lets go of the interpreter at every row, and in a process of many threads waits for its turn again
after each; rows that travel as one JSON text wait once (docs/decisions/012-a-lease-costs-the-same.md). PostgreSQL's
driver fetches and sends rows in bulk by itself.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Table, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

Query = Select[*tuple[Any, ...]]
Maker = Callable[[Any], Any] | None


def fetch(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What `connection.execute(query, parameters)` gives, as plain tuples, in no promised order.

    What is remembered of a query is found by its identity: give one that was built once and lives on.
    """
    if connection.dialect.name != "sqlite":
        return [tuple(row) for row in connection.execute(query, parameters)]
    whole, makers = _as_json(query, connection.dialect)
    rows = json.loads(connection.execute(whole, parameters).scalar_one())
    for position, make in enumerate(makers):
        if make is not None:
            for row in rows:
                row[position] = make(row[position])
    return [tuple(row) for row in rows]


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, replace: bool = False
) -> None:
    """Insert rows that all have the same keys; with `replace` over those that have the same primary key."""
    if not rows:
        return
    names = tuple(rows[0])
    if connection.dialect.name != "sqlite":
        connection.execute(_insert(table, names, replace), list(rows))
        return
    sql, makers = _insert_json(table, names, replace, connection.dialect)
    values = [
        [row[name] if make is None else make(row[name]) for name, make in zip(names, makers, strict=True)]
        for row in rows
    ]
    connection.exec_driver_sql(sql, (json.dumps(values),))


@lru_cache(maxsize=256)
def _as_json(query: Query, dialect: Dialect) -> tuple[Query, tuple[Maker, ...]]:
    rows = query.subquery()
    makers = tuple(_implementation(column.type, dialect).result_processor(dialect, None) for column in rows.c)
    return select(func.json_group_array(func.json_array(*rows.c))), makers


@lru_cache(maxsize=64)
def _insert(table: Table, names: tuple[str, ...], replace: bool) -> postgresql.Insert:
    statement = postgresql.insert(table)
    if not replace:
        return statement
    keys = [column.name for column in table.primary_key]
    written = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=written)


@lru_cache(maxsize=64)
def _insert_json(
    table: Table, names: tuple[str, ...], replace: bool, dialect: Dialect
) -> tuple[str, tuple[Maker, ...]]:
    values = ", ".join(f"json_extract(value, '$[{k}]')" for k in range(len(names)))
    # Names of our own tables and columns; every value is bound.
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {values} FROM json_each(?) WHERE true"  # noqa: S608  no text of anybody's
    if replace:
        keys = [column.name for column in table.primary_key]
        written = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
        sql += f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {written}"
    return sql, tuple(_implementation(table.c[name].type, dialect).bind_processor(dialect) for name in names)


def _implementation(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
