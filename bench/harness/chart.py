"""A chart of panels with a common time axis, as an SVG that can be read on light and dark pages."""

import math
from dataclasses import dataclass, field
from html import escape

WIDTH, LEFT, RIGHT, TOP, GAP, BOTTOM = 860, 74, 176, 56, 34, 44
STYLE = """
    svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    text { fill: #1f2328; }
    .quiet { fill: #59636e; font-size: 12px; }
    .title { font-weight: 600; }
    .grid { stroke: #d1d9e0; stroke-width: 1; }
    .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
    .blue { stroke: #0969da; } .orange { stroke: #bc4c00; } .grey { stroke: #59636e; }
    .area { fill: #ddf4ff; stroke: none; }
    .key { stroke-width: 2; }
    .dash { stroke-dasharray: 6 4; } .dots { stroke-dasharray: 2 3; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .blue { stroke: #4493f8; } .orange { stroke: #f0883e; } .grey { stroke: #9198a1; }
      .area { fill: #0c2d6b; }
    }
"""


@dataclass
class Line:
    """Points in order of time, `None` where there is nothing. `look` is of STYLE; `step`: a value lasts until the next."""

    label: str
    points: list
    look: str
    step: bool = False
    area: bool = False


@dataclass
class Panel:
    """`ticks` are (value, text), the first and last of which are the ends of the axis. `marks` are (value, text, look)."""

    title: str
    height: int
    ticks: list
    lines: list
    logarithmic: bool = False
    marks: list = field(default_factory=list)

    def place(self, value: float) -> float:
        """0 at the bottom, 1 at the top; what is beyond is at the edge."""
        least, most = self.ticks[0][0], self.ticks[-1][0]
        value = min(max(value, least), most)
        if self.logarithmic:
            return math.log(value / least) / math.log(most / least)
        return (value - least) / (most - least)


def draw(title: str, description: str, panels: list, seconds: float, every: int = 60) -> str:
    """The text of an SVG file."""
    height = TOP + sum(panel.height + GAP for panel in panels) + BOTTOM - GAP
    right = WIDTH - RIGHT

    def across(second: float) -> float:
        return LEFT + (right - LEFT) * second / seconds

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title text">',
        f'  <title id="title">{escape(title)}</title>', f'  <desc id="text">{escape(description)}</desc>',
        f"  <style>{STYLE}  </style>", f'  <text class="title" x="{LEFT}" y="22">{escape(title)}</text>',
    ]
    top = TOP
    for panel in panels:
        def down(value: float) -> float:
            return top + panel.height * (1 - panel.place(value))

        out.append(f'  <text class="quiet" x="{LEFT}" y="{top - 9}">{escape(panel.title)}</text>')
        for line in panel.lines:
            if line.area:
                corners = [(across(line.points[0][0]), top + panel.height), *path(line, across, down),
                           (across(line.points[-1][0]), top + panel.height)]
                out.append(f'  <path class="area" d="M{joined(corners)}z"/>')
        for value, text in panel.ticks:
            out.append(f'  <path class="grid" d="M{LEFT} {down(value):.1f}H{right}"/>')
            out.append(f'  <text class="quiet" text-anchor="end" x="{LEFT - 8}" y="{down(value) + 4:.1f}">{text}</text>')
        for value, text, look in panel.marks:
            out.append(f'  <path class="line {look}" style="stroke-width:1" d="M{LEFT} {down(value):.1f}H{right}"/>')
            out.append(f'  <text class="quiet" x="{right + 10}" y="{down(value) + 4:.1f}">{escape(text)}</text>')
        for line in panel.lines:
            out.append(f'  <path class="line {line.look}" d="M{joined(path(line, across, down))}"/>')
        # Beside a panel with marks there is no room, and its one line is the title's.
        for number, line in enumerate(panel.lines if not panel.marks else []):
            y = top + 8 + 22 * number
            out.append(f'  <path class="key {line.look}" d="M{right + 10} {y}h22"/>')
            out.append(f'  <text class="quiet" x="{right + 38}" y="{y + 4}">{escape(line.label)}</text>')
        top += panel.height + GAP
    for second in range(0, int(seconds) + 1, every):
        out.append(f'  <text class="quiet" text-anchor="middle" x="{across(second):.1f}" y="{height - BOTTOM + 20}">'
                   f"{second // 60}:{second % 60:02d}</text>")
    out.append(f'  <text class="quiet" x="{right + 10}" y="{height - BOTTOM + 20}">minutes</text>')
    return "\n".join(out) + "\n</svg>\n"


def path(line: Line, across, down) -> list:
    """The corners of a line; what changes nothing is left out."""
    corners = []
    for second, value in line.points:
        if value is None:
            continue
        point = (across(second), down(value))
        if line.step and corners and corners[-1][1] != point[1]:
            corners.append((point[0], corners[-1][1]))
        if len(corners) > 1 and corners[-1][1] == corners[-2][1] == point[1]:
            corners.pop()
        corners.append(point)
    return corners


def joined(corners: list) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in corners)
