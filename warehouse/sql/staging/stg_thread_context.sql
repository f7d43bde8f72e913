-- What a post answers, stands under or quotes, where that is not shown.
create or replace view staging.stg_thread_context as
select
    post_key,
    relation,
    state,
    observed_at
from landed.thread_context;
