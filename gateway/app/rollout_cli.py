"""``gateway rollout``: how the venues stand on their plans, and the commands of people, for a terminal."""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.app.options import whole
from gateway.app.people.client import GatewayClient, Refused
from gateway.app.people.terminal import clean
from gateway.app.review_page import review_page
from gateway.app.step_record import print_record

_PATH = "/api/trading/rollouts"
_POLL_S = 2.0
#: Longer than the gateway takes at most to fold a step.
_REVIEW_TIMEOUT_S = 330.0
_MARKS = {"pass": "+", "fail": "X", "error": "!", "not_enough_evidence": "."}
COMMANDS = ("pause", "resume", "abort")


def add_parser(commands: Any) -> None:
    rollout = commands.add_parser("rollout", help="venues on their way to LIVE (GATEWAY_URL, GATEWAY_KEY)")
    actions = rollout.add_subparsers(dest="action", required=True)
    status = actions.add_parser("status", help="where each venue stands, and what each gate says")
    status.add_argument("venue", nargs="?", default="")
    status.add_argument("--watch", action="store_true", help="show it again every two seconds")
    status.add_argument("--json", action="store_true", help="everything as JSON")
    history = actions.add_parser("history", help="the steps that a venue has left")
    history.add_argument("venue")
    review = actions.add_parser("review", help="the canary review that a person decides on, as one HTML file")
    review.add_argument("venue")
    review.add_argument("--out", type=Path, metavar="FILE.html", help="where to (default: VENUE-review.html)")
    review.add_argument("--json", action="store_true", help="print the same as JSON instead")
    record = actions.add_parser("record", help="what the journal tells of a venue since a moment, as JSON")
    record.add_argument("venue")
    record.add_argument("--since-ns", type=whole(0), default=0, help="nanoseconds since the epoch (default: all)")
    record.add_argument("--data", type=Path, default=Path("data"), help="folder of the journal")
    for name, words in zip(
        COMMANDS, ("let nothing new go live", "let a held venue go on", "demote at once"), strict=True
    ):
        command = actions.add_parser(name, help=words)
        command.add_argument("venue")
        command.add_argument("--reason", required=True, help="words for the record")
    approve = actions.add_parser("approve", help="agree to a promotion")
    approve.add_argument("venue")
    approve.add_argument("--revision", required=True, help="of the configuration, as the refusal prints it")
    approve.add_argument(
        "--evidence", required=True, metavar="HASH", help="of what was reviewed, as the review shows it"
    )
    approve.add_argument("--reason", required=True, help="words for the record")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what was asked; the exit status."""
    if args.action == "record":
        return print_record(args.venue, args.since_ns, args.data)
    try:
        client = GatewayClient(environ)
        if args.action == "status":
            return _status(client, args)
        if args.action == "review":
            return _review(GatewayClient(environ, _REVIEW_TIMEOUT_S), args)
        if args.action == "history":
            print(_shown(_history(client.ask("GET", f"{_PATH}/{args.venue}"))))
        elif args.action == "approve":
            wish = {"revision": args.revision, "evidence": args.evidence, "reason": args.reason}
            answer = client.ask("POST", f"{_PATH}/{args.venue}/approve", wish)
            print("in force" if answer["in_force"] else "approved; it is in force once nothing else is missing")
        else:
            answer = client.ask("POST", f"{_PATH}/{args.venue}/{args.action}", {"reason": args.reason})
            print(_shown(tree(answer)))
    except Refused as refused:
        print(_shown(str(refused).splitlines()), file=sys.stderr)
        return 1
    return 0


def _status(client: GatewayClient, args: argparse.Namespace) -> int:
    while True:
        path = f"{_PATH}/{args.venue}" if args.venue else _PATH
        answer = client.ask("GET", path)
        found = [answer] if args.venue else answer["rollouts"]
        text = json.dumps(answer, indent=2) if args.json else _shown(line for one in found for line in tree(one))
        if args.watch and sys.stdout.isatty():
            print("\x1b[2J\x1b[H", end="")
        print(text, flush=True)
        if not args.watch:
            return 0
        time.sleep(_POLL_S)


def _review(client: GatewayClient, args: argparse.Namespace) -> int:
    found = client.ask("GET", f"{_PATH}/{args.venue}/review")
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    path = args.out or Path(f"{found['rollout']['venue']}-review.html")
    try:
        path.write_text(review_page(found), encoding="utf-8")
    except OSError as error:
        print(f"{path} cannot be written: {error}", file=sys.stderr)
        return 1
    print(f"{path}: {found['rollout']['verdict']}, evidence {found['rollout']['evidence_hash']}")
    return 0


def _shown(lines: Iterable[str]) -> str:
    """Holds tell what venues and alerts said, in their words: nothing in them moves the terminal."""
    return "\n".join(map(clean, lines))


def tree(one: Mapping[str, Any]) -> Iterator[str]:
    """One venue as a tree of lines."""
    share = f" {one['weight_bp'] / 100:g}%" if one["mode"] == "CANARY" else ""
    measured = (
        "" if one["measured_bp"] is None else f", {one['measured_bp'] / 100:g}% of the cycles at this share were live"
    )
    if one["notional_bp"] is not None:
        measured += f", {one['notional_bp'] / 100:g}% of the value opened in this step"
    yield f"{one['venue']}: {one['mode']}{share} ({one['promotions']}){measured}"
    configured = (one["configured_mode"], one["configured_weight_bp"])
    if configured != (one["mode"], one["weight_bp"]):
        yield f"  configured: {configured[0]} {configured[1] / 100:g}%"
    if one["hold"] is not None:
        hold = one["hold"]
        until = f", cool-down until {hold['cool_down_until']}" if hold["cool_down_until"] else ""
        yield f"  {hold['kind'].upper()} since {hold['since']} by {hold['by']} ({hold['cause']}): {hold['text']}{until}"
    for name in ("override", "approval"):
        if one[name] is not None:
            permit = one[name]
            until = permit["expires_at"]
            yield f"  {name.upper()}: {permit['what']} by {permit['by']} until {until}: {permit['reason']}"
    is_on_plan = 0 <= one["position"] < one["steps"]
    place = f"step {one['position'] + 1} of {one['steps']}: " if is_on_plan else ""
    yield f"  {place}{one['step']}, {one['days']} days, {one['orders']} orders"
    yield f"  evidence: {one['evidence_hash']}"
    yield f"  verdict: {one['verdict']}" + (f" (next: {one['next_step']})" if one["next_step"] else "")
    for gate in one["gates"]:
        yield f"    [{_MARKS.get(gate['verdict'], '?')}] {gate['gate']}: {gate['text']}"
    if one["projected_at"] and one["verdict"] == "not_enough_evidence":
        yield f"  enough evidence at this rate: {one['projected_at']}"
    if one["noise_bps"] is not None:
        yield f"  the simulator differs from itself by {one['noise_bps']} bps (median)"
    for stratum in one["evidence"]:
        yield f"    {_stratum(stratum)}"


def _stratum(one: Mapping[str, Any]) -> str:
    means = [
        f"{words} {one[name]}"
        for name, words in (
            ("ack_ms", "ack ms"),
            ("fill_ms", "fill ms"),
            ("fill_ratio", "fill ratio"),
            ("slippage_bps", "slippage bps"),
            ("twin_slippage_bps", "against twin bps"),
            ("vwap_bps", "against VWAP bps"),
        )
        if one[name] is not None
    ]
    counts = f"{one['orders']} orders, {one['errors']} errors, {one['filled']} filled, {one['partial']} partly"
    return f"{one['stratum'] or 'all'}: {counts}" + (f"; means: {', '.join(means)}" if means else "")


def _history(one: Mapping[str, Any]) -> Iterator[str]:
    for past in one["past"]:
        left = f"{past['entered_at'] or 'the beginning'} to {past['left_at']}"
        counts = f"{past['days']} days, {past['orders']} orders, {past['errors']} errors"
        yield f"{_place(past['position'])}: {left}, {counts}"
        yield from (f"    {_stratum(stratum)}" for stratum in past["evidence"])
    yield f"{_place(one['position'])} ({one['step']}): since {one['entered_at'] or 'the beginning'}"


def _place(position: int) -> str:
    """Numbered as in `rollout status`, where 0 is before the plan."""
    return f"step {position + 1}"
