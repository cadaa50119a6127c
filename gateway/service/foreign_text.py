"""Words of venues, as far as a journal can hold them: JSON lets halves of characters through, and UTF-8 does not."""

import msgspec

from gateway.domain.executions import ExecutionReport
from gateway.domain.venue_account import AccountReading
from gateway.domain.whole_text import with_whole_characters


def clean_text(text: str) -> str:
    return text if text.isascii() else text.encode(errors="replace").decode()


def clean_reports(reports: tuple[ExecutionReport, ...]) -> tuple[ExecutionReport, ...]:
    """The same reports, but for texts and ids that had to be cleaned."""
    if all(
        report.text.isascii()
        and report.exec_id.isascii()
        and report.venue_order_id.isascii()
        and report.fee_currency.isascii()
        and report.exec_ref_id.isascii()
        and report.order_id.isascii()
        for report in reports
    ):
        return reports
    return tuple(
        msgspec.structs.replace(
            report,
            order_id=_clean_id(report.order_id),
            exec_id=_clean_id(report.exec_id),
            exec_ref_id=_clean_id(report.exec_ref_id),
            venue_order_id=_clean_id(report.venue_order_id),
            fee_currency=_clean_id(report.fee_currency),
            text=clean_text(report.text),
        )
        for report in reports
    )


def clean_reading(reading: AccountReading) -> AccountReading:
    """The same of everything that a venue tells of an account."""
    try:
        msgspec.json.encode(reading)
    except UnicodeEncodeError:
        return msgspec.convert(with_whole_characters(msgspec.to_builtins(reading)), AccountReading)
    return reading


def _clean_id(text: str) -> str:
    """Ids that differ still do."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
