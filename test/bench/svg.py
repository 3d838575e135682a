"""Small charts as SVG, always the same bytes for the same figures."""
import math
from html import escape

OURS, OTHERS, COLORS = "#1a7f64", "#9aa5b1", ("#1a7f64", "#4c78a8", "#e07b39", "#9a6fb0", "#9aa5b1", "#c44e52", "#8c7853", "#57606a")
WIDTH, CHARACTER, LINE = 720, 6.3, 22


def short(n):
    """1.5, 20, 10k, 2M"""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(n) >= size:
            return f"{n / size:g}{unit}"
    return f"{n:g}"


def number(n):
    return f"{n:,.2f}" if n < 10 else f"{n:,.1f}" if n < 100 else f"{n:,.0f}"


class Svg:
    def __init__(self, height, title):
        self.height = height
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="sans-serif" '
                      f'font-size="12" fill="#24292f"><title>{escape(title)}</title><rect width="{WIDTH}" height="{height}" fill="#fff"/>']
        self.text(10, 20, title, weight="bold")

    def text(self, x, y, text, anchor="start", weight=None, color=None):
        more = (f' font-weight="{weight}"' if weight else "") + (f' fill="{color}"' if color else "") + ("" if anchor == "start" else f' text-anchor="{anchor}"')
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(str(text))}</text>')

    def rect(self, x, y, width, height, color):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" fill="{color}"/>')

    def line(self, x1, y1, x2, y2, color="#d8dee4"):
        self.parts.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{color}"/>')

    def path(self, points, color, dashed=False):
        way = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M{way}" fill="none" stroke="{color}" stroke-width="2"' + (' stroke-dasharray="5 4"' if dashed else "") + "/>")

    def dots(self, points, color):
        self.parts.append("".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points))

    def __str__(self):
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def bars(title, values):
    """values: [(name, [(part, value)])]; more than one part are stacked. Linear from zero."""
    parts = list(dict.fromkeys(part for _, of in values for part, _ in of))
    stacked = len(parts) > 1
    svg = Svg(40 + LINE * (len(values) + stacked), title)
    left = 20 + CHARACTER * max(len(name) for name, _ in values)
    room = WIDTH - left - 80
    most = max(sum(value for _, value in of) for _, of in values) or 1
    y = 34
    if stacked:
        x = left
        for i, part in enumerate(parts):
            svg.rect(x, y + 3, 10, 10, COLORS[i])
            svg.text(x + 14, y + 12, part)
            x += 30 + CHARACTER * len(part)
        y += LINE
    for name, of in values:
        svg.text(left - 6, y + 14, name, "end")
        x = left
        for part, value in of:
            width = value / most * room
            color = COLORS[parts.index(part)] if stacked else OURS if name.startswith(("tuplecast", "at-least", "exactly")) else OTHERS
            svg.rect(x, y + 3, width, LINE - 6, color)
            x += width
        svg.text(x + 5, y + 14, number(sum(value for _, value in of)))
        y += LINE
    return str(svg)


def _ticks(low, high):
    """Of a logarithmic axis: 1, 2, 5 of each decade, or the decades if they are many."""
    low, high = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1,) if high - low > 3 else (1, 2, 5)
    return [n * 10.0 ** e for e in range(low, high + 1) for n in steps]


def lines(title, x_title, y_title, series, dots=True, y_log=True):
    """series: {name: ([(x, y)], color, dashed)}; x logarithmic, y, too, or linear from zero."""
    columns = max(1, int((WIDTH - 80) // (40 + CHARACTER * max(map(len, series)))))
    top = 50 + 18 * math.ceil(len(series) / columns)  # title, legend, what y is
    height = top + 250
    svg = Svg(height, title)
    left, right, bottom = 60, WIDTH - 20, height - 44
    xs, ys = ([p[i] for points, _, _ in series.values() for p in points] for i in (0, 1))
    xs, ys = [x for x in xs if x > 0], [y for y in ys if y > 0]
    low_x, high_x = min(xs), max(xs) if max(xs) > min(xs) else min(xs) * 2
    low_y, high_y = (min(ys) / 1.2, max(ys) * 1.2) if y_log else (0, max(ys) * 1.05)

    def at_x(x):
        return left + math.log(max(x, low_x) / low_x) / math.log(high_x / low_x) * (right - left)

    def at_y(y):
        part = math.log(max(y, low_y) / low_y) / math.log(high_y / low_y) if y_log else y / high_y
        return bottom - part * (bottom - top)
    step = 10.0 ** math.floor(math.log10(high_y))
    step = step / 4 if high_y / step < 2 else step / 2 if high_y / step < 5 else step
    for y in _ticks(low_y, high_y) if y_log else [n * step for n in range(int(high_y / step) + 1)]:
        if low_y <= y <= high_y:
            svg.line(left, at_y(y), right, at_y(y))
            svg.text(left - 6, at_y(y) + 4, short(y), "end")
    for x in _ticks(low_x, high_x):
        if low_x * 0.999 <= x <= high_x * 1.001:
            svg.line(at_x(x), bottom, at_x(x), bottom + 4, "#57606a")
            svg.text(at_x(x), bottom + 17, short(x), "middle")
    svg.line(left, bottom, right, bottom, "#57606a")
    svg.text((left + right) / 2, height - 8, x_title, "middle")
    svg.text(10, top - 6, y_title, color="#57606a")
    for i, (name, (points, color, dashed)) in enumerate(series.items()):
        where = [(at_x(x), at_y(y)) for x, y in points]
        svg.path(where, color, dashed)
        if dots:
            svg.dots(where, color)
        x, y = left + (i % columns) * (40 + CHARACTER * max(map(len, series))), 36 + 18 * (i // columns)
        svg.path([(x, y), (x + 22, y)], color, dashed)
        svg.text(x + 27, y + 4, name)
    return str(svg)
