-- Devices that ask to be carried further: calls to act, names of the feed, hooks, trend tags.
-- Patterns one by one: out of a list each would be read anew for every row.
create or replace macro reach_device_count(text_masked) as
cast(
    regexp_matches(
        lower(text_masked),
        '(like|comment|share|repost|save|follow)( this| and | if | a | for )'
    ) as bigint
)
+ cast(
    regexp_matches(
        lower(text_masked),
        '(watch|wait|stay|read|keep reading) (for|to|until|till) the end'
    ) as bigint
)
+ cast(regexp_matches(lower(text_masked), '(the|this) (algorithm|feed|app) ') as bigint)
+ cast(regexp_matches(lower(text_masked), 'part (two|2) (is|in|on)') as bigint)
+ cast(regexp_matches(lower(text_masked), 'swipe (to|for)') as bigint)
+ cast(
    regexp_matches(
        lower(text_masked), '#(fyp|foryou|foryoupage|viral|trending|storytime|explore)'
    ) as bigint
)
+ cast(
    regexp_matches(lower(text_masked), '(what|the way) (he|she|they) (said|did) next') as bigint
);
