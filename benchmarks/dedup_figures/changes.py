"""The changes that copies on the web went through, each from a picture to the bytes of a file; mild ones and hard ones.

A crop of x % keeps a window of (100 - x) % of both sides at a random place. Rotation leaves black corners for every
second picture and cuts them away for the others. Everything random comes from the generator given.
"""

import io
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Random = np.random.Generator
Change = Callable[[Image.Image, Random], bytes]


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """A JPEG with 4:2:0 colours."""
    return _encoded(image, "JPEG", quality=quality, subsampling="4:2:0")


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _encode(kind: str, **options: object) -> Change:
    return lambda image, random: _encoded(image, kind, **options)


def _drawn(change: Callable[[Image.Image, Random], Image.Image]) -> Change:
    return lambda image, random: jpeg(change(image, random))


def _resize(factor: float) -> Change:
    def change(image: Image.Image, random: Random) -> Image.Image:
        size = (max(8, round(image.width * factor)), max(8, round(image.height * factor)))
        return image.resize(size, Image.Resampling.BICUBIC)

    return _drawn(change)


def _crop(share: float) -> Change:
    def change(image: Image.Image, random: Random) -> Image.Image:
        width, height = round(image.width * (1 - share)), round(image.height * (1 - share))
        left, top = int(random.integers(image.width - width + 1)), int(random.integers(image.height - height + 1))
        return image.crop((left, top, left + width, top + height))

    return _drawn(change)


def _tones(exponent: float) -> Change:
    table = [round(255 * (tone / 255) ** exponent) for tone in range(256)] * 3
    return _drawn(lambda image, random: image.point(table))


def _rotate(degrees: float) -> Change:
    def change(image: Image.Image, random: Random) -> Image.Image:
        sign = 1 if random.integers(2) else -1
        turned = image.rotate(sign * degrees, Image.Resampling.BICUBIC)
        if random.integers(2):
            return turned
        # The largest window of the same form without corners.
        angle = math.radians(degrees)
        ratio = max(image.width / image.height, image.height / image.width)
        scale = 1 / (math.cos(angle) + ratio * math.sin(angle))
        width, height = image.width * scale, image.height * scale
        left, top = (image.width - width) / 2, (image.height - height) / 2
        return turned.crop((round(left), round(top), round(left + width), round(top + height)))

    return _drawn(change)


def _noise(image: Image.Image, random: Random) -> Image.Image:
    pixels = np.asarray(image).astype(np.float32) + random.normal(0, 12, (image.height, image.width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _text(image: Image.Image, random: Random) -> Image.Image:
    marked = image.convert("RGBA")
    layer = Image.new("RGBA", image.size)
    font = ImageFont.load_default(size=max(8, image.width // 10))
    at = (image.width * random.uniform(0.02, 0.3), image.height * random.uniform(0.3, 0.8))
    ImageDraw.Draw(layer).text(at, "© example.org", font=font, fill=(255, 255, 255, 170))
    return Image.alpha_composite(marked, layer).convert("RGB")


def _logo(image: Image.Image, random: Random) -> Image.Image:
    marked = image.copy()
    side, edge = min(image.size) * 0.18, min(image.size) * 0.04
    left = edge if random.integers(2) else image.width - edge - side
    top = edge if random.integers(2) else image.height - edge - side
    draw = ImageDraw.Draw(marked)
    draw.ellipse((left, top, left + side, top + side), fill=(210, 35, 40))
    draw.rectangle((left + side * 0.3, top + side * 0.4, left + side * 0.7, top + side * 0.6), fill="white")
    return marked


def _border(image: Image.Image, random: Random) -> Image.Image:
    colour = ("black", "white", "#7a1f1f")[int(random.integers(3))]
    return ImageOps.expand(image, max(1, round(min(image.size) * 0.05)), colour)


def _screenshot(image: Image.Image, random: Random) -> Image.Image:
    """A window with a title bar, an address line and some text below; the picture takes about three quarters of it."""
    scale = min(image.size) / 300
    side, bar, foot = (round(x * scale) for x in (random.uniform(10, 40), random.uniform(24, 44), 44))
    light = bool(random.integers(2))
    back, ink, strip = ("#ffffff", "#333333", "#dddddd") if light else ("#1e1e1e", "#cccccc", "#3a3a3a")
    page = Image.new("RGB", (image.width + 2 * side, image.height + bar + foot), back)
    page.paste(image, (side, bar))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, bar - round(6 * scale)), fill=strip)
    for n, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        x, r = (14 + 18 * n) * scale, 5 * scale
        draw.ellipse((x - r, bar / 2 - r, x + r, bar / 2 + r), fill=colour)
    font = ImageFont.load_default(size=max(7, round(13 * scale)))
    draw.text((side, image.height + bar + 6 * scale), "12 likes   3 comments   share", font=font, fill=ink)
    draw.text((side, image.height + bar + 24 * scale), "a photograph from our holidays", font=font, fill=ink)
    return page


MILD: dict[str, Change] = {
    **{f"re-encode q{q}": _encode("JPEG", quality=q, subsampling="4:2:0") for q in (10, 20, 30, 50, 75, 95)},
    **{f"resize {round(100 * factor)} %": _resize(factor) for factor in (0.25, 0.5, 0.75, 1.5, 2.0)},
    "crop 2 %": _crop(0.02),
    "crop 5 %": _crop(0.05),
    "border": _drawn(_border),
    "mirror": _drawn(lambda image, random: ImageOps.mirror(image)),
    "upside down": _drawn(lambda image, random: ImageOps.flip(image)),
    "grey": _drawn(lambda image, random: image.convert("L").convert("RGB")),
    "darker": _drawn(lambda image, random: ImageEnhance.Brightness(image).enhance(0.65)),
    "brighter": _drawn(lambda image, random: ImageEnhance.Brightness(image).enhance(1.4)),
    "less contrast": _drawn(lambda image, random: ImageEnhance.Contrast(image).enhance(0.6)),
    "more contrast": _drawn(lambda image, random: ImageEnhance.Contrast(image).enhance(1.5)),
    "gamma 0.6": _tones(0.6),
    "gamma 1.6": _tones(1.6),
    "blur": _drawn(lambda image, random: image.filter(ImageFilter.GaussianBlur(max(1, min(image.size) / 150)))),
    "noise": _drawn(_noise),
    "watermark text": _drawn(_text),
    "watermark logo": _drawn(_logo),
    "to png": _encode("PNG", compress_level=1),
    "to webp": _encode("WEBP", quality=80),
    "to gif": lambda image, random: _encoded(image.quantize(256), "GIF"),
}
HARD: dict[str, Change] = {
    "crop 10 %": _crop(0.1),
    "crop 20 %": _crop(0.2),
    "rotate 2": _rotate(2),
    "rotate 5": _rotate(5),
    "rotate 10": _rotate(10),
    "quarter turn left": _drawn(lambda image, random: image.transpose(Image.Transpose.ROTATE_90)),
    "half turn": _drawn(lambda image, random: image.transpose(Image.Transpose.ROTATE_180)),
    "quarter turn right": _drawn(lambda image, random: image.transpose(Image.Transpose.ROTATE_270)),
    "screenshot": _drawn(_screenshot),
}
