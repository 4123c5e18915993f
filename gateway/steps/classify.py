"""Step: classify. The caller's claim and what was found become the grade of this request.

Takes the claim, Findings and the Grant; gives a Grade. A claim only ever raises: personal data
makes at least S whatever was claimed, and no claim means the policy's default, never O.
"""

from gateway.domain import Grade, Grant
from gateway.errors import GradeAboveCeiling
from redaction.entity import Findings


def classify(claimed: Grade | None, findings: Findings, grant: Grant) -> Grade:
    """Returns the grade of the input.

    Raises:
        GradeAboveCeiling: the grade is above what the principal or the model may handle.
    """
    grade = grant.default_grade if claimed is None else claimed
    if findings.counts():
        grade = max(grade, Grade.S)
    if grade > min(grant.ceiling, grant.model.highest_grade):
        raise GradeAboveCeiling
    return grade
