"""Draws a stand-in for a data set: the same number of pictures, the same names and sizes, no downloads."""

from __future__ import annotations

import hashlib
import io
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import PIL
from PIL import Image, ImageDraw, PngImagePlugin

from grader.datasets.pictures import DRAWN_MARK
from grader.errors import DataError

Colour = tuple[int, int, int]
Point = tuple[float, float]

SIZE = 150
"""Width and height of a face in pixels, as in the real set."""

FINER = 4
"""Faces are drawn this much larger and then reduced, which smooths their edges."""

MARGIN = 22
"""Width of the transparent border in finer pixels; with the round corners about 14 % of the picture."""

MILDEST = 0.42
"""The faintest mood. Measured with it: the course's network passes 99.9 % within 3 to 11 epochs of 8 steps,
where the real pictures take 6 to 15 and now and then more."""

UNDER: Colour = (3, 2, 0)
"""What lies under the transparent border; the real pictures are nearly black there too."""

SKINS: tuple[Colour, ...] = (
    (255, 221, 92),
    (250, 210, 178),
    (233, 180, 138),
    (198, 137, 92),
    (160, 106, 72),
    (255, 200, 70),
)
HAIRS: tuple[Colour, ...] = (
    (46, 34, 30),
    (98, 60, 34),
    (168, 108, 48),
    (226, 184, 92),
    (150, 52, 36),
    (176, 176, 182),
)
BACKGROUNDS: tuple[Colour, ...] = (
    (142, 196, 226),
    (168, 214, 162),
    (238, 190, 168),
    (204, 184, 226),
    (240, 222, 150),
    (170, 186, 200),
    (120, 172, 168),
)
HAIRLINES = {"none": -1.0, "short": -0.62, "fringe": -0.5, "long": -0.6, "bun": -0.68, "curls": -0.7}
"""The styles of hair, each with the height at which the hair in front of the face ends."""

INK: Colour = (44, 30, 30)
BLUSH: Colour = (236, 96, 86)
WHITE: Colour = (250, 250, 246)
MOUTH: Colour = (122, 26, 34)
TONGUE: Colour = (224, 104, 108)


@dataclass(frozen=True)
class Look:
    """What a cartoon person looks like, whatever the mood; shared by one happy and one sad picture."""

    skin: Colour
    hair: Colour
    background: Colour
    style: str
    glasses: bool
    freckles: bool


@dataclass(frozen=True)
class Pose:
    """Where a face is and how it feels.

    `mood` runs from -1 (deep frown) to 1 (broad grin); `x`, `y` and `radius` are in finer pixels, `turn`
    in radians; `eyes` is the distance of the eyes and `mouth` half the mouth's width, both in radii.
    """

    mood: float
    x: float
    y: float
    radius: float
    turn: float
    eyes: float
    mouth: float


def pictures(name: str) -> Iterator[tuple[str, bytes]]:
    """The drawn stand-in of a data set, as pairs of path (`happy/happy1-00.png`) and PNG bytes.

    The same on every call on one machine. Raises DataError when nothing is drawn for that set.
    """
    if name not in ARTISTS:
        raise DataError(f'There is no drawn stand-in for "{name}"; give the real one with --data DIR.')
    return ARTISTS[name]()


def version() -> str:
    """Changes whenever the pictures may change: with this file and with Pillow."""
    code = Path(__file__).read_bytes() + PIL.__version__.encode()
    return hashlib.sha256(code).hexdigest()[:16]


def happy_or_sad() -> Iterator[tuple[str, bytes]]:
    """40 happy and 40 sad faces: the same 40 people twice, from a faint to a strong expression."""
    for feeling, sign in (("happy", 1), ("sad", -1)):
        for number in range(40):
            person = f"{number // 20 + 1}-{number % 20:02d}"
            name = f"{feeling}{person}"
            mood = sign * (MILDEST + (1 - MILDEST) * number / 39)
            face = draw_face(_look(random.Random(person)), _pose(random.Random(name), mood))
            yield f"{feeling}/{name}.png", _png(face)


ARTISTS: dict[str, Callable[[], Iterator[tuple[str, bytes]]]] = {"happy-or-sad": happy_or_sad}


def draw_face(look: Look, pose: Pose) -> Image.Image:
    """One face as an RGBA picture of 150x150 pixels with a transparent border."""
    side = SIZE * FINER
    image = Image.new("RGB", (side, side), look.background)
    pen = _Pen(ImageDraw.Draw(image), pose)
    _hair_behind(pen, look)
    _head(pen, look)
    _hair_in_front(pen, look)
    _eyes(pen, look)
    _brows(pen, look)
    _nose(pen, look)
    _mouth(pen, look)
    return _framed(image)


def _look(chance: random.Random) -> Look:
    return Look(
        skin=chance.choice(SKINS),
        hair=chance.choice(HAIRS),
        background=chance.choice(BACKGROUNDS),
        style=chance.choice(tuple(HAIRLINES)),
        glasses=chance.random() < 0.2,
        freckles=chance.random() < 0.2,
    )


def _pose(chance: random.Random, mood: float) -> Pose:
    middle = SIZE * FINER / 2
    return Pose(
        mood=mood,
        x=middle + chance.uniform(-2, 2) * FINER,
        y=middle + chance.uniform(3, 6) * FINER,
        radius=chance.uniform(52, 56) * FINER,
        turn=chance.uniform(-0.05, 0.05),
        eyes=chance.uniform(0.34, 0.42),
        mouth=chance.uniform(0.5, 0.58),
    )


@dataclass(frozen=True)
class _Pen:
    """Draws in the face's own measure: (0, 0) is its middle, 1 its radius, y points down."""

    draw: ImageDraw.ImageDraw
    pose: Pose

    def at(self, x: float, y: float) -> Point:
        cos, sin, r = math.cos(self.pose.turn), math.sin(self.pose.turn), self.pose.radius
        return (self.pose.x + r * (x * cos - y * sin), self.pose.y + r * (x * sin + y * cos))

    def area(self, points: list[Point], colour: Colour) -> None:
        self.draw.polygon([self.at(*p) for p in points], fill=colour)

    def oval(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        self.area(_arc(x, y, width, height, 0, 360), colour)

    def line(self, points: list[Point], width: float, colour: Colour) -> None:
        r = width * self.pose.radius / 2
        self.draw.line([self.at(*p) for p in points], fill=colour, width=round(2 * r), joint="curve")
        for x, y in (self.at(*points[0]), self.at(*points[-1])):
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _hair_behind(pen: _Pen, look: Look) -> None:
    if look.style == "long":
        pen.oval(0, 0.15, 1.13, 1.2, look.hair)
    if look.style == "bun":
        pen.oval(0, -1.1, 0.36, 0.34, look.hair)
    if look.style == "curls":
        for degrees in range(175, 371, 20):
            angle = math.radians(degrees)
            pen.oval(0.92 * math.cos(angle), 0.92 * math.sin(angle), 0.25, 0.25, look.hair)


def _head(pen: _Pen, look: Look) -> None:
    for side in (-1, 1):
        pen.oval(side * 0.95, 0.05, 0.16, 0.2, _darker(look.skin, 0.92))
    for step in range(9):
        shade = _darker(look.skin, 0.86 + 0.0175 * step)
        pen.oval(-0.012 * step, -0.022 * step, 0.96 - 0.02 * step, 1 - 0.025 * step, shade)
    for side in (-1, 1):
        pen.oval(side * 0.6, 0.28, 0.17, 0.12, _mixed(look.skin, BLUSH, 0.25))
    if look.freckles:
        for x, y in ((-0.62, 0.2), (-0.52, 0.28), (-0.7, 0.3), (0.62, 0.2), (0.52, 0.28), (0.7, 0.3)):
            pen.oval(x, y, 0.025, 0.025, _darker(look.skin, 0.6))


def _hair_in_front(pen: _Pen, look: Look) -> None:
    if look.style == "none":
        return
    line = HAIRLINES[look.style]
    top = [(x * 1.02, y * 1.04) for x, y in _arc(0, 0, 0.96, 1, 210, 330)]
    pen.area([*top, (0.5, line), (0.1, line - 0.08), (-0.3, line + 0.02)], look.hair)


def _eyes(pen: _Pen, look: Look) -> None:
    for side in (-1, 1):
        _eye(pen, look, side)
    if look.glasses:
        bridge = pen.pose.eyes - 0.26
        pen.line([(-bridge, -0.2), (bridge, -0.2)], 0.035, INK)


def _eye(pen: _Pen, look: Look, side: int) -> None:
    """The left (-1) or right (1) eye; the sadder, the lower its lid."""
    x, sadness = side * pen.pose.eyes, max(0.0, -pen.pose.mood)
    pen.oval(x, -0.18, 0.2, 0.22, WHITE)
    pen.oval(x - side * 0.03, -0.16 + 0.05 * sadness, 0.09, 0.1, INK)
    pen.oval(x - side * 0.03 + 0.03, -0.2 + 0.05 * sadness, 0.03, 0.03, WHITE)
    lid, slant = -0.32 + 0.2 * sadness, side * 0.05 * sadness
    edge = [(x - 0.22, -0.42), (x + 0.22, -0.42), (x + 0.22, lid + slant), (x - 0.22, lid - slant)]
    pen.area(edge, _darker(look.skin, 0.96))
    if look.glasses:
        pen.line(_arc(x, -0.18, 0.27, 0.27, 0, 360), 0.035, INK)


def _brows(pen: _Pen, look: Look) -> None:
    mood = pen.pose.mood
    raised, slant = 0.06 * max(0.0, mood), 0.13 * max(0.0, -mood)
    for side in (-1, 1):
        x, y = side * pen.pose.eyes, -0.5 - raised
        arch = [(x - side * 0.17, y - slant), (x, y - 0.06), (x + side * 0.19, y + 0.03 + slant)]
        pen.line(arch, 0.075, _darker(look.hair, 0.8))


def _nose(pen: _Pen, look: Look) -> None:
    pen.line(_arc(0, 0.1, 0.1, 0.09, 20, 160), 0.05, _darker(look.skin, 0.72))


def _mouth(pen: _Pen, look: Look) -> None:
    mood, width = pen.pose.mood, pen.pose.mouth * (1 + 0.12 * pen.pose.mood)
    lips = _curve(width, 0.5 if mood > 0 else 0.54, 0.26 * mood)
    if mood > 0.45:
        _open_mouth(pen, lips, 0.12 + 0.5 * (mood - 0.45))
    pen.line(lips, 0.07, INK)
    if mood < -0.45:
        pen.line(_curve(width * 0.4, 0.74, -0.1), 0.045, _darker(look.skin, 0.7))


def _open_mouth(pen: _Pen, lips: list[Point], depth: float) -> None:
    """Below the upper lip, `depth` deep in the middle: the dark of the mouth, teeth, tongue, lower lip."""
    pen.area(_band(lips, 0, depth, 1), MOUTH)
    pen.area(_band(lips, 0, 0.4 * depth, 1), WHITE)
    pen.area(_band(lips, 0.75 * depth, depth, 0.55), TONGUE)
    pen.line(_lowered(lips, depth), 0.04, INK)


def _band(lips: list[Point], top: float, bottom: float, share: float) -> list[Point]:
    """The outline between two depths of a mouth, over the middle `share` of its width."""
    cut = round(len(lips) * (1 - share) / 2)
    inside = slice(cut, len(lips) - cut)
    return _lowered(lips, top)[inside] + _lowered(lips, bottom)[inside][::-1]


def _lowered(lips: list[Point], depth: float) -> list[Point]:
    half = lips[-1][0]
    return [(x, y + depth * (1 - (x / half) ** 2)) for x, y in lips]


def _framed(image: Image.Image) -> Image.Image:
    side = SIZE * FINER
    mask = Image.new("L", (side, side), 0)
    tile = (MARGIN, MARGIN, side - MARGIN, side - MARGIN)
    ImageDraw.Draw(mask).rounded_rectangle(tile, 14 * FINER, fill=255)
    framed = Image.composite(image, Image.new("RGB", image.size, UNDER), mask).reduce(FINER)
    framed.putalpha(mask.reduce(FINER))
    return framed


def _curve(width: float, middle: float, bend: float) -> list[Point]:
    steps = [step / 12 for step in range(-12, 13)]
    return [(width * t, middle + bend * (0.5 - t * t)) for t in steps]


def _arc(x: float, y: float, width: float, height: float, start: int, end: int) -> list[Point]:
    angles = [math.radians(degrees) for degrees in range(start, end + 1, 6)]
    return [(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]


def _darker(colour: Colour, factor: float) -> Colour:
    return _mixed((0, 0, 0), colour, factor)


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return (red, green, blue)


def _png(image: Image.Image) -> bytes:
    stream, note = io.BytesIO(), PngImagePlugin.PngInfo()
    note.add_text("Comment", DRAWN_MARK)
    image.save(stream, "PNG", pnginfo=note)
    return stream.getvalue()
