"""The style sheets of pages: the shared one, and those of `show`, `test` and `diff`.

Nothing is fetched.

The colours for models and classes are those of the plots; shapes, fills and text say the same
without colour.
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

# Tables, and figures with SVG charts.
CHARTS = """
.scroll {
  overflow-x: auto; border: 1px solid var(--line); border-radius: 8px;
  /* A shade at an edge beyond which there is more: it lies still, and its cover scrolls away. */
  background:
    linear-gradient(to right, var(--page) 40%, transparent) left / 40px 100% local no-repeat,
    linear-gradient(to left, var(--page) 40%, transparent) right / 40px 100% local no-repeat,
    linear-gradient(to right, var(--line), transparent) left / 14px 100% no-repeat,
    linear-gradient(to left, var(--line), transparent) right / 14px 100% no-repeat;
}
.scroll:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td {
  padding: 6px 9px; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line);
}
tbody tr:last-child > * { border-bottom: 0; }
thead th { vertical-align: bottom; color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }

.grid-of {
  display: grid; gap: 26px 32px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr));
}
.grid-of.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
.grid-of.pairs {
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); max-width: 860px;
}
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: 4px; }
figure div svg, figure > svg {
  display: block; width: 100%; height: auto; max-width: 600px; overflow: visible;
}
figure > svg { max-width: 380px; }

svg text {
  font: 12px -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
  fill: var(--ink);
}
svg .tick, svg .axis { fill: var(--soft); }
svg .strong { font-weight: 600; }
svg .label { paint-order: stroke; stroke: var(--page); stroke-width: 3px; stroke-linejoin: round; }
svg .name { fill: var(--c, var(--ink)); }
svg .figure { paint-order: stroke; stroke: var(--page); stroke-width: 3px; }
svg .figure { font-variant-numeric: tabular-nums; }
svg .count { font-size: 10px; }
svg .count.over { fill: var(--page); }
.grid { stroke: var(--grid); }
.mark { stroke: var(--c); stroke-width: 1.75; }
.mark.solid { fill: var(--c); }
.bar { fill: var(--c); }
.curve { fill: none; stroke: var(--c); stroke-width: 1.75; }
.dashed { stroke-dasharray: 5 3; }
.quiet { fill: none; stroke: var(--quiet); stroke-width: 1; }
.heat { fill: var(--c0); }
.cold { fill: var(--raised); }
.ink { --c: var(--soft); }
.unity { stroke: var(--soft); stroke-dasharray: 3 3; }
"""

# The page of `show`.
INSIDE = (
    BASE
    + """
.inside { display: grid; gap: 0 40px; grid-template-columns: minmax(0, 1fr); }
.layers { display: grid; gap: 0 40px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr)); }
.layers > .lead, .layers > .key { grid-column: 1 / -1; }
.pair { display: grid; gap: 0 40px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
.pair > div, .inside > section { min-width: 0; }
h2.model { padding-top: 26px; overflow-wrap: anywhere; }
main > h2.model { display: none; }
@media (min-width: 1000px) {
  main > .inside { grid-template-columns: 340px minmax(0, 1fr); }
  main > .inside > .graph { position: sticky; top: 0; align-self: start; max-height: 100vh;
    overflow-y: auto; }
}
.flow { max-width: 340px; }
.flow svg { font-size: 12px; overflow: visible; }
.flow text { fill: var(--ink); }
.flow .soft text { fill: var(--soft); }
.flow .edge { fill: none; stroke: var(--soft); stroke-width: 1.2; }
.flow rect { stroke: var(--line); }
.flow rect, .flow summary {
  fill: color-mix(in srgb, var(--c0) var(--h), var(--raised));
  background: color-mix(in srgb, var(--c0) var(--h), var(--raised)); }
.flow a { text-decoration: none; }
.flow a:hover rect, .flow a:focus-visible rect { stroke: var(--link); stroke-width: 2; }
.flow summary { display: flex; flex-wrap: wrap; gap: 0 8px; cursor: pointer; font-size: 13px;
  border: 1px solid var(--line); border-radius: 4px; padding: 4px 9px; }
.flow summary .what { flex: 1; }
.flow summary .what::before { content: "+\\a0"; }
.flow details[open] > summary .what::before { content: "\\2212\\a0"; }
.flow summary small { flex-basis: 100%; color: inherit; }
.flow details > :not(summary) { padding-left: 10px; border-left: 2px solid var(--line); }
.flow details > div > small { padding-top: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: 3px 10px 3px 0; text-align: left; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
tbody th { font-weight: 400; white-space: normal; overflow-wrap: anywhere; min-width: 12ch; }
.number, thead th:nth-child(n + 4) { text-align: right; font-variant-numeric: tabular-nums; }
:target { outline: 3px solid var(--link); outline-offset: 4px; }
.layer { min-width: 0; padding: 18px 0 4px; }
.layer h3 { margin: 0 0 2px; overflow-wrap: anywhere; }
.layer p { font-size: 13px; color: var(--soft); margin: 0 0 8px; }
.first { display: flex; flex-wrap: wrap; gap: 20px 36px; padding-top: 20px; }
.first > div { flex: 1 1 260px; max-width: 420px; min-width: 0; }
img { display: block; image-rendering: pixelated; width: 100%; height: auto; }
svg { display: block; width: 100%; height: auto; }
.given, .cover { max-width: 224px; }
.filters { max-width: 560px; }
dl.guesses { display: grid; grid-template-columns: auto 1fr auto; gap: 4px 10px; margin: 0; }
dl.guesses dt { grid-column: 1; overflow-wrap: anywhere; max-width: 22ch; }
dl.guesses dd { margin: 0; align-self: center; }
dl.guesses .share { height: 10px; background: var(--c0); min-width: 1px; border-radius: 2px; }
.bars { fill: var(--ink); font-size: 13px; }
.above { fill: var(--c1); } .below { fill: var(--c0); } .zero { stroke: var(--soft); }
.key { display: flex; align-items: center; gap: 8px; font-size: 13px; color: var(--soft); }
.key img { width: 180px; height: 12px; }
small { font-size: 12px; color: var(--soft); overflow-wrap: anywhere; display: block; }
footer { color: var(--soft); padding-top: 20px; padding-bottom: 40px; }
"""
)

# The page of `test`. The images of a cell are shown when its link is followed.
OUTCOME = (
    BASE
    + CHARTS
    + """
.cards { display: flex; flex-wrap: wrap; gap: 10px 40px; margin: 0; }
.card dt { font-size: 13px; color: var(--soft); }
.card dd { margin: 0; }
.card b { font-size: 22px; font-weight: 600; display: block; }
small { font-size: 12px; color: var(--soft); display: block; }
.beside { display: grid; gap: 24px 40px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.beside figure > svg { max-width: 560px; }
.beside a { cursor: pointer; }
.beside a:hover rect, .beside a:focus-visible rect { stroke: var(--ink); stroke-width: 2; }
.beside a:focus-visible { outline: none; }
.cells > section { display: none; padding: 0; scroll-margin-top: 60px; }
.cells > section:target { display: block; }
.cells:has(:target) .hint { display: none; }
.hint { color: var(--soft); }
.shots { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(72px, 1fr)); }
.shots img { display: block; width: 72px; height: auto; image-rendering: pixelated; }
.shots figcaption { font-weight: 400; font-size: 13px; margin: 2px 0 0; }
.wide-shots { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 16px; }
.wide-shots img { width: 96px; }
.scroll { max-width: 760px; }
"""
)

# The page of `diff`.
DIFFERENCES = (
    INSIDE
    + """
.errors { max-width: 760px; font-size: 15px; fill: var(--ink); }
@media (max-width: 600px) { .errors { font-size: 20px; } }
.errors .carried { fill: var(--c0); } .errors .added { fill: var(--c1); }
.errors .beyond { fill: var(--bad); }
.errors .rule { stroke: var(--line); } .errors .bound { stroke: var(--bad); }
.errors .bound { stroke-width: 2; stroke-dasharray: 6 4; }
.errors .hit { fill: transparent; }
.errors a:hover .hit, .errors a:focus .hit { fill: var(--band); fill-opacity: .6; }
.errors a:focus { outline: 2px solid var(--link); }
.legend span { display: inline-block; width: 12px; height: 12px; margin: 0 4px 0 14px; }
.legend span:first-child { margin-left: 0; }
.legend .carried { background: var(--c0); } .legend .added { background: var(--c1); }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 5px 14px 5px 0; vertical-align: top; }
th { border-bottom: 1px solid var(--line); color: var(--soft); font-weight: 600; }
td { border-bottom: 1px solid var(--grid); }
td.name { min-width: 130px; max-width: 340px; overflow-wrap: anywhere; }
td.figure, th.figure { text-align: right; white-space: nowrap; }
tr:target { background: var(--band); }
tr.beyond td.figure:nth-child(5) { color: var(--bad); font-weight: 700; }
.changed { display: flex; flex-wrap: wrap; gap: 18px; }
.changed figure { width: 128px; margin: 0; }
figcaption { font-size: 13px; }
"""
)
