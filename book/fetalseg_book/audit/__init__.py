"""The audit: every checkable statement of the architecture note, each checked by code."""

from fetalseg_book.audit.audit import all_claims, audit
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.html import to_html
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.table import count_verdicts, format_table

__all__ = [
    "Claim",
    "Evidence",
    "Finding",
    "Verdict",
    "all_claims",
    "audit",
    "count_verdicts",
    "format_table",
    "to_html",
]
