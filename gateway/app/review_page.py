"""The canary review as one HTML file that asks nothing of anybody: styles and drawings are in it, scripts are not.

Everything that comes from outside is escaped, and the file forbids its reader to load or run anything.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from gateway.app.review_plots import Series, plot

_MARKS = {"pass": "pass", "fail": "FAIL", "error": "ERROR", "not_enough_evidence": "not enough evidence"}
_PLOTS = (
    ("Slippage against the arrival price", "bps", 10, (("live", "slippage_live"), ("twin", "slippage_twin"))),
    ("Live against its twin (above zero: live was worse)", "bps", 10, (("difference", "against_twin"),)),
    ("Time to the first fill", "ms", 1, (("live", "fill_ms_live"), ("twin", "fill_ms_twin"))),
    ("Time to the acknowledgement", "ms", 1, (("live", "ack_ms_live"), ("twin", "ack_ms_twin"))),
)
_STYLE = """
:root { color-scheme: light; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --live: #0550ae; --twin: #bc4c00; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600;
  overflow-wrap: normal; } .n { text-align: right; font-variant-numeric: tabular-nums; }
.soft { color: var(--soft); } code { overflow-wrap: anywhere; }
.pass { color: #116329; } .fail, .error { color: #a40e26; font-weight: 700; } .loud { border: 2px solid #a40e26;
  padding: .6rem 1rem; margin: 1rem 0; } .thin { border: 2px solid #9a6700; padding: .6rem 1rem; margin: 1rem 0; }
figure { margin: 1rem 0; break-inside: avoid; } svg { width: 100%; height: auto; }
.decision div { border-bottom: 1px solid var(--ink); height: 2.2rem; } tr, section { break-inside: avoid-page; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def review_page(review: Mapping[str, Any]) -> str:
    """The whole file, from what ``GET /api/trading/rollouts/{venue}/review`` answers."""
    rollout = review["rollout"]
    parts: tuple[Callable[[Mapping[str, Any]], str], ...] = (
        _head,
        _where,
        _gates,
        _missing,
        _live_against_twin,
        _strata,
        _steps,
        _incidents,
        _refused,
        _changes,
        _candidates,
        _decision,
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Canary review of {_text(rollout['venue'])}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(part(review) for part in parts)
        + "\n</body></html>\n"
    )


def _head(review: Mapping[str, Any]) -> str:
    rollout = review["rollout"]
    said = f'<p>Verdict: <strong class="{_text(rollout["verdict"])}">{_verdict(rollout["verdict"])}</strong></p>'
    notes = [said]
    if rollout["hold"] is not None:
        hold = rollout["hold"]
        words = f"{hold['kind'].upper()} since {hold['since']} by {hold['by']} ({hold['cause']}): {hold['text']}"
        notes.append(f'<p class="loud">{_text(words)}</p>')
    if rollout["override"] is not None:
        one = rollout["override"]
        words = f"OVERRIDE: {one['what']} by {one['by']} until {one['expires_at']}: {one['reason']}"
        notes.append(f'<p class="loud">{_text(words)}</p>')
    if review["is_thin"]:
        items = "".join(f"<li>{_text(one)}</li>" for one in review["thin"]) or "<li>no gate was measured</li>"
        notes.append(f'<div class="thin"><strong>Too thin to decide on.</strong> <ul>{items}</ul></div>')
    return (
        f"<h1>Canary review of {_text(rollout['venue'])}</h1>"
        f'<p class="soft">Made {_text(review["made_at"])}, journal up to record {_text(review["seq"])}. Evidence '
        f"<code>{_text(rollout['evidence_hash'])}</code>: an approval binds to it, and it changes with a verdict, the "
        "step, a hold, the configuration or the policies.</p>" + "".join(notes)
    )


def _where(review: Mapping[str, Any]) -> str:
    rollout, measured = review["rollout"], review["measured"]
    if measured["cycles"]:
        bounds = f"95% between {_percent(measured['lower'])} and {_percent(measured['upper'])}"
        share = f"{_percent(measured['share'])}: {measured['live']} of {measured['cycles']} positions ({bounds})"
        weight = f"{rollout['weight_bp'] / 100:g}% (drawn under {_percent(measured['expected'])} on average)"
    else:
        share, weight = "no position was drawn in this step", f"{rollout['weight_bp'] / 100:g}%"
    is_on_plan = 0 <= rollout["position"] < rollout["steps"]
    place = f", {rollout['position'] + 1} of {rollout['steps']}" if is_on_plan else ""
    rows = (
        ("Step", f"{rollout['step']}{place}"),
        ("Since", rollout["entered_at"] or "the beginning"),
        ("Next", rollout["next_step"] or "nothing"),
        ("In force", f"{rollout['mode']}, weight {weight}"),
        ("Measured share", share),
        ("Measured share by value", _share_of_value(rollout["notional_bp"])),
        ("Trading days", f"{rollout['days']} in this step, {rollout['canary_days']} in CANARY"),
        (
            "Live orders",
            f"{review['live_orders']} in this step; {rollout['orders']} in all, {rollout['errors']} errors",
        ),
        ("Cut off by outages", str(rollout["lost"])),
        ("In doubt now", str(rollout["in_doubt"])),
        ("Enough evidence", rollout["projected_at"] or "no telling at this rate"),
    )
    return _section("Where it stands", _table((), ((_text(name), _text(value)) for name, value in rows)))


def _gates(review: Mapping[str, Any]) -> str:
    def row(one: Mapping[str, Any]) -> Sequence[str]:
        bounds = "" if one["upper"] is None else f"{_percent(one['lower'])} to {_percent(one['upper'])}"
        verdict = f'<span class="{_text(one["verdict"])}">{_verdict(one["verdict"])}</span>'
        needed = "" if one["needed"] is None else f"{one['needed']:,}"
        return (_text(one["gate"]), verdict, f"{one['n']:,}", needed, _text(bounds), _text(one["text"]))

    heads = ("Gate", "Verdict", "#n", "#More needed", "Rate is within", "In words")
    return _section("Gates", _table(heads, map(row, review["rollout"]["gates"]), "No gate is measured here."))


def _missing(review: Mapping[str, Any]) -> str:
    items = "".join(f"<li>{_text(one)}</li>" for one in review["rollout"]["missing"])
    inside = f"<ul>{items}</ul>" if items else "<p>Nothing but the edit, and the rollout policy's word on it.</p>"
    return _section("What is missing for the next step", inside)


def _live_against_twin(review: Mapping[str, Any]) -> str:
    if not review["pairs"]:
        return _section(
            "Live against twin", "<p>No live order has filled and has a filled twin: nothing to compare.</p>"
        )
    noise = review["rollout"]["noise_bps"]
    told = f"{review['pairs']} live orders that filled, and of which a twin did."
    if noise is not None:
        told += f" Two simulations of the same order differ by {noise} bps (median): less than that says nothing."
    figures = []
    for title, unit, scale, series in _PLOTS:
        drawn = [Series(name, _cells(review["samples"][field]), scale) for name, field in series]
        figures.append(f"<figure>{plot(title, unit, drawn)}</figure>")
    return _section("Live against twin", f"<p>{_text(told)}</p>{''.join(figures)}")


def _cells(pairs: Iterable[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(value), int(count)) for value, count in pairs)


def _share_of_value(share_bp: int | None) -> str:
    return "nothing was opened in this step" if share_bp is None else f"{share_bp / 100:g}% of what was opened"


_COUNTS = ("orders", "errors", "rejects", "filled", "partial", "canceled", "replaced")
_FIELDS = (*_COUNTS, "fill_ratio", "ack_ms", "fill_ms", "slippage_bps", "twin_slippage_bps", "vwap_bps")
_FIELD_HEADS = tuple(f"#{field.replace('_', ' ')}" for field in _FIELDS)


def _figures(one: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_text("" if one[field] is None else one[field]) for field in _FIELDS)


def _strata(review: Mapping[str, Any]) -> str:
    def row(one: Mapping[str, Any]) -> Sequence[str]:
        return (_text(one["stratum"].replace("|", ", ") or "all"), *_figures(one))

    heads = ("Order type, side, symbol", *_FIELD_HEADS)
    rows = map(row, review["rollout"]["evidence"])
    return _section("Evidence by order type, side and symbol", _table(heads, rows, "No live order in this step."))


def _steps(review: Mapping[str, Any]) -> str:
    """Every step of the rollout beside the present one, and the strata of those that were left."""
    rollout = review["rollout"]

    def name(position: int) -> str:
        return _text(_place(position, rollout["steps"]))

    def row(position: int, since: str, days: int, share_bp: int | None, one: Mapping[str, Any]) -> Sequence[str]:
        share = "" if share_bp is None else f"{share_bp / 100:g}%"
        stratum = one["stratum"].replace("|", ", ") or "all"
        return (name(position), _text(since), f"{days}", share, _text(stratum), *_figures(one))

    rows = [
        row(past["position"], past["entered_at"] or "the beginning", past["days"], past["notional_bp"], one)
        for past in rollout["past"]
        for one in past["evidence"]
    ]
    now = (one for one in rollout["evidence"] if not one["stratum"])
    since = rollout["entered_at"] or "the beginning"
    rows += [row(rollout["position"], since, rollout["days"], rollout["notional_bp"], one) for one in now]
    heads = ("Step", "Since", "#Days", "#Live by value", "Order type, side, symbol", *_FIELD_HEADS)
    return _section("Step by step", _table(heads, rows, "No live order in any step."))


def _incidents(review: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in review["incident_counts"].items())
    rows = ((_text(one["time"]), _text(one["kind"]), _text(one["text"])) for one in review["incidents"])
    told = f"<p>{_text(counts)}; the newest {len(review['incidents'])} follow.</p>" if counts else ""
    none = "None: no breaker, outage, doubt, drift, hold or alert in this step."
    return _section("Incidents", told + _table(("When", "What", "In words"), rows, none))


def _refused(review: Mapping[str, Any]) -> str:
    def rows(name: str) -> Iterable[Sequence[str]]:
        return (
            (_text(one["stage"]), _text(one["code"]), f"{one['orders']:,}", _text(one["example"]))
            for one in review[name]
        )

    heads = ("Stage", "Code", "#Orders", "For example")
    return _section("Denied by us", _table(heads, rows("denied"), "No order.")) + _section(
        "Rejected by the venue", _table(heads, rows("rejected"), "No live order.")
    )


def _changes(review: Mapping[str, Any]) -> str:
    def row(one: Mapping[str, Any]) -> Sequence[str]:
        lines = [f"<li><strong>looser:</strong> {_text(line)}</li>" for line in one["looser"]]
        lines += [f"<li>{_text(line)}</li>" for line in one["difference"]]
        by = one["by"] + (f": {one['reason']}" if one["reason"] else "")
        return (
            _text(one["time"]),
            f"<code>{_text(one['config_revision'])}</code>",
            _text(by),
            f"<ul>{''.join(lines)}</ul>",
        )

    heads = ("When", "Configuration", "By", "Difference")
    policies = ((_text(one["time"]), f"<code>{_text(one['policy_revision'])}</code>") for one in review["policies"])
    return _section(
        "Changes since the step began",
        _table(heads, map(row, review["edits"]), "The configuration did not change.")
        + _table(("Orders admitted from", "By policies"), policies, "No order was admitted."),
    )


def _candidates(review: Mapping[str, Any]) -> str:
    if not review["candidates"]:
        return _section("Candidates beside the enforced", "<p>None is configured.</p>")

    def run(one: Mapping[str, Any]) -> Sequence[str]:
        verdict = f'<span class="{_text(one["verdict"])}">{_verdict(one["verdict"])}</span>'
        lacking = _text("; ".join((*one["problems"], *one["missing"])))
        needed = _text(", ".join(one["needed_for"]))
        counts = (one[name] for name in ("step_orders", "step_differences", "orders", "differences"))
        return (_text(one["name"]), _text(one["state"]), verdict, needed, *(f"{count:,}" for count in counts), lacking)

    def found(one: Mapping[str, Any]) -> Sequence[str]:
        step = (
            "this one"
            if one["is_current"]
            else f"{_place(one['position'], review['rollout']['steps'])}, from {one['since']}"
        )
        named = (_text(one["candidate"]), _text(step), _text(one["kind"]), _text(one["rule"]))
        return (*named, f"{one['orders']:,}", _text(one["notional"]))

    counted = ("#Judged in this step", "#Differ", "#Judged in all", "#Differ")
    heads = ("Candidate", "State", "Verdict", "Needed for", *counted, "What is missing")
    rules = ("Candidate", "Step of this venue", "It", "By rule", "#Orders", "#Notional")
    return _section(
        "Candidates beside the enforced",
        _table(heads, map(run, review["candidates"]))
        + _table(rules, map(found, review["disagreements"]), "No order at this venue was judged otherwise."),
    )


def _place(position: int, steps: int) -> str:
    if position < 0:
        return "SHADOW"
    return f"step {position + 1}" if position < steps else "LIVE"


def _decision(review: Mapping[str, Any]) -> str:
    rollout = review["rollout"]
    command = (
        f"gateway rollout approve {rollout['venue']} --revision REVISION --evidence {rollout['evidence_hash']} "
        '--reason "..."'
    )
    given = rollout["approval"]
    told = (
        ""
        if given is None
        else f"Approved: {given['what']} by {given['by']} until {given['expires_at']}: {given['reason']}"
    )
    blanks = "".join(f'<p class="soft">{name}</p><div></div>' for name in ("Decision", "Reason", "Name", "Date"))
    return _section(
        "Decision",
        f"<p>{_text(told)}</p><p>To approve the edit with revision REVISION (the refusal of the edit names it):</p>"
        f'<p><code>{_text(command)}</code></p><div class="decision">{blanks}</div>',
    )


# --- pieces ---------------------------------------------------------------------------------------


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{inside}</section>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], none: str = "") -> str:
    """Cells are markup already. A head that begins with # is over numbers."""
    kinds = [' class="n"' if head.startswith("#") else "" for head in heads]
    body = [
        "<tr>" + "".join(f"<td{kinds[i] if kinds else ''}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    ]
    if not body and none:
        return f"<p>{_text(none)}</p>"
    names = (f'<th scope="col"{kind}>{_text(head.lstrip("#"))}</th>' for head, kind in zip(heads, kinds, strict=True))
    top = f"<thead><tr>{''.join(names)}</tr></thead>" if heads else ""
    return f"<table>{top}<tbody>{''.join(body)}</tbody></table>"


def _verdict(name: str) -> str:
    return _text(_MARKS.get(name, name))


def _percent(share: str) -> str:
    """Shown to people: the exact figure is in the JSON."""
    return f"{float(share) * 100:.4g}%"


def _text(value: object) -> str:
    return escape(str(value), quote=True)
