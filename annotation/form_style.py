"""How the coding form looks: text left, codes right, every row beside its code, no scrolling."""

from collections.abc import Sequence
from typing import Final

# Only descendant selectors: a `>` would be escaped in the XML. `display: contents` lets the
# choices of one list, the labels and the rows of many lists stand in one grid. The side panels
# show regions only, which the text shows as well; without them all codes fit on one screen.
STYLE: Final = """
.lsf-sidepanels__wrapper { display: none }
.lsf-sidepanels { padding: 0 !important }
.confide { display: flex; gap: 20px; align-items: flex-start; font-size: 13px }
.confide h4 { font-size: 13px !important; margin: 4px 0 !important; line-height: 1.3 }
.confide-read { flex: 1 1 34%; min-width: 0 }
.confide-code { flex: 1 1 66%; min-width: 0 }
.confide-note { font-weight: 600; background: #fff7e6; border: 1px solid #ffd591 }
.confide-thread { max-height: 220px; overflow-y: auto; background: #fafafa; padding: 0 8px }
.confide-thread [class*="wrapper_header"], .confide-thread [class*="selectAllBtnWrapper"],
.confide-thread [class*="time--"] { display: none }
.confide-text { max-height: 380px; overflow-y: auto; border: 1px solid #d9d9d9; padding: 4px }
.confide-card * { font-family: monospace !important; font-size: 12px !important;
  white-space: pre-wrap !important }
.confide-blur:not(:hover) [class*="text"], .confide-blur:not(:hover) [class*="phrase"]
  { filter: blur(6px) }
.confide-cannot .lsf-choices { display: flex; flex-wrap: wrap; margin: 0 }
.confide-cannot .lsf-choice { margin: 0 }
.confide-cannot sup { display: none }
.confide-cannot .ant-checkbox-wrapper { font-size: 12px; line-height: 1.2; margin: 0 8px 0 0 }
.confide-grid { display: grid; column-gap: 8px; align-items: center;
  grid-template-columns: minmax(0, 1fr) auto 204px minmax(0, 1fr) auto 204px;
  grid-auto-rows: minmax(36px, auto) }
.confide-heading { border-bottom: 1px solid #d9d9d9 }
.confide-codes, .confide-codes .lsf-choices, .confide-codes .lsf-choice { display: contents }
.confide-codes .ant-checkbox-wrapper { font-size: 13px; line-height: 1.2 }
.confide-marks, .confide-marks .lsf-labels { display: contents }
.confide-marks .lsf-label { margin: 0; height: 22px; font-size: 11px }
.confide-marks .lsf-label__text { display: none }
.confide-marks .lsf-label__hotkey { margin: 0 }
.confide-reply-marks .lsf-label { margin: 0 4px 2px 0; height: 22px; font-size: 11px }
.confide-reply-marks .lsf-label__hotkey { display: none }
.confide-grades { display: flex; gap: 4px; justify-content: flex-end; align-items: center;
  white-space: nowrap; background: #f5f5f5; border-radius: 4px; padding: 0 6px }
.confide-grades .lsf-choices { display: flex; margin: 0 }
.confide-grades .lsf-choice { margin: 0 }
.confide-grades .lsf-choice .ant-radio-wrapper { margin: 0 2px 0 0; line-height: 1.2 }
.confide-grades .ant-radio-wrapper span { padding: 0 1px }
.confide-grades .lsf-hint { display: none }
"""


def evidence_style(marks: str, places: Sequence[str]) -> str:
    """Return the rules that put a list's n-th evidence label where `places[n - 1]` says.

    A label takes no style of its own, unlike a choice. `marks` is the list's class.
    """
    rules = (
        f".{marks} .lsf-label:nth-child({n}) {{ {place} }}\n"
        for n, place in enumerate(places, start=1)
    )
    return "".join(rules)
