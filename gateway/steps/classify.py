"""Step: classify. The caller's claim and what was found become the grade of this request.

Takes the claim, Findings and the Grant; gives a Grade. Personal data, and what the law calls
sensitive (민감정보) said of anybody, make at least S whatever was claimed, and no claim means the
policy's default: O is never assumed, only claimed.
"""

from gateway.domain import Grade, Grant
from gateway.errors import GradeAboveCeiling
from redaction.entity import Findings


def classify(claimed: Grade | None, findings: Findings, grant: Grant) -> Grade:
    """Returns the grade of the input.

    Raises:
        GradeAboveCeiling: the grade is above what the principal or the model may handle; `param`
            says in closed words which grade, whose limit, and where the grade came from.
    """
    grade = grant.default_grade if claimed is None else claimed
    because = "default" if claimed is None else "claim"
    if (findings.counts() or findings.sensitive) and grade < Grade.S:
        grade, because = Grade.S, "found"
    if grade > grant.ceiling:
        raise GradeAboveCeiling(_reason(grade, "principal", grant.ceiling, because))
    if grade > grant.model.highest_grade:
        raise GradeAboveCeiling(_reason(grade, "model", grant.model.highest_grade, because))
    return grade


def _reason(grade: Grade, whose: str, limit: Grade, because: str) -> str:
    return f"grade={grade.name},{whose}={limit.name},because={because}"
