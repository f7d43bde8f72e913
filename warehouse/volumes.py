"""How many posts each source brings a day, now and usually: a source dries up without an error."""

from datetime import datetime

import polars as pl

from warehouse.clock import naive
from warehouse.connection import Warehouse

DAYS = 7  # compared with; a window is 24 hours back from now, whatever the time zone


def daily_volumes(warehouse: Warehouse, *, now: datetime) -> pl.DataFrame:
    """Count what each source brought in the last 24 hours and, as a median, in those before.

    Columns source, last_count, usual_count, days_count: how many of the seven days before had
    begun when the source first ran. One row per source that ran at all.
    """
    return warehouse.frame(
        """
        with sources as (
            select
                source,
                least($2, cast(floor(epoch($1 - min(started_at)) / 86400) as bigint)) as days_count
            from landed.collection_runs
            group by source
        ),

        brought as (
            select
                source,
                cast(floor(epoch($1 - observed_at) / 86400) as bigint) as days_ago,
                count(*) as posts_count
            from staging.stg_posts
            where not is_edited and observed_at > $1 - to_days($2 + 1)
            group by all
        ),

        days as (
            select
                sources.source,
                sources.days_count,
                days_ago,
                coalesce(brought.posts_count, 0) as posts_count
            from sources
            cross join range(0, $2 + 1) as counted(days_ago)
            left join brought using (source, days_ago)
            where days_ago <= sources.days_count
        )

        select
            source,
            max(posts_count) filter (where days_ago = 0) as last_count,
            median(posts_count) filter (where days_ago > 0) as usual_count,
            any_value(days_count) as days_count
        from days
        group by source
        order by source
        """,
        [naive(now), DAYS],
    )
