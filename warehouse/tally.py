"""How long posts stay up: what goes is counted, by cohort and age, before its rows are deleted.

A cell counts at least 11 posts that were still up at that age, or nothing is written: no count
stands for a post that somebody could look for. What a row says of a post is gone with it. A study
whose policy asks for larger cells keeps these counts and shows fewer of them.
"""

from datetime import datetime

from warehouse.clock import naive
from warehouse.connection import Warehouse

SMALLEST_CELL = 11
_SHOWN = "create or replace macro smallest_cell() as {}"
# what shows how long posts stay public; who opts out, or what a policy lets go, may still be up
_TELLING = ("deleted_by_author", "removed_by_moderator", "account_deleted", "taken_down")
_TALLIED = """
with going as (
    select
        posts.platform, posts.cohort_week, posts.community_kind, posts.code_cell,
        days_up(posts.created_at, $1) as age_days
    from intermediate.cohorts as posts
    inner join gone on posts.post_key = gone.post_key
),

last_up as (
    select * from going
    union all
    select platform, cohort_week, community_kind, code_cell, followed_days
    from intermediate.cohorts
    where post_key not in (select gone.post_key from gone)
    union all
    select platform, cohort_week, community_kind, code_cell, age_days
    from landed.persistence_tally, range(deleted_count)
),

cells as (
    select *, count(*) as deleted_count
    from going
    group by all
),

sized as (
    select
        cells.*,
        count(*) filter (where last_up.code_cell = cells.code_cell) as cell_count,
        count(*) as cohort_count
    from cells
    inner join last_up
        on
            cells.platform = last_up.platform
            and cells.cohort_week = last_up.cohort_week
            and cells.community_kind = last_up.community_kind
            and cells.age_days <= last_up.age_days
    group by all
)

select
    platform,
    cohort_week,
    community_kind,
    case when cell_count >= $2 then code_cell else 'other' end as code_cell,
    age_days,
    max(case when cell_count >= $2 then cell_count else cohort_count end) as at_risk_count,
    cast(sum(deleted_count) as bigint) as deleted_count,
    cast(0 as bigint) as edited_count
from sized
where cohort_count >= $2
group by all
"""
_CELL = "platform, cohort_week, community_kind, code_cell, age_days"
_ADD = """
update landed.persistence_tally
set
    deleted_count = persistence_tally.deleted_count + tallied.deleted_count,
    at_risk_count = greatest(persistence_tally.at_risk_count, tallied.at_risk_count)
from tallied
where {same}
""".format(
    same=" and ".join(f"persistence_tally.{name} = tallied.{name}" for name in _CELL.split(", "))
)


def tally(warehouse: Warehouse, reason: str, *, now: datetime) -> None:
    """Count the posts of the frame `gone`, which is shown; call it before their rows go."""
    if reason not in _TELLING:
        return
    tallied = warehouse.frame(_TALLIED, [naive(now), SMALLEST_CELL])
    if tallied.is_empty():
        return
    with warehouse.showing("tallied", tallied):
        warehouse.execute(_ADD)
        warehouse.execute(
            "insert into landed.persistence_tally by name select * from tallied "
            f"anti join landed.persistence_tally using ({_CELL})"
        )


def show_cells_from(warehouse: Warehouse, minimum: int) -> None:
    """Let the life table show cells of so many posts or more; never of fewer than are counted."""
    smallest = max(SMALLEST_CELL, minimum)
    if warehouse.scalar("select smallest_cell()") != smallest:
        warehouse.execute(_SHOWN.format(smallest))
