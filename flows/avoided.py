"""Topics that coders wish to avoid: read from a 0600 file outside the study, told to nobody."""

from pathlib import Path

from annotation.content_notes import topics
from flows.workspace import Workspace, read_private_file
from schema.errors import BadInput


def avoided_topics(workspace: Workspace) -> dict[str, set[str]]:
    """Map coders to the topics that they do not want to read; one `coder: topic, topic` a line.

    Raises:
        BadInput: the file is missing, readable by others, in the study, or names what is none.
    """
    place = workspace.study.coding.avoid_file
    if place is None:
        return {}
    what = "coding.avoid_file"
    text = read_private_file(Path(place), what=what, study_directory=workspace.directory)
    found: dict[str, set[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        told = line.split("#", 1)[0].strip()
        if not told:
            continue
        coder, _, names = told.partition(":")
        wished = {name.strip() for name in names.split(",") if name.strip()}
        if coder.strip() not in workspace.study.coding.coders or not wished <= {*topics()}:
            raise BadInput(
                f"{what}, line {number}: write `coder: topic, topic`, with a coder of the study "
                f"and topics out of {', '.join(topics())}"
            )
        found.setdefault(coder.strip(), set()).update(wished)
    return found
