// Live against twin: for each live order, how much worse (above zero) or better the venue filled it than the simulator did.

import { html, useMemo } from "./vendor/preact-htm.js";
import { Empty, Panel, Plot, axes } from "./parts.js";

export function TwinPlot({ state }) {
  const evidence = (state.answers.rollouts?.rollouts ?? []).flatMap(measured);
  const pairs = [...state.orders.values()].filter((one) => one.route === "live" && one.avg_px && one.twin_px);
  const data = useMemo(() => points(pairs), [pairs.length, pairs.at(-1)?.order_id, pairs.at(-1)?.avg_px]);
  if (!pairs.length) return html`<${Panel} id="twins-head" title="Live against twin"><${Measured} all=${evidence} /><${Empty}>No live order in view has a filled twin.</${Empty}></${Panel}>`;
  const sorted = [...data[1]].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const options = (colour) => ({
    legend: { show: false }, axes: axes(colour), scales: { x: { time: true } },
    series: [{}, { label: "bp", stroke: colour("--accent"), paths: () => null, points: { show: true, size: 6, fill: colour("--accent") } }],
  });
  return html`<${Panel} id="twins-head" title="Live against twin" hint=${`${pairs.length} live orders in view, median ${median.toFixed(2)} bp`}>
    <${Measured} all=${evidence} />
    <${Plot} label=${`Slippage of live fills against their twins in basis points; median ${median.toFixed(2)}`} data=${data} options=${options} height=${160} />
  </${Panel}>`;
}

/** Of the whole step, as the gateway counts it; the plot is of the orders in view. */
function measured({ venue, evidence, noise_bps }) {
  const all = evidence.find((one) => one.stratum === "" && one.twin_slippage_bps !== null);
  return all ? [`${venue}: ${Math.abs(all.twin_slippage_bps).toFixed(2)} bp ${all.twin_slippage_bps < 0 ? "better" : "worse"} than its twins on average, of ${all.orders} live orders in this step${noise_bps === null ? "" : `; the simulator against itself ${noise_bps} bp`}`] : [];
}

const Measured = ({ all }) => html`<ul class="rows">${all.map((text) => html`<li key=${text}>${text}</li>`)}</ul>`;

export function points(pairs) {
  const rows = pairs.map((one) => [new Date(one.ts).getTime() / 1000, gapBps(one)]).sort((a, b) => a[0] - b[0]);
  return [rows.map((row) => row[0]), rows.map((row) => row[1])];
}

export function gapBps(one) {
  const sign = one.side === "buy" ? 1 : -1;
  return ((Number(one.avg_px) - Number(one.twin_px)) / Number(one.twin_px)) * 10000 * sign;
}
