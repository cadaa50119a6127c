"""Words of venues, as far as a journal can hold them: JSON lets halves of characters through, and UTF-8 does not."""

import msgspec

from gateway.domain.orders import ExecutionReport


def clean_text(text: str) -> str:
    return text if text.isascii() else text.encode(errors="replace").decode()


def clean_reports(reports: tuple[ExecutionReport, ...]) -> tuple[ExecutionReport, ...]:
    """The same reports, but for texts that had to be cleaned."""
    if all(report.text.isascii() for report in reports):
        return reports
    return tuple(msgspec.structs.replace(report, text=clean_text(report.text)) for report in reports)
