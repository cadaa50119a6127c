// Words and figures for people. Amounts come as decimal strings and stay strings: only a plot or a bar may round them.

export const short = (text, length = 14) => (text.length > length ? `…${text.slice(1 - length)}` : text);

/** Half to even, as the commands round; what would be rounded to nothing is left whole. Text that is no decimal too. */
export function rounded(text, places) {
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole === undefined || fraction.length <= places) return text;
  const unit = 10n ** BigInt(fraction.length - places);
  const digits = BigInt(whole + fraction);
  const twice = (digits % unit) * 2n;
  let kept = digits / unit;
  if (twice > unit || (twice === unit && kept % 2n)) kept += 1n;
  if (!kept) return text;
  const shown = String(kept).padStart(places + 1, "0");
  return `${sign}${shown.slice(0, shown.length - places)}.${shown.slice(shown.length - places)}`;
}

/** "1234567.5" -> "1 234 567.5": digits in groups, nothing rounded away but what is beyond `places`. */
export function amount(text, places = 8) {
  if (text === null || text === undefined || text === "") return "–";
  const [whole, fraction = ""] = rounded(String(text), places).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, " ");
  const kept = fraction.replace(/0+$/, "");
  return kept ? `${grouped}.${kept}` : grouped;
}

export const money = (text) => amount(text, 2);

/** To `places`, and to six digits where it is less than that: of 0.00001234 too little would be left. */
export function price(text, places = 4) {
  const zeros = /^-?0\.(0*)[1-9]/.exec(text)?.[1].length ?? 0;
  return amount(text, zeros ? Math.max(places, zeros + 6) : places);
}

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
