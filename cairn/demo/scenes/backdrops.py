"""Where a subject stands: a street, a field, water, a beach, a table, a floor.

A place goes with a group of categories, never with one of a pair that look alike, and is now and then unusual.
"""

from random import Random

import numpy as np
from PIL import Image, ImageDraw

from cairn.demo.scenes.canvas import Colour, ink, jittered, mix, scaled, smooth

__all__ = ["PLACES", "paint_backdrop"]

PLACES: dict[str, tuple[tuple[str, int], ...]] = {
    "street": (("street", 14), ("field", 4), ("beach", 1), ("floor", 1)),
    "water": (("water", 15), ("beach", 3), ("field", 1), ("floor", 1)),
    "table": (("table", 17), ("floor", 1), ("field", 1), ("beach", 1)),
    "pet": (("floor", 9), ("field", 8), ("street", 1), ("beach", 1), ("table", 1)),
}
_SKIES: list[tuple[Colour, Colour]] = [
    ((96, 152, 214), (206, 226, 240)), ((150, 178, 206), (226, 230, 232)), ((186, 190, 196), (218, 219, 220)),
    ((84, 104, 160), (244, 176, 120)), ((232, 196, 160), (246, 226, 190)), ((24, 30, 58), (70, 76, 110)),
]  # fmt: skip


def _gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    width, height = size
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    rows = np.asarray(top, np.float32) * (1 - ramp) + np.asarray(bottom, np.float32) * ramp
    return Image.fromarray(np.repeat(rows.astype(np.uint8)[:, None, :], width, axis=1))


def paint_backdrop(size: tuple[int, int], place: str, ground: float, rng: Random) -> Image.Image:
    """An RGB picture of `place`, `size` pixels; the ground or table begins at `ground` (fraction from the top)."""
    width, height = size
    horizon = int(height * ground)
    if place in ("table", "floor"):
        wall = jittered(
            rng.choice(
                [
                    (214, 206, 192),
                    (176, 190, 196),
                    (150, 164, 148),
                    (204, 178, 160),
                    (120, 124, 132),
                    (236, 234, 228),
                ]
            ),
            rng,
            18,
        )
        picture = _gradient(size, scaled(wall, rng.uniform(0.85, 1.05)), scaled(wall, rng.uniform(0.7, 0.95)))
        draw = ImageDraw.Draw(picture)
        _wall(draw, width, horizon, wall, rng)
        _boards(draw, width, height, horizon, rng, place)
        return picture
    top, low = rng.choice(_SKIES)
    picture = _gradient((width, height), jittered(top, rng), jittered(low, rng))
    draw = ImageDraw.Draw(picture)
    night = sum(top) < 130
    if rng.random() < 0.5 and not night:
        for _ in range(rng.randint(1, 4)):
            _cloud(
                draw,
                rng.uniform(0, width),
                rng.uniform(0, horizon * 0.6),
                width * rng.uniform(0.06, 0.16),
                mix(low, (255, 255, 255), 0.6),
            )
    haze = mix(low, (120, 130, 130), 0.5)
    if place == "street":
        _buildings(draw, width, horizon, haze, night, rng)
        _road(draw, width, height, horizon, rng)
    elif place == "field":
        _hills(draw, width, height, horizon, haze, rng)
        _meadow(draw, width, height, horizon, rng)
    else:
        if rng.random() < 0.6:
            _hills(draw, width, height, horizon, haze, rng)
        elif rng.random() < 0.5:
            _buildings(draw, width, horizon, haze, night, rng)
        _water(draw, width, height, horizon, low, rng)
        if place == "beach":
            sand = jittered((214, 192, 148), rng, 16)
            shore = horizon + (height - horizon) * 0.22
            edge = [(width * k / 6, shore + rng.uniform(-0.02, 0.02) * height) for k in range(7)]
            draw.polygon([*smooth(edge, False), (width, height), (0, height)], fill=ink(sand))
            _speckle(draw, width, int(shore), height, scaled(sand, 0.85), rng, 40)
    return picture


def _cloud(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    for dx, dy, k in ((-1.1, 0.15, 0.6), (-0.4, -0.1, 0.85), (0.4, 0.0, 0.8), (1.1, 0.18, 0.55)):
        draw.ellipse(
            (x + dx * r - k * r, y + dy * r - k * r * 0.6, x + dx * r + k * r, y + dy * r + k * r * 0.6),
            fill=ink(colour),
        )


def _hills(draw: ImageDraw.ImageDraw, width: int, height: int, horizon: int, haze: Colour, rng: Random) -> None:
    for layer in range(rng.randint(1, 3)):
        base = horizon - height * (0.14 - 0.05 * layer)
        colour = mix(haze, jittered((74, 112, 72), rng, 18), 0.3 + 0.25 * layer)
        crest = [(width * k / 5, base + rng.uniform(-0.07, 0.05) * height) for k in range(-1, 7)]
        draw.polygon([*smooth(crest, False), (width * 1.2, height), (-width * 0.2, height)], fill=ink(colour))


def _buildings(draw: ImageDraw.ImageDraw, width: int, horizon: int, haze: Colour, night: bool, rng: Random) -> None:
    x = -rng.uniform(0, 0.1) * width
    while x < width:
        w, h = rng.uniform(0.1, 0.26) * width, rng.uniform(0.25, 0.95) * horizon
        wall = mix(
            haze,
            jittered(rng.choice([(150, 96, 78), (170, 160, 146), (112, 118, 128), (196, 186, 168)]), rng, 16),
            rng.uniform(0.4, 0.9),
        )
        if night:
            wall = scaled(wall, 0.4)
        draw.rectangle((x, horizon - h, x + w, horizon), fill=ink(wall))
        if rng.random() < 0.3:
            draw.polygon(
                [(x, horizon - h), (x + w, horizon - h), (x + w / 2, horizon - h - w * 0.35)],
                fill=ink(scaled(wall, 0.75)),
            )
        columns, rows = rng.randint(2, 4), max(1, int(h / (0.1 * width)))
        pane = scaled(wall, rng.choice([0.62, 0.72, 1.2])) if not night else (206, 176, 96)
        for i in range(columns):
            for j in range(rows):
                if rng.random() < 0.85 - 0.4 * night:
                    px, py = x + w * (i + 0.25) / columns, horizon - h + h * (j + 0.25) / rows
                    draw.rectangle((px, py, px + w * 0.45 / columns, py + h * 0.5 / rows), fill=ink(pane))
        x += w + rng.choice([0, 0, 0.04 * width])


def _road(draw: ImageDraw.ImageDraw, width: int, height: int, horizon: int, rng: Random) -> None:
    asphalt = jittered(rng.choice([(92, 94, 98), (116, 114, 110), (70, 72, 78), (150, 146, 138)]), rng, 10)
    pavement = mix(asphalt, (190, 184, 174), 0.6)
    draw.rectangle((0, horizon, width, height), fill=ink(asphalt))
    kerb = horizon + (height - horizon) * rng.uniform(0.06, 0.25)
    draw.rectangle((0, horizon, width, kerb), fill=ink(pavement))
    draw.line((0, kerb, width, kerb), fill=ink(scaled(pavement, 0.75)), width=max(1, height // 90))
    if rng.random() < 0.7:
        y = kerb + (height - kerb) * rng.uniform(0.45, 0.85)
        dash, thick = width * rng.uniform(0.1, 0.2), max(2, height // 60)
        x = -rng.uniform(0, dash)
        while x < width:
            draw.rectangle((x, y, x + dash * 0.55, y + thick), fill=ink(mix(asphalt, (240, 238, 226), 0.8)))
            x += dash
    _speckle(draw, width, int(kerb), height, scaled(asphalt, 0.88), rng, 24)


def _meadow(draw: ImageDraw.ImageDraw, width: int, height: int, horizon: int, rng: Random) -> None:
    grass = jittered(
        rng.choice([(96, 140, 66), (124, 150, 74), (150, 146, 88), (82, 118, 64), (222, 226, 230)]), rng, 14
    )
    draw.rectangle((0, horizon, width, height), fill=ink(grass))
    for k in range(3):
        y = horizon + (height - horizon) * (0.2 + 0.28 * k)
        wave = [(width * i / 4, y + rng.uniform(-0.03, 0.03) * height) for i in range(-1, 6)]
        draw.polygon(
            [*smooth(wave, False), (width * 1.2, height), (-width * 0.2, height)],
            fill=ink(scaled(grass, 0.95 - 0.06 * k)),
        )
    blade = scaled(grass, 0.75)
    for _ in range(50):
        x, y = rng.uniform(0, width), rng.uniform(horizon, height)
        draw.line(
            (x, y, x + rng.uniform(-2, 2), y - height * rng.uniform(0.015, 0.04)),
            fill=ink(blade),
            width=max(1, width // 160),
        )


def _water(draw: ImageDraw.ImageDraw, width: int, height: int, horizon: int, sky: Colour, rng: Random) -> None:
    deep = mix(
        sky, jittered(rng.choice([(30, 84, 120), (40, 104, 110), (60, 78, 96)]), rng, 12), rng.uniform(0.45, 0.8)
    )
    draw.rectangle((0, horizon, width, height), fill=ink(deep))
    for _ in range(60):
        t = rng.random() ** 1.4
        y = horizon + (height - horizon) * t
        x, w = rng.uniform(-0.1, 1) * width, width * (0.04 + 0.14 * t) * rng.uniform(0.5, 1.3)
        tone = mix(deep, (255, 255, 255), 0.16) if rng.random() < 0.55 else scaled(deep, 0.88)
        draw.ellipse((x, y, x + w, y + height * (0.006 + 0.012 * t)), fill=ink(tone))


def _wall(draw: ImageDraw.ImageDraw, width: int, horizon: int, wall: Colour, rng: Random) -> None:
    style = rng.choice(["plain", "plain", "stripes", "tiles", "window", "frame", "shelf"])
    tone = scaled(wall, rng.choice([0.86, 0.92, 1.06]))
    if style == "stripes":
        step = width / rng.randint(6, 14)
        for k in range(0, 16, 2):
            draw.rectangle((k * step, 0, (k + 1) * step, horizon), fill=ink(tone))
    elif style == "tiles":
        step = width / rng.randint(5, 9)
        for k in range(1, 10):
            draw.line((k * step, 0, k * step, horizon), fill=ink(tone), width=max(1, width // 100))
            draw.line((0, horizon - k * step, width, horizon - k * step), fill=ink(tone), width=max(1, width // 100))
    elif style in ("window", "frame"):
        x, w, h = rng.uniform(0, 0.6) * width, rng.uniform(0.25, 0.45) * width, rng.uniform(0.4, 0.75) * horizon
        inside = (196, 220, 238) if style == "window" else jittered((150, 130, 110), rng, 50)
        draw.rectangle((x, horizon * 0.08, x + w, horizon * 0.08 + h), fill=ink((240, 238, 232)))
        m = w * 0.07
        draw.rectangle((x + m, horizon * 0.08 + m, x + w - m, horizon * 0.08 + h - m), fill=ink(inside))
        if style == "window":
            draw.rectangle(
                (x + w / 2 - m / 3, horizon * 0.08, x + w / 2 + m / 3, horizon * 0.08 + h), fill=(240, 238, 232)
            )
    elif style == "shelf":
        y = horizon * rng.uniform(0.35, 0.6)
        x = 0.0
        while x < width:
            w, h = width * rng.uniform(0.03, 0.08), horizon * rng.uniform(0.18, 0.34)
            draw.rectangle((x, y - h, x + w, y), fill=ink(jittered((140, 110, 96), rng, 60)))
            x += w * rng.choice([1.0, 1.0, 1.6])
        draw.rectangle((0, y, width, y + horizon * 0.05), fill=ink(scaled(wall, 0.6)))


def _boards(draw: ImageDraw.ImageDraw, width: int, height: int, horizon: int, rng: Random, place: str) -> None:
    top = jittered(
        rng.choice(
            [
                (168, 122, 78),
                (120, 84, 56),
                (206, 178, 138),
                (232, 230, 224),
                (96, 98, 104),
                (150, 60, 54),
                (90, 120, 140),
            ]
        ),
        rng,
        16,
    )
    draw.rectangle((0, horizon, width, height), fill=ink(top))
    style = rng.choice(
        ["grain", "boards", "cloth", "plain"] if place == "table" else ["boards", "boards", "rug", "plain"]
    )
    if style in ("grain", "boards"):
        vanish = (width * rng.uniform(0.3, 0.7), horizon - (height - horizon) * 0.9)
        for k in range(-6, 16):
            x = width * k / 9
            run = (height - horizon) / max(height - vanish[1], 1)
            draw.line(
                (x + (vanish[0] - x) * run, horizon, x, height),
                fill=ink(scaled(top, 0.84)),
                width=max(1, width // 140),
            )
    elif style == "cloth":
        other = mix(top, (255, 255, 255), 0.5)
        step = width / 8
        for i in range(-1, 9):
            for j in range(int((height - horizon) / (step * 0.5)) + 1):
                if (i + j) % 2:
                    draw.rectangle(
                        (i * step, horizon + j * step * 0.5, (i + 1) * step, horizon + (j + 1) * step * 0.5),
                        fill=ink(other),
                    )
    elif style == "rug":
        rug = jittered((150, 70, 70), rng, 50)
        cx, cy = width * rng.uniform(0.3, 0.7), (horizon + height) / 2
        rx, ry = width * 0.48, (height - horizon) * 0.42
        for ring, colour in ((1.0, rug), (0.86, mix(rug, (236, 224, 200), 0.6)), (0.78, scaled(rug, 0.9))):
            draw.ellipse((cx - rx * ring, cy - ry * ring, cx + rx * ring, cy + ry * ring), fill=ink(colour))
    draw.line((0, horizon, width, horizon), fill=ink(scaled(top, 0.6)), width=max(1, height // 80))


def _speckle(draw: ImageDraw.ImageDraw, width: int, top: int, bottom: int, colour: Colour, rng: Random, n: int) -> None:
    for _ in range(n):
        x, y = rng.uniform(0, width), rng.uniform(top, bottom)
        draw.ellipse((x, y, x + width * 0.012, y + width * 0.006), fill=ink(colour))
