"""Rules B: what is never stored."""

from annotation.label_studio_home import TEXTS_OF_POSTS, database, has_database
from connectors.sqlite_texts import read_texts
from flows.label_studio import data_directory
from flows.rules import Evidence, Outcome, failed, judged, passed
from transforms.names_model import is_installed
from transforms.scrub import scrubber_version
from warehouse import store

MISSED_SHARE = 0.005  # of coded units, in which coders may find a detail that masking missed


def nameless(evidence: Evidence) -> Outcome:
    """R6: no column and no text of any table names anybody."""
    named = store.count_offending(evidence.rows, "columns_name_nobody")
    where = store.naming_columns(evidence.rows)
    where |= _in_label_studio(evidence)
    found = [f"{count} rows of {column}" for column, count in where.items()]
    if named:
        found.append(f"{named} columns made for names")
    if found:
        return failed(f"{', '.join(found)} name somebody: find out what wrote them, remove them")
    return passed(
        "no column is made for a name, and no text, Label Studio's too, holds an id or an address"
    )


def _in_label_studio(evidence: Evidence) -> dict[str, int]:
    """Count what names somebody in the embedded server's tasks, codings, drafts, predictions."""
    folder = data_directory(evidence.workspace)
    if not has_database(folder):
        return {}
    texts = read_texts(database(folder), TEXTS_OF_POSTS)
    counted = {place: store.count_naming(evidence.rows, rows) for place, rows in texts.items()}
    return {f"Label Studio's {place}": count for place, count in counted.items() if count}


def masked(evidence: Evidence) -> Outcome:
    """R7: stored texts were masked by the rules in force, and coders find next to no miss."""
    with_model = evidence.workspace.study.policy.names_model
    if with_model and not is_installed():
        return failed('policy.names_model asks for a model: pip install "confide[ner]"')
    version = scrubber_version(with_model=with_model)
    old = store.count_less_masked(evidence.rows, version)
    if old:
        return failed(f"{old} texts were masked by older rules: run `confide refresh`")
    missed, audited = store.count_missed_details(evidence.rows)
    if missed > MISSED_SHARE * audited:
        return failed(
            f"coders found an identifying detail in {missed} of {audited} units, and 0.5 % is the "
            "most: let the masking rules be mended, then run `confide refresh`",
            blocks=("release",),
        )
    return passed(
        f"texts are masked by rules {version}; coders found a detail in {missed} of {audited} units"
    )


def nothing_inferred(evidence: Evidence) -> Outcome:
    """R8: no value is keyed to a person, and the safety code is not in the warehouse."""
    return judged(
        {
            "rows with the safety code": store.count_offending(evidence.rows, "safety_code_absent"),
            "units or columns about a person": store.count_offending(
                evidence.rows, "nothing_about_people"
            ),
        },
        "codes attach to messages, threads, timelines and communities alone",
        "find out what wrote them, and remove them",
    )


def not_linked(evidence: Evidence) -> Outcome:
    """R9: nothing joins a person's accounts on two platforms."""
    shared = store.count_offending(evidence.rows, "platforms_apart")
    return judged(
        {"pseudonyms on both platforms": shared},
        "no pseudonym stands on both platforms; the vault is a file of its own",
        "rows were keyed with one key for both: remove them and collect them again",
    )
