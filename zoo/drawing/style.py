"""The look that all pages share: colours, light and dark, and text. Nothing is fetched.

The colours for models and classes are those of plots; shapes, fills and words say the same without
them.
"""

from collections.abc import Sequence

from zoo.drawing.palette import ON_DARK, ON_LIGHT, QUIET_ON_DARK, QUIET_ON_LIGHT


def _colours(slots: Sequence[str], quiet: str) -> str:
    return " ".join([f"--quiet: {quiet};", *(f"--c{n}: {c};" for n, c in enumerate(slots))])


_SLOTS = " ".join(f".s{n} {{ --c: var(--c{n}); }}" for n in range(len(ON_LIGHT)))
_COLOURS = f"""
:root {{ {_colours(ON_LIGHT, QUIET_ON_LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_colours(ON_DARK, QUIET_ON_DARK)} }} }}
{_SLOTS}
"""

BASE = (
    _COLOURS
    + """
:root {
  color-scheme: light dark;
  --page: #fff; --raised: #f6f7f8; --ink: #1b1f24; --soft: #57606a; --line: #d7dce1;
  --grid: #e6e9ec; --band: #e3e8ee; --bad: #a8330a; --link: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --raised: #1d2125; --ink: #e6e9ec; --soft: #a3abb3; --line: #3a4148;
    --grid: #2a2f35; --band: #2a3440; --bad: #ff9a6b; --link: #7ab8f5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
}
main, header, footer { max-width: 1232px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 28px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 20px; line-height: 1.3; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 0 0 8px; }
.scroll + h3, ul + h3 { margin-top: 18px; }
section { padding: 26px 0 4px; scroll-margin-top: 44px; }
p { margin: 0 0 12px; max-width: 74ch; }
.lead, header p { color: var(--soft); }
header p { max-width: none; }
a { color: var(--link); }
h1, p, li, dd, .facts td, figcaption { overflow-wrap: anywhere; }
nav ul {
  list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0;
  margin: 12px 0 0;
}
"""
)
