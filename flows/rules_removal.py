"""Rules D: what an author or a platform takes back is gone, everywhere and for good."""

from connectors.vault import count_pending
from flows.looks import overdue_before
from flows.rules import Evidence, Outcome, failed, inapplicable, judged, passed, platforms_of
from schema.vocabulary import PLATFORMS, Platform
from transforms.pseudonymize import author_pseudonyms
from warehouse import store


def looked_at_reddit(evidence: Evidence) -> Outcome:
    """R14: whatever is held of Reddit was looked at inside the deadline."""
    return _looked_at(evidence, "reddit")


def looked_at_bluesky(evidence: Evidence) -> Outcome:
    """R15: whatever is held of Bluesky was looked at inside the deadline."""
    return _looked_at(evidence, "bluesky")


def _looked_at(evidence: Evidence, platform: Platform) -> Outcome:
    overdue = evidence.map.count_due(overdue_before(evidence.workspace, platform), platform)
    if platform not in platforms_of(evidence) and not overdue:
        return inapplicable(f"the study reads nothing of {platform}")
    return judged(
        {f"posts on {platform} were not looked at in time": overdue},
        "whatever is held was looked at in time",
        "run `confide refresh`",
    )


def everywhere(evidence: Evidence) -> Outcome:
    """R16: tasks, published file and vault follow what was removed."""
    due, workspace = store.read_due(evidence.rows), evidence.workspace
    waiting = {
        "removals that were begun and not completed": bool(count_pending(workspace.vault)),
        "Label Studio": due.are_tasks_due,
        "published file": due.is_published_due and workspace.published.exists(),
    }
    if late := [name for name, is_waiting in waiting.items() if is_waiting]:
        return failed(f"{', '.join(late)} may hold what was removed: run `confide refresh`")
    return passed("tasks, published file and vault follow the warehouse")


def no_residue(evidence: Evidence) -> Outcome:
    """R17: nothing keyed is left of a post that is gone; what remains is counted in large cells."""
    return judged(
        {
            "rows hang on posts that are gone": store.count_offending(evidence.rows, "orphans"),
            "codings have no unit": store.count_offending(evidence.rows, "codings_without_unit"),
            f"cells of the tally are under {store.SMALLEST_CELL}": store.count_small_cells(
                evidence.rows
            ),
        },
        "no row hangs on a post that is gone",
        "delete them: what is removed leaves counts in large cells alone",
    )


def edits(evidence: Evidence) -> Outcome:
    """R18: of a wording that an edit replaced neither text nor spans stand."""
    if count := store.count_offending(evidence.rows, "superseded_versions"):
        return failed(f"{count} replaced wordings stand: run `confide refresh`")
    if count := store.count_offending(evidence.rows, "spans_of_replaced"):
        told = (
            f"{count} spans point into a wording that was replaced: delete them, they count nowhere"
        )
        return failed(told, blocks=("release",))
    return passed("replaced wordings and their spans are gone")


def stays_out(evidence: Evidence) -> Outcome:
    """R19: nothing that was removed for good is held again."""
    back = sum(evidence.map.count_held_suppressed(platform) for platform in PLATFORMS)
    kept_out = evidence.map.count_suppressed()
    return judged(
        {
            "posts are held that were to stay out": back,
            "accounts that were to stay out have posts here": len(_accounts_back(evidence)),
        },
        f"{kept_out} posts and accounts stay out, and nothing of them is held",
        "run `confide forget` with them, and find out what brought them back",
    )


def _accounts_back(evidence: Evidence) -> set[str]:
    """Find accounts that stay out, by their pseudonyms among the rows and by DID in the vault."""
    key = evidence.workspace.key.pseudonym_key("bluesky")
    found = set(
        author_pseudonyms("bluesky", sorted(evidence.map.held_suppressed_accounts()), key=key)
    )
    if evidence.warehouse is not None:
        for platform in PLATFORMS:
            held = store.held_authors(evidence.warehouse, platform)
            found |= evidence.map.suppressed(platform, (), held)[1]
    return found
