"""The chart of ATP, drawn on the server: nothing is fetched and nothing runs in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from erp.admin.formatting import short_day
from erp.text import translated
from modules.preorder.domain import Day

LABELS = 10

STYLE: dict[str, Any] = {
    "background": "transparent",
    "plot_background": "transparent",
    "foreground": "var(--muted)",
    "foreground_strong": "var(--ink)",
    "foreground_subtle": "var(--line)",
    "guide_stroke_color": "var(--line)",
    "major_guide_stroke_color": "var(--line)",
    "colors": ("var(--link)", "var(--amber)"),
    "font_family": "system-ui, sans-serif",
    "label_font_size": 11,
    "major_label_font_size": 11,
    "legend_font_size": 12,
    "stroke_width": 2,
}


def availability_chart(days: Sequence[Day]) -> Markup:
    """Return the days as an SVG picture with two lines: what can be promised, and what is projected."""
    import pygal
    from pygal.style import Style

    chart = pygal.Line(
        js=[],
        style=Style(**STYLE),
        width=1080,
        height=260,
        margin=10,
        show_dots=False,
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        disable_xml_declaration=True,
        show_minor_x_labels=False,
        truncate_legend=-1,
        truncate_label=-1,
        show_x_guides=False,
        no_data_text="",
    )
    chart.x_labels = [short_day(day.day) for day in days]
    chart.x_labels_major = chart.x_labels[:: max(1, len(days) // LABELS)]
    chart.add(translated("Available to promise"), [float(day.available_to_promise) for day in days])
    chart.add(translated("Projected"), [float(day.projected) for day in days], stroke_style={"dasharray": "4, 4"})
    chart.add_xml_filter(_without_scripts)
    return Markup(chart.render(is_unicode=True))


def _without_scripts(root: Any) -> Any:
    """Remove the settings of pygal's own script, which is not used."""
    for parent in root.iter():
        for child in [each for each in parent if str(each.tag).endswith("script")]:
            parent.remove(child)
    return root
