"""What a run did: counts that are right because they are made after the commit, and the rows that were bad."""

import csv
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from collector.found import BadRow

REFUSED = ("robots", "opted_out", "private_address", "takedown")
"""Reasons by which we chose not to take a picture; the others are failures."""
_EXAMPLES = 5
_UNKNOWN_NAMES = 20
_OTHERS = "others"


@dataclass(frozen=True)
class CollectReport:
    """The result of one run. Pictures that earlier runs brought are in `already`, never counted as new."""

    source: str
    new_images: int
    """Different pictures that the store did not hold."""
    new_candidates: int
    """Proposals of a picture for a category."""
    fetched: int
    """Addresses that brought a picture now; `fetched - new_images` of them were known by their bytes."""
    without_category: int
    """Of those, the ones proposed for no category."""
    already: int
    """Addresses settled by an earlier run: fetched, or failed for good."""
    already_left_out: Mapping[str, int]
    """Of those, the ones that brought no picture, by reason."""
    waiting: int
    """Addresses that asked to be tried later."""
    refused: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    bad_rows: int = 0
    bad_row_examples: tuple[str, ...] = ()
    bad_rows_file: Path | None = None
    pages: int = 0
    pages_left_out: Mapping[str, int] = field(default_factory=dict)
    unknown_categories: Mapping[str, int] = field(default_factory=dict)
    """Pages whose path names, by the pattern, what is no category; by that name."""
    bytes: int = 0
    """Of the pictures fetched now."""
    seconds: float = 0.0

    @property
    def nothing_left(self) -> bool:
        """Whether everything had been settled before."""
        new = self.fetched or self.refused or self.failed or self.new_candidates or self.bad_rows
        return bool(self.already) and not new

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        values = asdict(self)
        values["bad_rows_file"] = str(self.bad_rows_file) if self.bad_rows_file else None
        return values


@dataclass
class Tally:
    """The counts of a run while it goes on."""

    new_images: int = 0
    new_candidates: int = 0
    fetched: int = 0
    without_category: int = 0
    already: int = 0
    already_left_out: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    settled: int = 0
    bytes: int = 0
    pages: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    pages_left_out: Counter[str] = field(default_factory=Counter)
    unknown_categories: Counter[str] = field(default_factory=Counter)

    def unknown_category(self, name: str) -> None:
        """A page whose path names no category; of the names, which a site may have without end, the first are kept."""
        known = name in self.unknown_categories or len(self.unknown_categories) < _UNKNOWN_NAMES
        self.unknown_categories[name[:100] if known else _OTHERS] += 1

    def settle(self, mentions: int) -> None:
        """So many of the source's candidates are at their end."""
        self.settled += mentions

    def report(self, source: str, seconds: float, bad: "BadRows") -> CollectReport:
        """The counts as they are now."""
        return CollectReport(
            source=source,
            new_images=self.new_images,
            new_candidates=self.new_candidates,
            fetched=self.fetched,
            without_category=self.without_category,
            already=self.already,
            already_left_out=dict(sorted(self.already_left_out.items())),
            waiting=self.waiting,
            refused={reason: n for reason, n in sorted(self.reasons.items()) if reason in REFUSED},
            failed={reason: n for reason, n in sorted(self.reasons.items()) if reason not in REFUSED},
            bad_rows=bad.count,
            bad_row_examples=tuple(bad.examples),
            bad_rows_file=bad.path if bad.count else None,
            pages=self.pages,
            pages_left_out=dict(sorted(self.pages_left_out.items())),
            unknown_categories=dict(sorted(self.unknown_categories.items())),
            bytes=self.bytes,
            seconds=seconds,
        )


class BadRows:
    """The rows of this run's input that could not be used: a CSV file of where and why, whole when it is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.examples: list[str] = []
        self._file: IO[str] | None = None
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def add(self, row: BadRow) -> None:
        """Record and count one."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("where", "why", "rows"))
        self._writer.writerow((row.where, row.why, row.rows))
        self.count += row.rows
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{row.where}: {row.why}")

    def close(self) -> None:
        """Put the file in place; an older run's file goes when there was nothing bad."""
        if self._file is None:
            self.path.unlink(missing_ok=True)
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self.path)
