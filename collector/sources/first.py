"""The first pictures of another source: to try a list or a site before all of it is fetched."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from collector.found import Candidate, Categories, Context, Found, Source


@dataclass(frozen=True)
class First:
    """Ends after `limit` candidates. A list names the same ones again; of a site other pages may arrive first."""

    source: Source
    limit: int

    @property
    def name(self) -> str:
        """The source's own: what came is its."""
        return self.source.name

    def named_categories(self) -> Collection[str]:
        """Those of the source."""
        return self.source.named_categories()

    def check(self, categories: Categories, category: str | None) -> None:
        """As the source does."""
        self.source.check(categories, category)

    def total(self) -> int | None:
        """No more than the limit."""
        total = self.source.total()
        return None if total is None else min(total, self.limit)

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """The source's own, up to the limit."""
        left = self.limit
        found = self.source.candidates(context)
        async for one in found:
            yield one
            left -= isinstance(one, Candidate)
            if left == 0:
                break
        close = getattr(found, "aclose", None)
        if close is not None:  # a crawl has pages on their way
            await close()
