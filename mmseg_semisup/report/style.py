"""The style sheet of a report: light and dark, wide and narrow, screen and paper."""

from __future__ import annotations

LIGHT = """
  --paper: #fbfbf9; --card: #ffffff; --ink: #1d2328; --soft: #5a646d; --line: #dfe3e6;
  --accent: #1f5fa8; --good: #1b7a43; --bad: #b3261e; --warn: #8a5a00;
  --warn-paper: #fff6e0; --heat: 31, 95, 168;
  --c0: #1f6fc4; --c1: #d2591a; --c2: #23843f; --c3: #9c3fb0; --c4: #b8860b;
  --c5: #0f8a94; --c6: #c2334d; --c7: #5f6b76;
"""
DARK = """
  --paper: #14181c; --card: #1b2026; --ink: #e6e9ec; --soft: #a3adb6; --line: #313941;
  --accent: #7db4f0; --good: #6fd096; --bad: #ff8a80; --warn: #f0c060;
  --warn-paper: #2c2513; --heat: 110, 170, 240;
  --c0: #6caef5; --c1: #ff9a5c; --c2: #6ed08a; --c3: #d493e6; --c4: #e3bd55;
  --c5: #55ccd4; --c6: #ff8296; --c7: #a5b0ba;
"""
CURVES = "".join(
    f".curve.c{i} {{ stroke: var(--c{i}); }} .mark.c{i} {{ fill: var(--c{i}); }}\n"
    f".swatch.c{i} {{ border-color: var(--c{i}); }}\n"
    for i in range(8)
)
STYLE = f"""
:root {{ color-scheme: light dark; {LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
* {{ box-sizing: border-box; }}
html {{ scroll-behavior: smooth; scroll-padding-top: 1rem; }}
body {{ margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
    "DejaVu Sans", sans-serif; overflow-wrap: break-word; }}
.page {{ max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }}
h1 {{ font-size: 2.1rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.01em; }}
h2 {{ font-size: 1.45rem; line-height: 1.3; margin: 3.2rem 0 .8rem;
  padding-top: .9rem; border-top: 1px solid var(--line); }}
h3 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
p {{ max-width: 46rem; margin: .5rem 0 1rem; }}
a {{ color: var(--accent); }}
.kicker {{ color: var(--soft); margin: 0 0 .2rem; }}
.lead {{ font-size: 1.15rem; }}
.note {{ color: var(--soft); font-size: .95rem; }}
.good {{ color: var(--good); }} .bad {{ color: var(--bad); }}
.warn {{ color: var(--warn); }}
.callout {{ background: var(--warn-paper); color: var(--warn); padding: .6rem 1rem;
  border-radius: .5rem; max-width: none; }}
.callout a {{ color: inherit; }}
.numbers {{ display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.6rem 0; padding: 0;
  list-style: none; }}
.numbers li {{ background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; padding: .9rem 1.3rem; min-width: 9.5rem; }}
.numbers li > span {{ display: block; color: var(--soft); font-size: .92rem; }}
.numbers b {{ display: block; font-size: 1.9rem; line-height: 1.25; font-weight: 600;
  font-variant-numeric: tabular-nums; }}
.numbers li:first-child b {{ font-size: 2.6rem; }}
.numbers.even li:first-child b {{ font-size: 1.9rem; }}
nav ol {{ list-style: none; margin: .3rem 0; padding: 0; display: flex;
  flex-wrap: wrap; gap: .1rem 1.1rem; }}
nav ol ol {{ display: contents; font-size: .95em; }}
nav li {{ display: contents; }}
nav li:has(ol) {{ display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; width: 100%; }}
nav a {{ text-decoration: none; padding: .1rem 0; }}
nav a:hover {{ text-decoration: underline; }}
.scroll {{ overflow-x: auto; margin: .8rem 0 1.4rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums;
  font-size: .98rem; }}
th, td {{ padding: .35rem .9rem .35rem 0; text-align: left; vertical-align: baseline;
  border-bottom: 1px solid var(--line); }}
thead th {{ color: var(--soft); font-weight: 500; font-size: .9rem;
  vertical-align: bottom; }}
tbody th {{ font-weight: 500; min-width: 6.5rem; }}
th.n, td.n {{ text-align: right; padding-left: .9rem; }}
td.n {{ white-space: nowrap; }}
tr.sum > * {{ font-weight: 650; border-top: 2px solid var(--line); }}
.dot {{ display: inline-block; width: .8em; height: .8em; border-radius: .2em;
  margin-right: .5em; border: 1px solid rgba(128, 128, 128, .6);
  print-color-adjust: exact; }}
.bar {{ display: inline-block; position: relative; width: 9rem; height: .72rem;
  background: var(--line); border-radius: .2rem; vertical-align: baseline;
  print-color-adjust: exact; }}
.bar i {{ position: absolute; inset: 0 auto 0 0; background: var(--c0);
  border-radius: .2rem; }}
.bar u {{ position: absolute; top: -.2rem; bottom: -.2rem; width: 2px;
  background: var(--ink); }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr));
  gap: 1.6rem 2rem; }}
.charts.wide {{
  grid-template-columns: repeat(auto-fill, minmax(min(32rem, 100%), 1fr)); }}
figure {{ margin: 0; }}
.chart figcaption {{ font-weight: 550; }}
.chart svg {{ width: 100%; height: auto; display: block; overflow: visible; }}
.grid {{ stroke: var(--line); stroke-width: 1; }}
.tick {{ fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }}
.tick.mid {{ text-anchor: middle; }} .tick.end {{ text-anchor: end; }}
.curve {{ fill: none; stroke-width: 2; stroke-linejoin: round; }}
.curve.dashed {{ stroke-dasharray: 5 4; }}
{CURVES}
.legend {{ list-style: none; margin: .2rem 0 0; padding: 0; display: flex;
  flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .92rem; }}
.legend b {{ font-variant-numeric: tabular-nums; font-weight: 600; }}
.swatch {{ display: inline-block; width: 1.3em; border-top: 3px solid;
  vertical-align: middle; margin-right: .45em; }}
.swatch.dashed {{ border-top-style: dashed; }}
.confusion td, .confusion th {{ padding: .3rem .5rem; text-align: right;
  border: 0; min-width: 2.7rem; font-size: .9rem; }}
.confusion tbody th {{ text-align: left; white-space: nowrap; position: sticky; left: 0;
  background: var(--paper); }}
.confusion td {{ background: rgba(var(--heat), calc(var(--v) * .75));
  border-radius: .2rem; print-color-adjust: exact; }}
.confusion td.self {{ outline: 1px solid var(--soft); outline-offset: -1px; }}
.scene {{ margin: 1.4rem 0 2.4rem; break-inside: avoid; }}
.scene h4 {{ margin: 0 0 .4rem; font-size: 1rem; font-weight: 600; }}
.scene h4 span {{ color: var(--soft); font-weight: 400; }}
.panes {{ display: grid; gap: .8rem; grid-auto-flow: dense;
  grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); align-items: start; }}
.pane figcaption {{ font-size: .92rem; color: var(--soft); }}
.view {{ position: relative; overflow: hidden; border-radius: .3rem;
  background: var(--line); container-type: inline-size;
  print-color-adjust: exact; }}
.view.photo, .grey {{ background: var(--photo) 0 0 / 100% 100%; }}
.grey {{ position: absolute; inset: 0; print-color-adjust: exact;
  filter: grayscale(1) contrast(.75) brightness(1.15); }}
.view img {{ position: absolute; left: 0; top: 0; width: 100cqw; height: 100%;
  max-width: none; image-rendering: pixelated; }}
.view img.over {{ opacity: .68; }}
.upper {{ position: absolute; left: 0; top: 0; bottom: 0; width: 50%; min-width: 1.2rem;
  max-width: 100%; overflow: hidden; resize: horizontal;
  border-right: 2px solid #fff; box-shadow: 1px 0 0 #000; }}
.upper .grey {{ width: 100cqw; right: auto; }}
.upper::-webkit-resizer {{ background: linear-gradient(135deg, #fff 50%, #000 50%); }}
.slider {{ grid-column: span 2; grid-row: span 2; }}
dl {{ margin: .8rem 0; }}
dl > div {{ display: grid; grid-template-columns: minmax(7rem, 10rem) 1fr; gap: 1rem;
  padding: .35rem 0; border-bottom: 1px solid var(--line); }}
dt {{ color: var(--soft); }} dd {{ margin: 0; min-width: 0; }}
.lines {{ white-space: pre-line; }}
pre {{ background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .8rem 1rem; overflow-x: auto; font: .88rem/1.5 ui-monospace, "SF Mono",
    Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap; }}
code {{ font: .9em ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
summary {{ cursor: pointer; color: var(--accent); padding: .3rem 0; }}
.whole {{ max-width: 100%; height: auto; border-radius: .3rem; background: #fff; }}
.warnings li {{ margin: .4rem 0; white-space: pre-line; }}
.key {{ list-style: none; padding: 0; display: flex; flex-wrap: wrap;
  gap: .2rem 1.2rem; font-size: .95rem; }}
footer {{ margin-top: 4rem; color: var(--soft); font-size: .92rem; }}
@media (max-width: 40rem) {{
  .page {{ padding: 1.2rem 1rem 3rem; }}
  h1 {{ font-size: 1.6rem; }}
  .numbers {{ gap: .6rem; }}
  .numbers li {{ min-width: 0; flex: 1 1 8rem; padding: .6rem .8rem; }}
  .numbers b {{ font-size: 1.4rem; }} .numbers li:first-child b {{ font-size: 2rem; }}
  .charts, .charts.wide {{ grid-template-columns: 1fr; }}
  .panes {{ grid-template-columns: 1fr 1fr; }}
  dl > div {{ grid-template-columns: 1fr; gap: 0; }}
  .bar {{ width: 5rem; }}
}}
@media print {{
  @page {{ margin: 15mm; }}
  body {{ background: #fff; font-size: 10.5pt; }}
  .page {{ padding: 0; max-width: none; }}
  nav, .slider {{ display: none; }}
  h2 {{ break-after: avoid; }} h3, h4 {{ break-after: avoid; }}
  figure, tr {{ break-inside: avoid; }}
  .scroll {{ overflow: visible; }}
  .charts {{ grid-template-columns: 1fr 1fr; }}
  .panes {{ grid-template-columns: repeat(6, 1fr); }}
  .numbers li {{ padding: .5rem .9rem; min-width: 0; }}
}}
"""
