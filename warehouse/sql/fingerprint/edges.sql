-- Replies whose root stands.
select
    reply_key,
    thread_key,
    replier_key,
    root_author_key,
    minutes_since_root,
    depth,
    is_self_reply
from reply_edge
where root_author_key is not null;
