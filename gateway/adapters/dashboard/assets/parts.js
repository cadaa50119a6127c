// Small pieces that several views use.

import { html, useEffect, useRef } from "./vendor/preact-htm.js";

export function Panel({ id, title, hint, error, children, aside }) {
  return html`<section class="panel" aria-labelledby=${id}>
    <div class="panel-head"><h2 id=${id}>${title}</h2>${hint && html`<p class="hint">${hint}</p>`}${aside}</div>
    ${error ? html`<p class="notice">${error}</p>` : children}
  </section>`;
}

/** A table that scrolls inside its panel instead of widening the page; reachable by keyboard. */
export function Table({ label, heads, children }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table><thead><tr>${heads.map((head) => html`<th scope="col" class=${head.startsWith("#") ? "number" : ""}>${head.replace("#", "")}</th>`)}</tr></thead>
    <tbody>${children}</tbody></table>
  </div>`;
}

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

export const Badge = ({ kind, children, title }) => html`<span class="badge ${kind}" title=${title}>${children}</span>`;

/** A uPlot that keeps its size with its box, its data with `data`, and its colours with the theme. */
export function Plot({ label, options, data, height = 150 }) {
  const box = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    const make = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(name).trim();
      const width = Math.max(box.current.clientWidth, 200);
      plot.current = new uPlot({ ...options(colour), width, height }, data, box.current);
    };
    make();
    const resized = new ResizeObserver(() => plot.current.setSize({ width: Math.max(box.current.clientWidth, 200), height }));
    resized.observe(box.current);
    const theme = new MutationObserver(make);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", make);
    return () => {
      resized.disconnect();
      theme.disconnect();
      dark.removeEventListener("change", make);
      plot.current.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [data]);
  return html`<div class="plot" role="img" aria-label=${label} ref=${box}></div>`;
}

export function axes(colour) {
  const line = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  return [{ ...line }, { ...line, size: 70 }];
}
