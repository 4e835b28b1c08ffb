"""The items that rows mean, found for many rows at once, and what their answers are checked against."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.importing.pictures import SHA256, Pictures
from annotate_app.importing.rows import Asked, Row, word
from label_store import AnswerError, check_answer, slugify
from label_store.models import Attribute, Campaign, Category, Image, Item

_MODEL_LENGTH = 100
_LIKELY = 9
"""As many as have a key on the page."""
_SHOWN = {"true": True, "false": False}


@dataclass(frozen=True)
class Meant:
    """One item: what deciding about a row needs to know of it. `size`: (width, height) of its picture, pixels."""

    id: int
    sha256: str
    category_id: int | None
    category: str | None
    size: tuple[int, int]
    suggestion: dict[str, Any] | None


class Items:
    """The items of a campaign that some rows mean, read without locks: who changes them locks them first."""

    def __init__(
        self, session: Session, campaign: Campaign, pictures: Pictures, rows: Iterable[Row], *, skip_unknown: bool
    ) -> None:
        self._campaign = campaign
        self._pictures = pictures
        self._skip_unknown = skip_unknown
        self._slugs = [category.slug for category in campaign.categories]
        self._words = _words(campaign.categories)
        numbers, hashes = set[int](), set[str]()
        for row in rows:
            try:
                named = self._named(row)
            except AnswerError:
                continue  # told when the row is decided
            if isinstance(named, int):
                numbers.add(named)
            else:
                hashes.add(named)
        self._by_id: dict[int, Meant] = {}
        self._by_picture: dict[str, list[Meant]] = {}
        for asked in (Item.id.in_(numbers), Item.image_sha256.in_(hashes)):
            for meant in _read(session, campaign.id, asked):
                if meant.id not in self._by_id:
                    self._by_id[meant.id] = meant
                    self._by_picture.setdefault(meant.sha256, []).append(meant)
        self._schemas = _schemas(session, campaign.kind, {meant.category_id for meant in self._by_id.values()})

    def meant(self, row: Row) -> Meant:
        """The item of a row. AnswerError when there is none, or several."""
        named = self._named(row)
        if isinstance(named, int):
            found = [self._by_id[named]] if named in self._by_id else []
        else:
            found = self._by_picture.get(named, [])
            if row.category and any(item.category for item in found):
                slug = self._words.get(word(row.category))
                found = [item for item in found if item.category == slug]
        if not found:
            raise AnswerError(f"the campaign has no item {row.item or row.picture!r}")
        if len(found) > 1:
            raise AnswerError(
                f"{row.item or row.picture} is asked about several categories; a column category says which"
            )
        return found[0]

    def answer(self, row: Row, item: Meant) -> dict[str, Any]:
        """The row's answer in its normal form. AnswerError with what is wrong."""
        return self._checked(self._said(row, item), item)

    def suggestion(self, row: Row, item: Meant) -> dict[str, Any]:
        """The same, with `likely`, a list of categories, where the kind is classify and the answer has one."""
        return self._suggestion(self._said(row, item), item)

    def suggested(self, row: Row, item: Meant) -> tuple[dict[str, Any] | None, bool | None]:
        """What was suggested when the row was answered, and whether it was shown; (None, None) where it tells not both.

        AnswerError for a suggestion that does not fit the campaign's kind.
        """
        shown = _SHOWN.get(str(row.suggestion_shown).casefold())
        if row.suggested is None or shown is None:
            return None, None
        try:
            said = row.suggested(self._asked(item))
            found = self._suggestion(said, item)
            model = said.get("model")
            name = model_name(model) if isinstance(model, str) else ""
        except AnswerError as error:
            raise AnswerError(f"its suggestion: {error}") from error
        return found | ({"model": name} if name else {}), shown

    def _suggestion(self, said: Any, item: Meant) -> dict[str, Any]:
        answer = self._checked(said, item)
        likely = said.get("likely") if self._campaign.kind == "classify" else None
        if not isinstance(likely, list):
            return answer
        asked = self._asked(item)
        return answer | {"likely": [slug for name in likely[:_LIKELY] if (slug := asked.category(name))]}

    def _asked(self, item: Meant) -> Asked:
        return Asked(self._campaign.kind, item.size, self._words, self._skip_unknown)

    def _said(self, row: Row, item: Meant) -> Any:
        if row.size is not None and row.size != item.size:
            raise AnswerError(
                f"the file speaks of a picture of {row.size[0]} x {row.size[1]} pixels, "
                f"and this one has {item.size[0]} x {item.size[1]}"
            )
        return row.read(self._asked(item))

    def _checked(self, said: Any, item: Meant) -> dict[str, Any]:
        return check_answer(
            self._campaign.kind,
            said,
            categories=self._slugs,
            attributes=self._schemas.get(item.category_id or 0, ()),
            size=item.size,
        )

    def _named(self, row: Row) -> int | str:
        """The item's number, or the SHA-256 of its picture."""
        if not row.item:
            if not row.picture:
                raise AnswerError("there is no item")
            return self._pictures.named(row.picture)
        if row.item.isascii() and row.item.isdigit() and len(row.item) < 10:
            return int(row.item)
        return row.item.lower() if SHA256.fullmatch(row.item) else self._pictures.named(row.item)


def model_name(said: str) -> str:
    """A model's name as it is kept, cut short; AnswerError for one that PostgreSQL or a page could not show."""
    name = " ".join(said.split())[:_MODEL_LENGTH]
    if not name.isprintable():
        raise AnswerError("the model's name is not printable")
    return name


def _read(session: Session, campaign_id: int, asked: Any) -> Iterable[Meant]:
    rows = session.execute(
        select(
            Item.id, Item.image_sha256, Item.category_id, Category.slug, Image.width, Image.height, Item.suggestion
        )
        .join(Image, Image.sha256 == Item.image_sha256)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(Item.campaign_id == campaign_id, asked)
        .order_by(Item.id)
    )  # fmt: skip
    return [Meant(row[0], row[1], row[2], row[3], (row[4], row[5]), row[6]) for row in rows]


def _schemas(session: Session, kind: str, categories: set[int | None]) -> Mapping[int, list[dict[str, Any]]]:
    schemas: dict[int, list[dict[str, Any]]] = {}
    if kind == "attributes":
        asked = select(Attribute).where(Attribute.category_id.in_(categories)).order_by(Attribute.position)
        for attribute in session.scalars(asked):
            schemas.setdefault(attribute.category_id, []).append(attribute.as_schema())
    return schemas


def _words(categories: Iterable[Category]) -> dict[str, str]:
    """Slugs by everything that a category is called; what is a slug wins over what is a name."""
    slugs: dict[str, str] = {}
    for category in categories:
        for called in (category.name, *category.synonyms):
            slugs.setdefault(word(called), category.slug)
            slugs.setdefault(slugify(called), category.slug)
    return slugs | {word(category.slug): category.slug for category in categories}
