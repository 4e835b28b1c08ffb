"""Rows of a file, some hundred a transaction: how many at once, which items they lock, what became of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.importing.rows import Bad, Row
from label_store.models import Item

ROWS_AT_ONCE = 500
BYTES_AT_ONCE = 64 * 2**20
"""Of content that rows of one chunk hold; the row that reaches it is the last."""
SHOWN = 20
"""So many bad rows are kept in the result; all are counted and told as they are met."""
Progress = Callable[[int, int | None, str], None]
Told = Callable[[Bad], None]


@dataclass
class ImportResult:
    """What became of the rows. `duplicate`: known already; `bad`: the first of the refused ones."""

    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    bad: list[Bad] = field(default_factory=list)

    def refuse(self, bad: Bad, told: Told | None) -> None:
        """Count a bad row."""
        self.refused += 1
        if len(self.bad) < SHOWN:
            self.bad.append(bad)
        if told:
            told(bad)


def chunks(
    rows: Iterator[Row | Bad], result: ImportResult, progress: Progress | None, told: Told | None
) -> Iterator[list[Row]]:
    """The good rows, some at a time; bad ones are counted."""
    done = 0
    for some in _portions(rows):
        for bad in some:
            if isinstance(bad, Bad):
                result.refuse(bad, told)
        yield [row for row in some if isinstance(row, Row)]
        done += len(some)
        if progress:
            progress(done, None, f"{result.refused:,} refused" if result.refused else "")


def lock_items(session: Session, items: set[int]) -> set[int]:
    """Lock these items in the order of their ids until the transaction ends; those that are gold.

    What was read of an item before is only a hint: somebody may have made it gold until the lock was ours.
    """
    if not items:
        return set()
    asked = select(Item.id, Item.gold.is_not(None)).where(Item.id.in_(items)).order_by(Item.id)
    return {item for item, gold in session.execute(asked.with_for_update(key_share=True)) if gold}


def _portions(rows: Iterator[Row | Bad]) -> Iterator[list[Row | Bad]]:
    some: list[Row | Bad] = []
    held = 0
    for row in rows:
        some.append(row)
        held += row.bytes if isinstance(row, Row) else 0
        if len(some) >= ROWS_AT_ONCE or held >= BYTES_AT_ONCE:
            yield some
            some, held = [], 0
    if some:
        yield some
