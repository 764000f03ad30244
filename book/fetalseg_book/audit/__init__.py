"""The audit: every checkable statement of the architecture note, each checked by code."""

from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.rows import Claim, all_claims
from fetalseg_book.audit.stated import Finding, Verdict
from fetalseg_book.audit.table import audit, count_verdicts, format_table, to_html

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
