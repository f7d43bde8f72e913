"""Rules E: what Bluesky's authors state of the reuse of their posts."""

from flows.rules import Evidence, Outcome, inapplicable, judged
from warehouse import store


def intents(evidence: Evidence) -> Outcome:
    """R20: nothing counts as shareable without its author's yes."""
    if not evidence.sources("bluesky"):
        return inapplicable("the study reads nothing of Bluesky")
    return judged(
        {
            "posts count as shareable without a yes": store.count_offending(
                evidence.rows, "shareable_allowed"
            )
        },
        "what is not declared counts as no; no generative model is sent anything by this program",
        "run `confide refresh`, which asks for wishes again",
    )


def signed_in_readers(evidence: Evidence) -> Outcome:
    """R21: nothing is held that its author shows to signed-in readers alone."""
    if not evidence.sources("bluesky"):
        return inapplicable("the study reads nothing of Bluesky")
    return judged(
        {
            "posts are for signed-in readers": store.count_offending(
                evidence.rows, "visible_logged_out"
            ),
            "posts of closed accounts show": store.count_offending(
                evidence.rows, "hidden_stay_hidden"
            ),
        },
        "no post is held that its author hides",
        "run `confide refresh`, which removes or hides them",
    )
