"""Draws the demo's pictures: eight categories in varied light, place, pose, clutter and camera.

A picture is decided by (seed, index) alone: scene choices come from Python's Mersenne twister,
                         sensor noise from
numpy's PCG64. Everything is drawn larger and reduced, so that edges look like a camera's.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cairn.demo.scenes.backdrops import PLACES, paint_backdrop
from cairn.demo.scenes.canvas import Subject, View
from cairn.demo.scenes.catalogue import CAR_COLOURS, CAR_TYPES, CATEGORIES, LOOKALIKES, make_subject
from cairn.demo.scenes.clutter import CLUTTER, draw_clutter

__all__ = ["CAR_COLOURS", "CAR_TYPES", "CATEGORIES", "LOOKALIKES", "SIZES", "Rendered", "category_of", "render"]

# Width and height in pixels.
SIZES: tuple[tuple[int, int], ...] = (
    (128, 128), (144, 108), (160, 120), (120, 90), (108, 144), (120, 160), (160, 160), (112, 96),
    (144, 96), (128, 112),
)  # fmt: skip
SUPERSAMPLING = 3


@dataclass(frozen=True)
class Rendered:
    """A picture and the truth about it."""

    image: Image.Image
    category: str
    attributes: dict[str, Any]
    box: tuple[float, float, float, float]
    """x, y, width, height of what is seen of the subject, pixels of the picture."""


@dataclass(frozen=True)
class Light:
    """How a scene is lit and photographed."""

    gain: tuple[float, float, float]
    contrast: float
    slope: tuple[float, float]
    vignette: float
    haze: float
    noise: float
    blur: float
    shake: float


def category_of(index: int) -> str:
    """Every run of eight neighbouring indices holds each category once."""
    return CATEGORIES[index % len(CATEGORIES)]


def render(seed: int, index: int, category: str | None = None) -> Rendered:
    """Draw picture `index` of the series `seed`; its category goes round with the index unless given.

    The same arguments give the same pixels.
    """
    rng = Random(f"cairn-demo-{seed}-{index}")
    grain = np.random.Generator(np.random.PCG64([seed, index]))
    subject = make_subject(category or category_of(index), rng)
    size = SIZES[rng.randrange(len(SIZES))]
    places, weights = zip(*PLACES[subject.setting], strict=True)
    place = rng.choices(places, weights)[0]
    light = _light(rng)
    width, height = size
    big = (width * SUPERSAMPLING, height * SUPERSAMPLING)

    ground = rng.uniform(0.38, 0.66)
    scene = paint_backdrop(big, place, ground, rng)
    _scatter(scene, place, ground, rng, behind=True)
    layer = Image.new("RGBA", big, (0, 0, 0, 0))
    view = _camera(ImageDraw.Draw(layer), subject, big, ground, rng)
    subject.draw(view)
    front = Image.new("RGBA", big, (0, 0, 0, 0))
    occluded = rng.random() < 0.16
    if occluded:
        _occlude(front, place, view, subject, rng)

    depth_of_field = rng.choice([0.0, 0.7, 1.3, 1.9])
    background = scene.reduce(SUPERSAMPLING)
    if depth_of_field:
        background = background.filter(ImageFilter.GaussianBlur(depth_of_field))
    figure = layer.reduce(SUPERSAMPLING)
    alpha = figure.getchannel("A")
    pixels = _shadowed(np.asarray(background, np.float32), view, subject, place, light)
    pixels = _over(pixels, _modelled(np.asarray(figure, np.float32), light))
    box = _box(alpha, size)
    if occluded:
        pixels = _over(pixels, np.asarray(front.reduce(SUPERSAMPLING), np.float32))
    if place == "water" and subject.setting == "water":
        pixels = _afloat(pixels, view, rng)
    return Rendered(_photograph(pixels, light, grain), subject.category, dict(subject.attributes), box)


def _light(rng: Random) -> Light:
    kind = rng.choices(["day", "dull", "golden", "dusk", "lamp", "fog"], [10, 4, 3, 1, 3, 1])[0]
    exposure = rng.uniform(0.92, 1.25)
    warmth = {"day": 0.0, "dull": -0.03, "golden": 0.14, "dusk": -0.12, "lamp": 0.1, "fog": -0.02}[kind]
    warmth += rng.uniform(-0.05, 0.05)
    if kind == "dusk":
        exposure *= 0.62
    angle = rng.uniform(0, math.tau)
    strength = rng.uniform(0.03, 0.25)
    return Light(
        gain=(exposure * (1 + warmth), exposure, exposure * (1 - warmth)),
        contrast=rng.uniform(0.85, 1.15),
        slope=(strength * math.cos(angle), strength * math.sin(angle)),
        vignette=rng.uniform(0.0, 0.28),
        haze=rng.uniform(0.25, 0.45) if kind == "fog" else rng.uniform(0.0, 0.06),
        noise=rng.uniform(1.5, 4.5) if kind != "dusk" else rng.uniform(4.0, 8.0),
        blur=rng.choice([0.0, 0.0, 0.0, 0.5, 0.8]),
        shake=rng.uniform(1.0, 3.0) if rng.random() < 0.06 else 0.0,
    )


def _camera(draw: ImageDraw.ImageDraw, subject: Subject, size: tuple[int, int], ground: float, rng: Random) -> View:
    """Where the subject stands in the picture, how large, and how it is turned."""
    width, height = size
    fill = rng.uniform(0.8, 1.04)
    scale = fill * min(width / subject.width, height * 0.98 / subject.height)
    tall, wide = subject.height * scale, subject.width * scale
    slack = max(0.0, width - wide)
    x = width / 2 + rng.uniform(-0.4, 0.4) * slack + rng.uniform(-0.04, 0.04) * width
    lowest, highest = height * 0.97, max(height * (ground + 0.08), tall * 1.02)
    y = rng.uniform(min(lowest, highest), max(lowest, highest))
    return View(
        draw, x, min(y, height * 1.02), scale,
        yaw=rng.uniform(*subject.yaw), pitch=rng.uniform(*subject.pitch), roll=rng.gauss(0, 0.05),
        flip=rng.random() < 0.5,
    )  # fmt: skip


def _scatter(scene: Image.Image, place: str, ground: float, rng: Random, behind: bool) -> None:
    """Things in the background, smaller the farther away; sometimes another subject far off."""
    width, height = scene.size
    draw = ImageDraw.Draw(scene)
    things = sorted(rng.random() for _ in range(rng.choice([0, 0, 1, 1, 2, 3])))
    for nearness in things:
        y = height * (ground + (1 - ground) * (0.03 + 0.3 * nearness))
        scale = height * (0.13 + 0.2 * nearness)
        view = View(
            draw, rng.uniform(0, width), y, scale, yaw=rng.uniform(-0.5, 0.5), pitch=0.15, flip=rng.random() < 0.5
        )
        draw_clutter(view, rng.choice(CLUTTER[place]), rng)
    if rng.random() < 0.06:
        other = make_subject(rng.choice(CATEGORIES), rng)
        scale = 0.2 * width / other.width
        x = rng.choice([0.08, 0.9]) * width
        other.draw(View(draw, x, height * (ground + 0.07), scale, yaw=rng.uniform(*other.yaw), pitch=0.1))


def _occlude(front: Image.Image, place: str, view: View, subject: Subject, rng: Random) -> None:
    """One thing close to the camera that hides a part of the subject."""
    x = view.x + rng.choice([-1, 1]) * rng.uniform(0.15, 0.5) * subject.width * view.scale
    scale = view.scale * subject.height * rng.uniform(0.3, 0.75)
    near = View(ImageDraw.Draw(front), x, min(view.y + 0.12 * scale, front.height * 1.03), scale, pitch=0.12)
    draw_clutter(near, rng.choice(CLUTTER[place]), rng)


def _shadowed(pixels: np.ndarray, view: View, subject: Subject, place: str, light: Light) -> np.ndarray:
    """A soft shadow on the ground below the subject: float32 [H, W, 3]."""
    height, width = pixels.shape[:2]
    k = 1 / SUPERSAMPLING
    shadow = Image.new("L", (width, height), 0)
    rx = subject.width * view.scale * k * 0.52
    ry = rx * (0.12 + 0.5 * math.sin(view.pitch))
    x, y = view.x * k - light.slope[0] * rx, view.y * k
    ImageDraw.Draw(shadow).ellipse((x - rx, y - ry, x + rx, y + ry), fill=150 if place != "water" else 70)
    soft = np.asarray(shadow.filter(ImageFilter.GaussianBlur(max(1.5, rx * 0.1))), np.float32)[..., None] / 255
    return pixels * (1 - 0.75 * soft)


def _modelled(figure: np.ndarray, light: Light) -> np.ndarray:
    """Roundness for a flat figure: brighter above, darker below and along its lower edge; float32 [H, W, 4]."""
    rows = np.flatnonzero(figure[..., 3].max(axis=1) > 8)
    if not len(rows):
        return figure
    ramp = np.clip((np.arange(figure.shape[0]) - rows[0]) / max(1, rows[-1] - rows[0]), 0, 1).astype(np.float32)
    shaded = figure.copy()
    shaded[..., :3] *= (1.08 - 0.26 * ramp**1.5)[:, None, None]
    return shaded


def _over(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """`above` (RGBA, straight alpha) over `below` (RGB), float32."""
    cover = above[..., 3:] / 255
    return below * (1 - cover) + above[..., :3] * cover


def _afloat(pixels: np.ndarray, view: View, rng: Random) -> np.ndarray:
    """Water up to the waterline: the mirrored hull, darker and rippled, below where the boat floats."""
    height = pixels.shape[0]
    line = int(view.y / SUPERSAMPLING) - 1
    depth = height - line
    if depth <= 2 or line < 4:
        return pixels
    rows = np.arange(depth)
    mirrored = pixels[np.clip(line - 1 - (rows * 0.8).astype(int), 0, line - 1)]
    sway = (1.6 * np.sin(rows * 0.9 + rng.uniform(0, 6))).astype(int)
    rippled = np.stack([np.roll(row, s, axis=0) for row, s in zip(mirrored, sway, strict=True)])
    fade = np.clip(0.5 - rows / max(12.0, depth * 0.9), 0, 0.5)[:, None, None].astype(np.float32)
    result = pixels.copy()
    result[line:] = pixels[line:] * (1 - fade) + rippled * 0.8 * fade
    return result


def _photograph(pixels: np.ndarray, light: Light, grain: np.random.Generator) -> Image.Image:
    """What the camera makes of the scene: light, haze, vignette, blur, shake and noise."""
    height, width = pixels.shape[:2]
    v, u = np.meshgrid(
        np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32), indexing="ij"
    )
    field = (1 + light.slope[0] * u + light.slope[1] * v) * (1 - light.vignette * (u * u + v * v) / 2)
    lit = pixels * field[..., None] * np.asarray(light.gain, np.float32)
    lit = 124 + (lit - 124) * light.contrast
    lit = lit * (1 - light.haze) + 205 * light.haze
    image = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    if light.blur:
        image = image.filter(ImageFilter.GaussianBlur(light.blur))
    if light.shake:
        image = image.filter(ImageFilter.BoxBlur((light.shake, 0)))
    noisy = np.asarray(image, np.float32) + light.noise * grain.standard_normal((height, width, 3), np.float32)
    return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))


def _box(alpha: Image.Image, size: tuple[int, int]) -> tuple[float, float, float, float]:
    found = alpha.point(lambda a: 255 if a > 96 else 0).getbbox()
    x0, y0, x1, y1 = found or (0, 0, *size)
    return (float(x0), float(y0), float(x1 - x0), float(y1 - y0))
