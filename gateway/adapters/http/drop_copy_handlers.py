"""Executions from an independent source over HTTP: each compared with the live book."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.kinds import Amount, Moment, Name, Text
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import Items, read_struct
from gateway.adapters.http.shapes import SIDE
from gateway.domain.enums import Side
from gateway.ports.drop_copy import CopiedExecution, DropCopies, DropCopyVerdict
from gateway.ports.intake import FieldError, RequestInvalid

MAX_EXECUTIONS = 1_000


class ExecutionCopy(msgspec.Struct, frozen=True):
    """One execution as the independent source tells it."""

    exec_id: Annotated[str, Text("The venue's id of the execution, as our own feed has it.", 128, is_needed=True)]
    symbol: Annotated[str, Name("As configured.")]
    side: Annotated[Side, SIDE]
    quantity: Annotated[Decimal, Amount("Units executed.")]
    price: Annotated[Decimal, Amount("Price per unit.")]
    order_id: Annotated[str | None, Name("Our order, where it is known: finds archived ones too.")] = None
    executed_at: Annotated[int | None, Moment("When the venue executed it.")] = None


class CompareExecutions(msgspec.Struct, frozen=True):
    """Executions of one venue."""

    venue: Annotated[str, Name("The venue that executed them.")]
    executions: Annotated[
        tuple[dict[str, Any], ...], Items("The executions, each once.", ExecutionCopy, 1, MAX_EXECUTIONS)
    ]


class DropCopyReply(msgspec.Struct, frozen=True):
    """One verdict per execution, in their order."""

    executions: tuple[DropCopyVerdict, ...]


class DropCopyHandlers:
    """The drop copy."""

    def __init__(self, copies: DropCopies) -> None:
        self._copies = copies

    async def compare(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), CompareExecutions)
        if caller.is_restricted:
            raise HttpProblem("ACCOUNT_NOT_PERMITTED", "fills of every account are compared; this key is bound to some")
        executions = [_copied(ExecutionCopy(**fields)) for fields in wish.executions]
        _check_unique(executions)
        return json_response(DropCopyReply(await self._copies.compare(wish.venue.lower(), executions, caller.actor)))


def _copied(one: ExecutionCopy) -> CopiedExecution:
    return CopiedExecution(
        exec_id=one.exec_id,
        symbol=one.symbol,
        side=one.side,
        quantity=one.quantity,
        price=one.price,
        order_id=one.order_id or "",
        executed_ns=one.executed_at or 0,
    )


def _check_unique(executions: list[CopiedExecution]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(executions):
        if (one.symbol, one.exec_id) in seen:
            field = f"executions[{number}].exec_id"
            raise RequestInvalid((FieldError(field, "must appear once per symbol", one.exec_id, "send it once"),))
        seen.add((one.symbol, one.exec_id))
