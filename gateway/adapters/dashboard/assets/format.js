// Words and figures for people. Amounts come as decimal strings and stay strings: only a plot or a bar may round them.

export const short = (text, length = 14) => (text.length > length ? `…${text.slice(1 - length)}` : text);

/** "1234567.5" -> "1 234 567.5": digits in groups, nothing rounded away but what is beyond `places`. */
export function amount(text, places = 8) {
  if (text === null || text === undefined || text === "") return "–";
  const [whole, fraction = ""] = String(text).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, " ");
  const kept = fraction.slice(0, places).replace(/0+$/, "");
  return kept ? `${grouped}.${kept}` : grouped;
}

export const money = (text) => amount(text, 2);

export function signed(text) {
  const shown = money(text);
  return Number(text) > 0 ? `+${shown}` : shown;
}

export const share = (text, places = 1) => `${(Number(text) * 100).toFixed(places)} %`;
export const basisPoints = (bp) => `${Number((bp / 100).toFixed(2))} %`;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
export const timeOf = (moment) => (moment ? clock.format(new Date(moment)) : "–");
export const dateTimeOf = (moment) => (moment ? `${new Date(moment).toLocaleDateString()} ${timeOf(moment)}` : "–");

/** How long ago, in one unit: "4 s", "12 min", "3 h", "2 d". */
export function ago(moment, now = Date.now()) {
  if (!moment) return "–";
  return duration(Math.max(now - new Date(moment).getTime(), 0));
}

export function duration(milliseconds) {
  if (milliseconds < 1) return `${(milliseconds * 1000).toFixed(0)} µs`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export const words = (name) => String(name).replaceAll("_", " ");
