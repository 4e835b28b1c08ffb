"""Pictures, categories and people for the tests of the app."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from sqlalchemy import text

from annotate_app import add_person
from label_store import AttributeSpec, CategorySpec, Origin, Workspace, ingest, put_category
from tests.annotate_app.server import PASSWORD

COLOURS = {"car": (190, 60, 50), "boat": (50, 90, 190), "cup": (70, 150, 80)}


def draw(category: str, number: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """A PNG that differs in every pixel from the next one."""
    rng = np.random.default_rng([len(category), number])
    noise = rng.integers(-18, 18, (size[1], size[0], 3))
    ground = np.linspace(225, 175, size[1])[:, None, None] + noise
    image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    x, y = rng.integers(30, size[0] // 3), rng.integers(40, size[1] // 2)
    box = (x, y, x + size[0] // 2, y + size[1] // 3)
    if category == "cup":
        pen.ellipse(box, fill=COLOURS[category])
    else:
        pen.rounded_rectangle(box, 24 if category == "car" else 2, fill=COLOURS.get(category, (120, 120, 120)))
    pen.text((12, 10), f"{category} {number}", fill=(20, 20, 20))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def add_categories(workspace: Workspace) -> None:
    """car (with attributes), boat, cup."""
    with workspace.write() as session:
        put_category(
            session,
            CategorySpec(
                name="Car",
                definition="a road vehicle with four wheels for a few people",
                synonyms=("automobile",),
                attributes=(
                    AttributeSpec("type", ("saloon", "estate", "suv", "van")),
                    AttributeSpec("colour", ("red", "black", "white", "blue"), multiple=True),
                ),
            ),
        )
        put_category(session, CategorySpec(name="Boat", definition="a vessel that floats on water"))
        put_category(session, CategorySpec(name="Cup", definition="a small open vessel to drink from"))


def add_pictures(workspace: Workspace, category: str, number: int) -> list[str]:
    """That many pictures proposed for a category; their SHA-256s."""
    return [
        ingest(workspace, draw(category, k), Origin("test", f"file:///{category}/{k}.png", category=category)).sha256
        for k in range(number)
    ]


def add_people(workspace: Workspace, names: Sequence[str], role: str = "annotator") -> None:
    """People who all have the same password."""
    with workspace.write() as session:
        for name in names:
            add_person(session, name, PASSWORD, role)


def set_time_zone(workspace: Workspace, zone: str) -> None:
    """Of a PostgreSQL's database, as its administrator might; SQLite has none."""
    if workspace.engine.dialect.name == "postgresql":
        with workspace.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            name = connection.scalar(text("SELECT current_database()"))
            connection.execute(text(f"ALTER DATABASE {name} SET timezone TO '{zone}'"))
        workspace.engine.dispose()
