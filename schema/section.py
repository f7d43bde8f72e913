"""What every section of study.toml is made of: a frozen model that refuses unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=60)]


class Section(BaseModel):
    """A table of study.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
