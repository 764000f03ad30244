"""The audit: every checkable statement of the architecture note, each checked by code."""

from fetalseg_lib.report.claims.audit import all_claims, audit
from fetalseg_lib.report.claims.evidence import Evidence
from fetalseg_lib.report.claims.html import to_html
from fetalseg_lib.report.claims.record import Claim, Finding, Verdict
from fetalseg_lib.report.claims.table import count_verdicts, format_table

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
