-- What posts link to.
select
    post_key,
    link_category
from post_link;
