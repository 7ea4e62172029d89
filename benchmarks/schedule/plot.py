"""The figures as a picture: one panel per class of delay, SVG by hand."""

from collections.abc import Iterator
from math import ceil, floor, isinf, log10

from benchmarks.schedule.figures import NEVER, Figure, Figures

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS = 380, 270, 2
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 30, 40
LEGEND = 56
FONT = 'font-family="sans-serif" font-size="11"'
LEAST = 0.5
"""Seconds: what is quicker is drawn here."""
COLOURS = ("#c0392b", "#e08e0b", "#2e86c1", "#7d8b99", "#4a5560", "#7d3c98", "#1e8449", "#000000")
DECADES_OF_DELAY = (-0.4, 4.0)
DECADES_OF_QUESTIONS = (0.0, 3.0)


def picture(figures: Figures) -> str:
    """Draw delay against questions; a dot is a median, a ring a p95, what was never found lies at the upper edge."""
    names = [name for name in figures if name != NEVER]
    colours = dict(zip(next(iter(figures.values())), COLOURS, strict=False))
    width = COLUMNS * PANEL_WIDTH
    height = LEGEND + -(-len(names) // COLUMNS) * PANEL_HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {FONT}>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_legend(colours, width),
    ]
    for number, name in enumerate(names):
        x, y = number % COLUMNS * PANEL_WIDTH, LEGEND + number // COLUMNS * PANEL_HEIGHT
        lines += [f'<g transform="translate({x} {y})">', *_panel(name, figures[name], colours), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _legend(colours: dict[str, str], width: int) -> Iterator[str]:
    step = width / -(-len(colours) // 2)
    for number, (name, colour) in enumerate(colours.items()):
        x, y = 14 + number // 2 * step, 18 + number % 2 * 20
        yield f'<circle cx="{x:.0f}" cy="{y}" r="5" fill="{colour}"/><text x="{x + 10:.0f}" y="{y + 4}">{name}</text>'


def _panel(name: str, figures: dict[str, Figure], colours: dict[str, str]) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="18" font-weight="bold">{name}</text>'
    for decade in range(ceil(DECADES_OF_DELAY[0]), floor(DECADES_OF_DELAY[1])):
        y = _down(10.0**decade)
        yield f'<path d="M{LEFT} {y}H{PANEL_WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10**decade} s</text>'
    yield f'<text x="{LEFT - 6}" y="{TOP + 4}" text-anchor="end">never</text>'
    for decade in range(ceil(DECADES_OF_QUESTIONS[0]), floor(DECADES_OF_QUESTIONS[1]) + 1):
        x = _across(10.0**decade)
        yield f'<path d="M{x} {TOP}V{PANEL_HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{PANEL_HEIGHT - BOTTOM + 14}" text-anchor="middle">{10**decade}</text>'
    yield f'<text x="{PANEL_WIDTH - RIGHT}" y="{PANEL_HEIGHT - 10}" text-anchor="end">questions per publication</text>'
    yield f'<rect x="{LEFT}" y="{TOP}" width="{PANEL_WIDTH - LEFT - RIGHT}" height="{PANEL_HEIGHT - TOP - BOTTOM}" '
    yield 'fill="none" stroke="#888"/>'
    for who, one in reversed(figures.items()):
        x, upper, lower = _across(one.questions), _down(one.p95), _down(one.median)
        yield f'<path d="M{x} {upper}V{lower}" stroke="{colours[who]}"/>'
        yield f'<circle cx="{x}" cy="{upper}" r="4" fill="white" stroke="{colours[who]}" stroke-width="1.5"/>'
        yield f'<circle cx="{x}" cy="{lower}" r="4.5" fill="{colours[who]}"/>'


def _across(questions: float) -> float:
    least, most = DECADES_OF_QUESTIONS
    return round(LEFT + (log10(questions) - least) / (most - least) * (PANEL_WIDTH - LEFT - RIGHT), 1)


def _down(delay: float) -> float:
    if isinf(delay):
        return float(TOP)
    least, most = DECADES_OF_DELAY
    part = (log10(max(delay, LEAST)) - least) / (most - least)
    return round(PANEL_HEIGHT - BOTTOM - part * (PANEL_HEIGHT - TOP - BOTTOM), 1)
