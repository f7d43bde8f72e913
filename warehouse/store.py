"""The warehouse as flows use it: everything that reads or writes the store, by name."""

from warehouse.authors import (
    Beside,
    authors_to_ask,
    count_hidden,
    count_wishes,
    end_expired_labels,
    hidden_authors,
    hidden_posts,
    may_share,
)
from warehouse.checks import run_checks
from warehouse.codebooks import save_codebook
from warehouse.codings import (
    coded_units,
    known_annotations,
    latest_codings,
    read_agreement,
    retract_annotations,
    save_agreement,
    save_codings,
    set_current_round,
)
from warehouse.connection import Warehouse, open_warehouse
from warehouse.contexts import (
    QUOTES,
    PostContext,
    quotes_to_read,
    replies_without_context,
    roots_to_read,
    save_quote_read,
)
from warehouse.duplicates import (
    count_duplicates,
    duplicate_inputs,
    duplicate_texts,
    duplicates_of,
    save_duplicates,
)
from warehouse.fingerprint import table_hash
from warehouse.interactions import interactions_to_read, keep_interactions, save_interactions
from warehouse.publish import publish
from warehouse.remasking import less_masked, save_remasked
from warehouse.removals import RemovalCounts, is_held, is_seen_after, remove
from warehouse.rewriting import compact
from warehouse.runs import (
    Status,
    begin_run,
    count_posts,
    end_run,
    is_rewrite_due,
    last_run_at,
    post_keys_of,
    read_status,
    threads_to_read,
)
from warehouse.saving import SaveCounts, SaveStamp, read_position, save_page
from warehouse.streams import StreamProgress, posts_seen_since, read_progress, save_progress
from warehouse.units import (
    coding_tasks,
    count_units,
    drawn_rounds,
    last_drawn_round,
    read_units,
    requeue_units,
    reworded_units,
    sampling_frame,
    save_units,
    unit_keys,
    withhold_units,
)
from warehouse.verdicts import compute_verdicts

__all__ = [
    "QUOTES",
    "Beside",
    "PostContext",
    "RemovalCounts",
    "SaveCounts",
    "SaveStamp",
    "Status",
    "StreamProgress",
    "Warehouse",
    "authors_to_ask",
    "begin_run",
    "coded_units",
    "coding_tasks",
    "compact",
    "compute_verdicts",
    "count_duplicates",
    "count_hidden",
    "count_posts",
    "count_units",
    "count_wishes",
    "drawn_rounds",
    "duplicate_inputs",
    "duplicate_texts",
    "duplicates_of",
    "end_expired_labels",
    "end_run",
    "hidden_authors",
    "hidden_posts",
    "interactions_to_read",
    "is_held",
    "is_rewrite_due",
    "is_seen_after",
    "keep_interactions",
    "known_annotations",
    "last_drawn_round",
    "last_run_at",
    "latest_codings",
    "less_masked",
    "may_share",
    "open_warehouse",
    "post_keys_of",
    "posts_seen_since",
    "publish",
    "quotes_to_read",
    "read_agreement",
    "read_position",
    "read_progress",
    "read_status",
    "read_units",
    "remove",
    "replies_without_context",
    "requeue_units",
    "retract_annotations",
    "reworded_units",
    "roots_to_read",
    "run_checks",
    "sampling_frame",
    "save_agreement",
    "save_codebook",
    "save_codings",
    "save_duplicates",
    "save_interactions",
    "save_page",
    "save_progress",
    "save_quote_read",
    "save_remasked",
    "save_units",
    "set_current_round",
    "table_hash",
    "threads_to_read",
    "unit_keys",
    "withhold_units",
]
