"""Every compliance rule, R1 to R30, in one table; and the refusal of a verb that one blocks."""

from collections.abc import Sequence
from itertools import chain

from flows import (
    rules_audit,
    rules_keys,
    rules_permission,
    rules_purpose,
    rules_release,
    rules_removal,
    rules_storage,
    rules_wishes,
)
from flows.rules import Evidence, Outcome, Rule, gathered
from flows.workspace import Workspace
from schema.errors import PolicyRefused

READING = ("collect", "stream", "refresh")
FROM_FILES = ("backfill",)
CODING = ("draw", "push")
SHOWING = (*CODING, "publish")
RELEASE = ("release",)  # no verb of this name yet

PERMISSION = (
    Rule(
        "R1",
        "Reddit is off without an approval",
        "each live Reddit source against [platforms.reddit.approval]: its communities, its end",
        rules_permission.approval,
        READING,
    ),
    Rule(
        "R2",
        "approved routes alone",
        "permissions of sources of files; Reddit's addresses; the route of every row",
        rules_permission.routes,
        (*READING, *FROM_FILES, *SHOWING),
        uses=("warehouse",),
    ),
    Rule(
        "R3",
        "Reddit is asked truthfully and slowly",
        "user agent, and the budget that every request takes from",
        rules_permission.asking,
        READING,
    ),
    Rule(
        "R4",
        "excluded communities and adult content stay out",
        "every post's community and mark against the policy",
        rules_permission.denylist,
        SHOWING,
        needs=("warehouse",),
    ),
    Rule(
        "R5",
        "ethics approval, impact assessment and notice page are recorded",
        "[policy.ethics]: each entry, and its end",
        rules_permission.ethics,
        (*READING, *FROM_FILES),
    ),
)
STORAGE = (
    Rule(
        "R6",
        "nothing at rest names anybody",
        "names of all columns; every text column of every table, and of Label Studio's tasks",
        rules_storage.nameless,
        SHOWING,
        needs=("warehouse",),
    ),
    Rule(
        "R7",
        "texts are masked before they are stored",
        "the masking rules' version of every text; how often coders found a detail",
        rules_storage.masked,
        ("push", *RELEASE),
        needs=("warehouse",),
    ),
    Rule(
        "R8",
        "no inference about people",
        "kinds of all units and codings, names of columns, the safety code",
        rules_storage.nothing_inferred,
        SHOWING,
        needs=("warehouse",),
    ),
    Rule(
        "R9",
        "no linking across platforms",
        "pseudonyms of one platform among the other's",
        rules_storage.not_linked,
        SHOWING,
        needs=("warehouse",),
    ),
)
KEYS = (
    Rule(
        "R10",
        "pseudonyms are keyed",
        "up to 100 ids of the vault, keyed anew and hashed plainly",
        rules_keys.keyed,
        RELEASE,
        needs=("vault",),
    ),
    Rule(
        "R11",
        "the secret is its owner's alone",
        "where the key lies, modes of all but published/, every byte of the study for the key",
        rules_keys.secret,
        (*READING, *FROM_FILES, *RELEASE),
        uses=("vault",),
    ),
    Rule(
        "R12",
        "one key for life, and none after shredding",
        "the mark of shredding, the vault, the key file, the audit log",
        rules_keys.one_key,
        RELEASE,
        uses=("warehouse",),
    ),
    Rule(
        "R13",
        "nothing raw is written to disk",
        "unfinished files, Prefect's kept results, bytes of deleted rows, the last backup's age",
        rules_keys.no_leftovers,
        RELEASE,
        uses=("warehouse",),
    ),
)
REMOVAL = (
    Rule(
        "R14",
        "what is deleted on Reddit is gone in time",
        "when each post was to be looked at again",
        rules_removal.looked_at_reddit,
        RELEASE,
        needs=("vault",),
    ),
    Rule(
        "R15",
        "what is deleted on Bluesky is gone in time",
        "when each post was to be looked at again",
        rules_removal.looked_at_bluesky,
        RELEASE,
        needs=("vault",),
    ),
    Rule(
        "R16",
        "a removal reaches every store",
        "removals begun in the vault; whether tasks and published file follow the warehouse",
        rules_removal.everywhere,
        RELEASE,
        needs=("warehouse",),
    ),
    Rule(
        "R17",
        "no residue of what is gone",
        "whatever hangs on a post, and the tally's cells",
        rules_removal.no_residue,
        ("publish",),
        needs=("warehouse",),
    ),
    Rule(
        "R18",
        "edits replace text and void spans",
        "replaced wordings among posts, and among the codings that spans hang on",
        rules_removal.edits,
        ("publish", *RELEASE),
        needs=("warehouse",),
    ),
    Rule(
        "R19",
        "who opted out stays out",
        "every id of the vault and every author's pseudonym against the suppression hashes",
        rules_removal.stays_out,
        RELEASE,
        needs=("vault",),
        uses=("warehouse",),
    ),
)
WISHES = (
    Rule(
        "R20",
        "authors' wishes are obeyed",
        "whatever counts as shareable against its author's wishes",
        rules_wishes.intents,
        ("publish",),
        needs=("warehouse",),
    ),
    Rule(
        "R21",
        "what is for signed-in readers stays out",
        "every post's visibility, and closed accounts in every published table",
        rules_wishes.signed_in_readers,
        ("publish",),
        needs=("warehouse",),
    ),
)
PURPOSE = (
    Rule(
        "R22",
        "no model is made from Reddit's texts",
        "types of all columns, files of models in the study",
        rules_purpose.no_models,
        ("publish",),
        needs=("warehouse",),
    ),
    Rule(
        "R23",
        "nothing too young is coded, nothing kept too long",
        "ages of units, texts and lines of the safety log; ends of permissions",
        rules_purpose.old_enough,
        ("push", *RELEASE),
        needs=("warehouse",),
    ),
)
GATE = (
    Rule(
        "R24",
        "only what may be public is released",
        "what lies beside the published file",
        rules_release.one_file,
        RELEASE,
    ),
    Rule(
        "R25",
        "no small cells",
        "cells of persistence_tally; a release's cells are not looked at yet",
        rules_release.large_cells,
        ("publish",),
        needs=("warehouse",),
    ),
    Rule("R26", "no verbatim quotes", "nothing: a person must", rules_release.no_quotes, RELEASE),
    Rule("R27", "two people sign", "nothing yet", rules_release.signed_off, RELEASE),
    Rule(
        "R28",
        "Reddit gets the preprint",
        "whether the study has such a source; the deposit itself a person must see to",
        rules_release.preprint,
        RELEASE,
    ),
)
AUDIT = (
    Rule(
        "R29",
        "the audit log is append-only and chained",
        "every line's hash, and the last one's, which is known beside the log",
        rules_audit.chain,
        SHOWING,
        needs=("warehouse",),
    ),
    Rule(
        "R30",
        "drills are run",
        "the audit log's last drill: its date, and whether it went well",
        rules_audit.drills,
        RELEASE,
        needs=("warehouse",),
    ),
)
GROUPS = {
    "A. Permission before collection": PERMISSION,
    "B. Never stored": STORAGE,
    "C. Keyed pseudonyms and vault": KEYS,
    "D. Deletion, edits, opt-out": REMOVAL,
    "E. Stated wishes (Bluesky)": WISHES,
    "F. Purpose, models, retention": PURPOSE,
    "G. Release gate": GATE,
    "H. Audit": AUDIT,
}
RULES: tuple[Rule, ...] = tuple(chain.from_iterable(GROUPS.values()))
# a source's own records are asked when the source is read, not when units are drawn
ASKED_BEFORE_SHOWING = tuple(rule for rule in RULES if set(rule.blocks) & set(SHOWING))


def applied(workspace: Workspace, rules: Sequence[Rule] = RULES) -> list[tuple[Rule, Outcome]]:
    """Apply rules in order, the stores opened once for all of them."""
    needs = frozenset(need for rule in rules for need in (*rule.needs, *rule.uses))
    with gathered(workspace, needs) as evidence:
        return _all(evidence, rules)


def blocked(rule: Rule, outcome: Outcome) -> tuple[str, ...]:
    """Name the verbs that an outcome blocks; none unless it failed."""
    if outcome.verdict != "fail":
        return ()
    return rule.blocks if outcome.blocks is None else outcome.blocks


def refuse_if_blocked(workspace: Workspace, verb: str) -> None:
    """Refuse a verb that draws, sends or publishes while a rule that blocks it fails.

    Raises:
        PolicyRefused: names each rule, what broke it and the remedy.
    """
    rules = [rule for rule in ASKED_BEFORE_SHOWING if verb in rule.blocks]
    told = [
        f"{rule.number}: {outcome.why}"
        for rule, outcome in applied(workspace, rules)
        if verb in blocked(rule, outcome)
    ]
    if told:
        raise PolicyRefused(f"{verb} is refused: {'; '.join(told)}")


def page() -> str:
    """Write out the table for `docs/compliance.md`."""
    parts = [HEAD]
    for group, rules in GROUPS.items():
        rows = [
            f"| {rule.number} | {rule.wants} | {rule.looks_at} | {', '.join(rule.blocks)} |"
            for rule in rules
        ]
        head = (
            f"## {group}\n\n| rule | wants | `confide check` looks at | blocks |\n|---|---|---|---|"
        )
        parts.append("\n".join([head, *rows, ""]))
    return "\n".join(parts)


def _all(evidence: Evidence, rules: Sequence[Rule]) -> list[tuple[Rule, Outcome]]:
    return [(rule, rule.apply(evidence)) for rule in rules]


HEAD = """# The compliance rules, and what checks them

Generated by `python -m flows.documents` from `flows/rule_table.py`; edit that. No legal advice.

`confide check` applies every rule: pass, fail or not applicable, why, and the verbs it blocks. It
exits 3 where a rule that fails blocks a verb; `--json` gives the same to machines. `draw`, `push`
and `publish` apply the rules that block them and refuse (exit 3); `collect`, `stream`, `backfill`
and `refresh` refuse a source whose records fail (exit 3), and a key, vault or file of names that is
unfit (exit 2). A warehouse that others could read is made private when it is opened.

`release` is no verb yet: what blocks it blocks nothing today, and stays to be mended. Where a rule
says "not applicable", its sentence says why: there was nothing to look at, or no code can.

`confide check --drill` makes a study to be thrown away, plants canaries and lets them go with the
program's own steps: a deletion, an opt-out, a crisis flag, a shredding; what was deleted or opted
out is then brought once more. It says of each in how many places canaries stood before and after,
and puts the counts into the audit log of the study, where R30 looks for them. It exits 1 where a
drill fails. It asks no platform and no Label Studio: that tasks are deleted there is not drilled.

A study whose platforms are this machine (the demo) has R1, R5, R27, R28 and R30 as not applicable.
"""
