"""Plots as SVG text, readable in light and in dark; pure."""

import math
from html import escape
from types import MappingProxyType

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #333 }
.small { font-size: 11px; fill: #666 } .title { font-weight: 600 }
.axis { stroke: #999; stroke-width: 1; fill: none } .goal { stroke: #999; stroke-dasharray: 4 3 }
.a { fill: #2a6fb0 } .b { fill: #d9822b } .range { stroke: #333; stroke-width: 1.5 }
.line-a { stroke: #2a6fb0; stroke-width: 1.5 } .line-b { stroke: #d9822b; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #ddd } .small { fill: #aaa } .range { stroke: #ddd }
.a { fill: #6cb0f0 } .b { fill: #f0a860 } .line-a { stroke: #6cb0f0 } .line-b { stroke: #f0a860 }
}
</style>"""
LEFT, RIGHT, BAR = 250, 60, 15
WIDTH = 760


def svg(height, title, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    words = [head, f"<title>{escape(title)}</title>", STYLE, text(0, 16, title, "title")]
    return "\n".join([*words, *parts, "</svg>", ""])


def text(x, y, content, kind="", anchor="start"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
        f'text-anchor="{anchor}">{escape(content)}</text>'
    )


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bars(title, rows, series, goals=MappingProxyType({})):
    """`rows`: (name, what, one {"median", "low", "high"} for each of `series`). `goals`: {value:
    what it means}."""
    largest = max([found["high"] for row in rows for found in row[2:]] + list(goals)) * 1.05
    row_height = 46 if len(series) > 1 else 22
    height = 60 + row_height * len(rows)
    scale = (WIDTH - LEFT - RIGHT) / largest
    parts = legend(series)
    for number, (name, what, *values) in enumerate(rows):
        top = 52 + row_height * number
        parts += [text(0, top + 12, name), text(0, top + 28, what, "small")]
        for place, found in enumerate(values):
            parts += bar(LEFT, top + place * (BAR + 2), scale, found, "ab"[place])
    for goal, meaning in goals.items():
        parts += [line(LEFT + goal * scale, 44, LEFT + goal * scale, height - 4, "goal")]
        parts += [text(LEFT + goal * scale, 40, f"{goal:g}: {meaning}", "small", "middle")]
    return svg(height, title, parts)


def legend(series):
    parts = []
    for place, name in enumerate(series):
        x = place * 130
        parts += [
            f'<rect x="{x}" y="27" width="10" height="10" class="{"ab"[place]}"/>',
            text(x + 15, 36, name, "small"),
        ]
    return parts


def bar(left, top, scale, found, kind):
    width, middle = max(0, found["median"]) * scale, top + BAR / 2
    return [
        f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{BAR}" class="{kind}"/>',
        line(
            left + max(0, found["low"]) * scale,
            middle,
            left + found["high"] * scale,
            middle,
            "range",
        ),
        text(
            left + max(width, found["high"] * scale) + 6, top + 12, f"{found['median']:g}", "small"
        ),
    ]


def scatter(title, series, x_title, y_title):
    """`series`: (name, points, start, slope): the points, and the line that fits them."""
    height, bottom = 330, 280
    most_x = max(x for _, points, *_ in series for x, _ in points)
    most_y = max(y for _, points, *_ in series for _, y in points) * 1.1
    across, up = (WIDTH - 120) / most_x, (bottom - 60) / most_y
    parts = legend([name for name, *_ in series])
    parts += [
        f'<path d="M50 50V{bottom}H{WIDTH - 60}" class="axis"/>',
        text(WIDTH / 2, 318, x_title, "small", "middle"),
    ]
    parts += [text(50, 48, y_title, "small")]
    for step in range(5):
        x, y = most_x * step / 4, nice(most_y) * step / 4
        parts += [text(50 + x * across, bottom + 16, f"{x:g}", "small", "middle")]
        parts += [text(44, bottom - y * up + 4, f"{y:g}", "small", "end")] if y <= most_y else []
    for place, (_, points, start, slope) in enumerate(series):
        kind = "ab"[place]
        parts += [
            f'<circle cx="{50 + x * across:.1f}" cy="{bottom - y * up:.1f}" r="3.5" '
            f'class="{kind}"/>'
            for x, y in points
        ]
        ends = (
            50,
            bottom - start * up,
            50 + most_x * across,
            bottom - (start + slope * most_x) * up,
        )
        parts += [line(*ends, f"line-{kind}")]
    return svg(height, title, parts)


def nice(value):
    """The next 1, 2, 4 or 8 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value)
