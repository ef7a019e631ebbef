"""The report's style sheet and its one script. Nothing is fetched."""

from zoo.drawing.style import BASE, CHARTS

CSS = (
    BASE
    + CHARTS
    + """
.cards {
  display: grid; gap: 16px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr));
}
.card { background: var(--raised); border-radius: 8px; padding: 14px 16px; }
.card dl { margin: 0; }
.card dt { color: var(--soft); font-size: 13px; }
.card dd { margin: 0 0 8px; }
.card dd:last-child { margin-bottom: 0; }
.card small { color: var(--soft); display: block; }
.attention { border-left: 3px solid var(--bad); padding: 2px 0 2px 12px; margin: 16px 0 0; }
.attention p { margin: 0; }

.batches {
  position: sticky; top: 0; z-index: 2; background: var(--page); border: 0; margin: 18px 0 0;
  border-bottom: 1px solid var(--line); padding: 8px 0; display: flex; flex-wrap: wrap;
  gap: 2px 14px;
}
.batches legend { float: left; padding: 0; margin-right: 4px; color: var(--soft); }
.batches label, .choice { display: inline-flex; gap: 5px; align-items: center; cursor: pointer; }
.choice { margin: 0 18px 10px 0; }

#cell-table tbody td { font-size: 13.5px; }
#cell-table tbody td { white-space: nowrap; }
#cell-table tbody td:nth-last-child(1 of :not(.more)) {
  white-space: normal; overflow-wrap: anywhere; min-width: 22ch; max-width: 44ch;
}
#cell-table tr > :first-child {
  position: sticky; left: 0; background: var(--page); min-width: 8ch; max-width: 30vw;
}
td b { font-weight: 600; }
td small, th small { display: block; color: var(--soft); font-size: 12px; }
tr.absent td, tr.absent th { color: var(--soft); }
.more, .folded { display: none; }
th small { font-weight: 400; }
@media (max-width: 640px) { .folds { display: none; } #cell-table .folded { display: block; } }
body:has(#every-column:checked) .more { display: table-cell; }
body:has(#skipped-cells):not(:has(#skipped-cells:checked)) tr.skipped { display: none; }
thead button {
  font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: inherit;
}
.js thead button { cursor: pointer; }
.js thead button::after { content: " \\2195"; content: " \\2195" / ""; opacity: .35; }
.js [aria-sort=ascending] button::after { content: " \\2191"; content: " \\2191" / ""; opacity: 1; }
.js [aria-sort=descending] button::after {
  content: " \\2193"; content: " \\2193" / ""; opacity: 1;
}
.badge {
  display: inline-block; border: 1px solid var(--line); border-radius: 9px; padding: 0 7px;
  font-size: 12px; margin-right: 4px; white-space: nowrap; color: var(--ink);
}
.badge.failed { border-color: var(--bad); color: var(--bad); }
.warn { display: inline-block; font-size: 13px; color: var(--soft); }
.warn summary { cursor: pointer; }
.warn p { margin: 2px 0; }
.faint { color: var(--soft); }

.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 0; margin: 0 0 6px;
  font-size: 13px;
}
.legend li { display: inline-flex; gap: 5px; align-items: center; }
.legend svg { flex: none; }
.narrow svg { max-width: 420px; }
.wide { display: none; }
@media (min-width: 560px) { .wide { display: block; } .narrow { display: none; } }

.leader, .thread { stroke: var(--soft); stroke-width: .75; }
.whisker { stroke: var(--soft); stroke-width: 1.25; }
.band { fill: var(--band); }
.catch { fill: transparent; }
.pareto { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 5 3; }
.mark.hollow, .mark.ring, .mark.crossed { fill: var(--page); fill-opacity: .8; }
.dots { fill: none; stroke: var(--c); stroke-width: 4; stroke-linecap: round; }
.dots.others { stroke: var(--quiet); stroke-width: 2.5; }
.dot.others { fill: var(--quiet); }
.boxes { fill: none; stroke: var(--c); stroke-width: 1.25; }

.facts td:first-child { color: var(--soft); width: 30%; }
.guide dt { font-weight: 600; }
.guide dd { margin: 0 0 10px; max-width: 74ch; }
footer { color: var(--soft); padding-top: 20px; padding-bottom: 40px; }
@media print { .batches, nav, .choice { display: none; } figure, tr { break-inside: avoid; } }
"""
)

# Sorting needs a script; columns and batches are chosen by the style sheet.
SCRIPT = """
document.documentElement.classList.add('js');
for (const table of document.querySelectorAll('table')) {
  const heads = [...table.querySelectorAll('thead th')];
  heads.forEach((head, column) => head.querySelector('button')?.addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') === 'ascending';
    const number = head.classList.contains('number');
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (a, b) => number ? a - b : a.localeCompare(b, undefined, {numeric: true});
    const body = table.tBodies[0];
    const rows = [...body.rows].sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      if (a === '' || b === '') return (a === '') - (b === '');
      return down ? compare(b, a) : compare(a, b);
    });
    heads.forEach(other => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    body.append(...rows);
  }));
}
"""


def only_batch(batch: int) -> str:
    """The CSS rule that hides what belongs to other batch sizes."""
    return (
        f"body:has(#batch-{batch:d}:checked) "
        f'[data-batch]:not([data-batch="{batch:d}"]) {{ display: none; }}'
    )
