-- Items that broke a rule: the rule and the item's shape, never a value.
create or replace view staging.stg_set_aside as
select
    run_id,
    source,
    stream,
    rule,
    skeleton,
    items_count
from landed.set_aside;
