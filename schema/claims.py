"""The claims of a source text, each with the query that tests it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
CodeId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
ClaimId = Annotated[str, StringConstraints(pattern=r"^C\d\d[a-z]?$")]
CodebookUnit = Literal["post", "thread", "author_timeline", "community"]


class Entry(BaseModel):
    """One entry of a codebook file: frozen, and no key that the model does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClaimNeeds(Entry):
    """What a claim reads: published tables, and the codes whose floors lock it."""

    tables: tuple[str, ...]
    codes: tuple[CodeId, ...]


class Claim(Entry):
    """A statement of the source text in testable form, with the query that tests it."""

    id: ClaimId
    passage: Sentence
    statement: Sentence
    unit: CodebookUnit
    measure: Sentence
    needs: ClaimNeeds
    kind: Literal["share", "contrast", "paired", "slope", "none"]
    sign: Literal[1, -1]
    sesoi: float | None
    testability: Literal["direct", "proxy", "not_testable"]
    priority: Literal["primary", "secondary", "none"]
    sql: Sentence | None
    companion_sql: Sentence | None = None
    limits: Sentence
    prior_evidence: Sentence

    @property
    def is_testable(self) -> bool:
        """Tell whether any published row could bear the claim out."""
        return self.testability != "not_testable"

    @model_validator(mode="after")
    def _testable_or_not(self) -> Self:
        has_test = (self.kind != "none", self.sql is not None, self.sesoi is not None)
        if any(has_test) != self.is_testable or all(has_test) != self.is_testable:
            raise ValueError(
                "a testable claim has kind, sql and sesoi; one that is not_testable has "
                "kind none, sql null and sesoi null"
            )
        return self
