// Positions of both books, side by side and never summed, and what the accounts are worth over time.

import { html, useMemo } from "./vendor/preact-htm.js";
import { Badge, Empty, Panel, Plot, Table, axes } from "./parts.js";
import { amount, money, price, share, signed } from "./format.js";

export function Books({ state }) {
  const answer = state.answers.portfolio;
  if (!answer) return html`<${Panel} id="books-head" title="Positions" error=${state.errors.page}><${Empty}>Asking</${Empty}></${Panel}>`;
  return html`${["live", "shadow"].map((book) => html`<${Book} key=${book} book=${book} answer=${answer} state=${state} />`)}`;
}

function Book({ book, answer, state }) {
  const accounts = answer.portfolio.filter((one) => one.book === book);
  const positions = answer.positions.filter((one) => one.book === book && Number(one.quantity) !== 0);
  return html`<${Panel} id=${`book-${book}`} title=${book === "live" ? "Live book" : "Shadow book"} hint=${book === "live" ? moneyOf(state) : "simulated"}>
    <dl class="figures">${accounts.map((one) => html`<${Account} key=${one.account} one=${one} />`)}</dl>
    ${positions.length
      ? html`<${Table} label=${`Positions of the ${book} book`} heads=${["Symbol", "Strategy", "Venue", "#Quantity", "#Average", "#Mark", "#Value", "#Unrealized", "#Realized", "Account"]}>
          ${positions.map((one) => html`<tr key=${[one.account, one.strategy_id, one.venue, one.symbol].join(" ")}>
            <td>${one.symbol}</td><td>${one.strategy_id}</td><td>${one.venue}</td><td class="number">${amount(one.quantity)}</td><td class="number">${price(one.avg_px)}</td>
            <td class="number">${price(one.mark_px)}${one.is_synthetic && html` <${Badge} kind="warn" title="no market made this price">synthetic</${Badge}>`}${one.is_delayed && html` <${Badge} kind="warn" title="a quarter of an hour old by agreement">delayed</${Badge}>`}</td>
            <td class="number">${money(one.market_value)}</td><td class="number" data-sign=${Math.sign(one.unrealized_pnl)}>${signed(one.unrealized_pnl)}</td>
            <td class="number" data-sign=${Math.sign(one.realized_pnl)}>${signed(one.realized_pnl)}</td><td>${one.account}</td></tr>`)}
        </${Table}>`
      : html`<${Empty}>No position is open.</${Empty}>`}
    <div class="plots">${accounts.map((one) => html`<${Worth} key=${one.account} name=${`${book} ${one.account}`} state=${state} book=${book} account=${one.account} />`)}</div>
  </${Panel}>`;
}

/** Whether what is live is real money, as far as the venues are configured. */
function moneyOf(state) {
  const venues = (state.answers.connections?.connections ?? []).filter((one) => one.is_paper !== null);
  return venues.some((one) => !one.is_paper) ? "real money" : "at venues, on paper accounts only";
}

const Account = ({ one }) => html`<div><dt>${one.account}</dt><dd>
  <span><b>${money(one.equity)}</b> ${one.currency} equity</span>
  <span data-sign=${Math.sign(one.daily_pnl)}><b>${signed(one.daily_pnl)}</b> today</span>
  <span><b>${money(one.gross_exposure)}</b> exposure</span>
  <span><b>${share(one.drawdown_ratio, 2)}</b> drawdown</span>
  <span><b>${one.open_orders}</b> open orders</span></dd></div>`;

function Worth({ name, book, account, state }) {
  const tail = state.equity.get(name) ?? [];
  const past = state.answers.history;
  const length = tail.length;
  const [equity, drawdown] = useMemo(() => series(past, tail, book, account), [past, length]);
  const options = (title, tone) => (colour) => ({
    title, legend: { show: false }, cursor: { y: false }, axes: axes(colour), scales: { x: { time: true } },
    series: [{}, { label: title, stroke: colour(tone), width: 1.5, fill: `color-mix(in srgb, ${colour(tone)} 14%, transparent)`, points: { show: false } }],
  });
  if (equity[0].length < 2) return html`<${Empty}>Equity of ${account} will be drawn here.</${Empty}>`;
  const last = equity[1].at(-1);
  return html`<figure><${Plot} label=${`Equity of ${account}, ${book} book; now ${money(String(last))}`} data=${equity} options=${options(`Equity, ${account}`, "--accent")} /></figure>
    <figure><${Plot} label=${`Drawdown of ${account}, ${book} book; now ${money(String(drawdown[1].at(-1)))}`} data=${drawdown} options=${options(`Drawdown, ${account}`, "--bad")} /></figure>`;
}

function series(past, tail, book, account) {
  const points = (past ?? [])
    .filter((one) => one.book === book && one.account === account)
    .map((one) => [new Date(one.at).getTime() / 1000, Number(one.equity), Number(one.drawdown)])
    .reverse();
  const begins = tail[0]?.[0] ?? Infinity;
  const all = [...points.filter((one) => one[0] < begins), ...tail];
  return [[all.map((one) => one[0]), all.map((one) => one[1])], [all.map((one) => one[0]), all.map((one) => one[2])]];
}
